package s3server

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The rules of Signature Version 4
// (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html).
const (
	algorithm  = "AWS4-HMAC-SHA256"
	timeFormat = "20060102T150405Z"
	maxSkew    = 15 * time.Minute
	maxExpires = 7 * 24 * 60 * 60 // seconds

	headerHash      = "X-Amz-Content-Sha256"
	headerRequestID = "X-Amz-Request-Id"
	unsigned        = "UNSIGNED-PAYLOAD"
)

// keyPair is the one key pair that may sign requests.
type keyPair struct{ id, secret, region string }

// authorization is the signature of a request, from its header or its query.
type authorization struct {
	// time is the request's own time, as in the signature.
	time string
	// scope is "date/region/s3/aws4_request".
	scope string
	// headers are the lower-case names of the signed headers.
	headers   []string
	signature string
	// payload is the SHA-256 of the body in hex, or the name of a mode.
	payload string
	// key is the signing key, for the chunks of a body.
	key []byte
}

// authenticate checks the signature of a request. Errors: the apiErrors of S3 for
// requests that are anonymous, malformed, forged or expired.
func (k keyPair) authenticate(r *http.Request, now time.Time) (*authorization, error) {
	query := r.URL.Query()
	header := r.Header.Get("Authorization")
	presigned := query.Has("X-Amz-Algorithm") || query.Has("X-Amz-Signature") || query.Has("X-Amz-Credential") || query.Has("X-Amz-Date")
	switch {
	case header != "" && (presigned || query.Has("Signature")):
		return nil, errTwoMechanisms
	case presigned:
		return k.fromQuery(r, query, now)
	case header == "":
		return nil, errAccessDenied
	case !strings.HasPrefix(header, algorithm+" "):
		return nil, errAuthType
	}
	return k.fromHeader(r, strings.TrimPrefix(header, algorithm+" "), now)
}

// fromHeader checks a signature in the header Authorization.
func (k keyPair) fromHeader(r *http.Request, text string, now time.Time) (*authorization, error) {
	fields := map[string]string{}
	for field := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	a := &authorization{time: r.Header.Get("X-Amz-Date"), signature: fields["Signature"], payload: r.Header.Get(headerHash)}
	if a.time == "" {
		if date, err := http.ParseTime(r.Header.Get("Date")); err == nil {
			a.time = date.UTC().Format(timeFormat)
		}
	}
	at, err := time.Parse(timeFormat, a.time)
	if err != nil || a.signature == "" || fields["Credential"] == "" || fields["SignedHeaders"] == "" {
		return nil, errAuthHeader
	}
	if err := k.scope(a, fields["Credential"], errAuthHeader); err != nil {
		return nil, err
	}
	a.headers = strings.Split(fields["SignedHeaders"], ";")
	if a.payload == "" {
		return nil, errNoHash
	}
	if err := k.check(r, a, r.URL.RawQuery); err != nil {
		return nil, err
	}
	if age := now.Sub(at); age > maxSkew || age < -maxSkew {
		return nil, errSkewed
	}
	return a, nil
}

// fromQuery checks a signature in the query: a presigned URL.
func (k keyPair) fromQuery(r *http.Request, query url.Values, now time.Time) (*authorization, error) {
	a := &authorization{time: query.Get("X-Amz-Date"), signature: query.Get("X-Amz-Signature"), payload: unsigned}
	at, err := time.Parse(timeFormat, a.time)
	expires, badExpires := strconv.Atoi(query.Get("X-Amz-Expires"))
	if query.Get("X-Amz-Algorithm") != algorithm || err != nil || badExpires != nil || expires < 1 || expires > maxExpires ||
		a.signature == "" || query.Get("X-Amz-Credential") == "" || query.Get("X-Amz-SignedHeaders") == "" {
		return nil, errAuthQuery
	}
	if err := k.scope(a, query.Get("X-Amz-Credential"), errAuthQuery); err != nil {
		return nil, err
	}
	a.headers = strings.Split(query.Get("X-Amz-SignedHeaders"), ";")
	if hash := query.Get(headerHash); hash != "" {
		a.payload = hash
	} else if slices.Contains(a.headers, strings.ToLower(headerHash)) {
		a.payload = r.Header.Get(headerHash)
	}
	if err := k.check(r, a, r.URL.RawQuery); err != nil {
		return nil, err
	}
	if now.Before(at.Add(-maxSkew)) || now.After(at.Add(time.Duration(expires)*time.Second)) {
		return nil, errExpired
	}
	return a, nil
}

// scope checks a credential of the form "key/date/region/s3/aws4_request" and
// sets the scope and the signing key of a.
func (k keyPair) scope(a *authorization, credential string, malformed apiError) error {
	id, scope, _ := strings.Cut(credential, "/")
	parts := strings.Split(scope, "/")
	if len(parts) != 4 || parts[2] != "s3" || parts[3] != "aws4_request" || !strings.HasPrefix(a.time, parts[0]) || len(parts[0]) != 8 {
		return malformed
	}
	if id != k.id {
		return errUnknownKey
	}
	if parts[1] != k.region {
		malformed.message = "The region '" + parts[1] + "' is wrong; expecting '" + k.region + "'"
		return malformed
	}
	a.scope = scope
	a.key = []byte("AWS4" + k.secret)
	for _, part := range parts {
		a.key = mac(a.key, part)
	}
	return nil
}

// check compares the signature of a with the one that the request should have.
func (k keyPair) check(r *http.Request, a *authorization, rawQuery string) error {
	query, err := canonicalQuery(rawQuery)
	if err != nil {
		return errURI
	}
	if !slices.Contains(a.headers, "host") {
		return errSignature
	}
	var b strings.Builder
	b.WriteString(r.Method + "\n" + escape(r.URL.Path, true) + "\n" + query + "\n")
	for _, name := range a.headers {
		b.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(a.headers, ";") + "\n" + a.payload)
	want := a.sign(algorithm, hexSum(b.String()))
	if subtle.ConstantTimeCompare([]byte(want), []byte(a.signature)) != 1 {
		return errSignature
	}
	for name := range r.Header {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") && lower != strings.ToLower(headerHash) && !slices.Contains(a.headers, lower) {
			return errNotSigned
		}
	}
	return nil
}

// sign returns the signature of the lines, in hex. kind is the first line of the
// string to sign.
func (a *authorization) sign(kind string, lines ...string) string {
	return hex.EncodeToString(mac(a.key, kind+"\n"+a.time+"\n"+a.scope+"\n"+strings.Join(lines, "\n")))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func hexSum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// headerValue returns the value of a signed header in its canonical form. net/http
// keeps the host and the length outside of the headers.
func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(max(r.ContentLength, 0), 10)
	case "transfer-encoding":
		return strings.Join(r.TransferEncoding, ",")
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(values, ",")
}

// canonicalQuery returns the query sorted and escaped, without its signature.
func canonicalQuery(raw string) (string, error) {
	var pairs [][2]string
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		n, err := url.QueryUnescape(name)
		if err != nil {
			return "", err
		}
		v, err := url.QueryUnescape(value)
		if err != nil {
			return "", err
		}
		if n != "X-Amz-Signature" {
			pairs = append(pairs, [2]string{escape(n, false), escape(v, false)})
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		if c := strings.Compare(a[0], b[0]); c != 0 {
			return c
		}
		return strings.Compare(a[1], b[1])
	})
	lines := make([]string, len(pairs))
	for i, p := range pairs {
		lines[i] = p[0] + "=" + p[1]
	}
	return strings.Join(lines, "&"), nil
}

// escape escapes all bytes except the unreserved characters of RFC 3986 and, if
// slashes is true, slashes.
func escape(s string, slashes bool) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0, slashes && c == '/':
			b.WriteByte(c)
		default:
			b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
		}
	}
	return b.String()
}
