// Package pbx builds the uploads that PBXs send, for use in tests: uploads of Kazoo's
// recorders with a url, and of its storage plans over HTTP and S3 (kazoo.md 7.6 to
// 7.8). It also builds the file names of FreePBX and FreeSWITCH.
package pbx

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Call is a recorded call. Kazoo's document omits empty fields.
type Call struct {
	Account, ID, CallID, Owner string
	// Start is in Gregorian seconds, 0 if missing, and DurationMS in milliseconds.
	Start, DurationMS int64
	Direction         string
	From, To          string
	Caller, Callee    string
	// Attachment is the file name, and Type the content type that Kazoo gives it.
	Attachment, Type string
	Audio            []byte
}

// Document returns the public fields of Kazoo's document that are not empty.
func (c Call) Document() map[string]string {
	all := map[string]string{
		"id": c.ID, "call_id": c.CallID, "owner_id": c.Owner, "direction": c.Direction, "from": c.From, "to": c.To,
		"caller_id_number": c.Caller, "callee_id_number": c.Callee,
	}
	if c.Start != 0 {
		all["start"], all["duration_ms"] = strconv.FormatInt(c.Start, 10), strconv.FormatInt(c.DurationMS, 10)
	}
	for name, value := range all {
		if value == "" {
			delete(all, name)
		}
	}
	return all
}

// reserved holds the characters that Erlang's http_uri:encode escapes.
const reserved = ";:@&=+,/?#[]<>\"{}|\\'^% "

// Encode escapes a value as Kazoo does.
func Encode(value string) string {
	var b strings.Builder
	for i := range len(value) {
		if strings.IndexByte(reserved, value[i]) >= 0 {
			fmt.Fprintf(&b, "%%%02X", value[i])
		} else {
			b.WriteByte(value[i])
		}
	}
	return b.String()
}

// Upload is an upload request of a PBX.
type Upload struct {
	Method, URL, Type string
	Body              []byte
}

// Recorder returns the upload of a Kazoo recorder with the given url
// (media_recording.erl). Kazoo 5.0 (v5) sends fewer fields than 4.3 and writes two
// dots before the extension.
func Recorder(url string, c Call, v5 bool) Upload {
	_, ext, _ := strings.Cut(c.Attachment, ".")
	d := c.Document()
	fields := []string{"from", "to", "caller_id_name", "caller_id_number", "call_id", "cdr_id", "interaction_id"}
	if v5 {
		ext = "." + ext
	}
	var query []string
	for _, name := range fields {
		query = append(query, name+"="+Encode(d[name]))
	}
	u := url + "/call_recording_" + Encode(d["call_id"]) + "." + ext + "?" + strings.Join(query, "&") + "&account_id=" + c.Account
	if !v5 {
		u += "&owner_id=" + Encode(d["owner_id"]) + "&start=" + d["start"] + "&duration_ms=" + d["duration_ms"] + "&recording_id=" + d["id"]
	}
	return Upload{Method: http.MethodPut, URL: u, Type: c.Type, Body: c.Audio}
}

// Plan returns the upload of a storage plan over HTTP, with the audio as the body
// (kz_att_http.erl).
func Plan(url string, c Call) Upload {
	list := []Field{{Arg: "account_id"}, {Doc: "owner_id"}, {Arg: "id"}, {Arg: "attachment"}}
	return Upload{Method: http.MethodPut, URL: url + "/" + Format(list, c), Type: c.Type, Body: c.Audio}
}

// PlanForm returns the upload of a plan with send_multipart, and with
// base64_encode_data if encoded is true.
func PlanForm(url string, c Call, encoded bool) Upload {
	const boundary = "8bfbz1xx"
	document, err := json.Marshal(c.Document())
	if err != nil { // cannot happen: the document holds only strings
		return Upload{}
	}
	audio := string(c.Audio)
	if encoded {
		audio = base64.StdEncoding.EncodeToString(c.Audio)
	}
	u := Plan(url, c)
	u.Type = "multipart/form-data; boundary=" + boundary
	u.Body = []byte("\r\n--" + boundary + "\r\ncontent-disposition: form-data; name=" + c.ID + "\r\ncontent-type: application/json\r\n\r\n" + string(document) +
		"\r\n--" + boundary + "\r\ncontent-disposition: form-data; name=" + c.Attachment + "\r\ncontent-type: " + c.Type + "\r\n\r\n" + audio +
		"\r\n--" + boundary + "--")
	return u
}

// Field is an element of a field_list.
type Field struct {
	Arg   string  `json:"arg,omitempty"`
	Doc   string  `json:"field,omitempty"`
	Const string  `json:"const,omitempty"`
	Group []Field `json:"group,omitempty"`
}

// GuideList returns the field_list of docs/how-to/connect-kazoo-s3.md.
func GuideList() []Field {
	list := []Field{{Arg: "id"}}
	for _, name := range []string{"call_id", "owner_id", "start", "duration_ms", "direction", "from", "to", "caller_id_number", "callee_id_number"} {
		list = append(list, Field{Group: []Field{{Const: name + "="}, {Doc: name}}})
	}
	return append(list, Field{Arg: "attachment"})
}

// DefaultList returns Kazoo's default field_list for S3.
func DefaultList() []Field {
	return []Field{{Arg: "db"}, {Group: []Field{{Arg: "id"}, {Const: "_"}, {Arg: "attachment"}}}}
}

// Format returns the name of a call's recording according to a field_list, as
// kz_att_util:format_url does. It joins the elements with slashes and omits
// missing ones. It joins the elements of a group without a separator.
func Format(list []Field, c Call) string { return strings.Join(parts(list, c), "/") }

func parts(list []Field, c Call) []string {
	args := map[string]string{
		"attachment": c.Attachment, "id": c.ID, "account_id": c.Account,
		"db": "account/" + c.Account[:2] + "/" + c.Account[2:4] + "/" + c.Account[4:] + "-" + c.ID[:6],
	}
	var out []string
	for _, f := range list {
		switch {
		case f.Group != nil:
			out = append(out, strings.Join(parts(f.Group, c), ""))
		case f.Const != "":
			out = append(out, f.Const)
		case args[f.Arg] != "":
			out = append(out, Encode(args[f.Arg]))
		case f.Doc != "" && c.Document()[f.Doc] != "":
			out = append(out, Encode(c.Document()[f.Doc]))
		}
	}
	return out
}

// FreePBX returns the path of a FreePBX recording in the monitor folder. call is
// the channel's unique ID.
func FreePBX(kind, callee, caller string, at time.Time, call, ext string) string {
	return at.Format("2006/01/02/") + kind + "-" + callee + "-" + caller + at.Format("-20060102-150405-") + call + "." + ext
}

// FreeSWITCH returns the file name of a recording in FreeSWITCH's sample dialplan.
func FreeSWITCH(caller string, at time.Time, ext string) string {
	return caller + at.Format(".2006-01-02-15-04-05.") + ext
}

// S3 is a bucket and its credentials.
type S3 struct {
	Endpoint, Bucket, Region, ID, Secret string
}

// Request returns a signed request for a key, as erlcloud sends it: path style, with
// the payload's checksum and the authorization in headers
// (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
func (s S3) Request(ctx context.Context, method, key string, body []byte) (*http.Request, error) {
	return s.RequestWith(ctx, method, key, body, nil)
}

// RequestWith is like Request, with metadata of the object (x-amz-meta-{name}).
func (s S3) RequestWith(ctx context.Context, method, key string, body []byte, metadata map[string]string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.Endpoint+"/"+s.Bucket+"/", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("request for %s: %w", key, err)
	}
	req.URL.Path = "/" + s.Bucket + "/" + key
	req.URL.RawPath = "/" + s.Bucket + "/" + escapeKey(key)
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", hash)
	for name, value := range metadata {
		req.Header.Set("X-Amz-Meta-"+name, value)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	err = signer.SignHTTP(ctx, aws.Credentials{AccessKeyID: s.ID, SecretAccessKey: s.Secret}, req, hash, "s3", s.Region, time.Now())
	if err != nil {
		return nil, fmt.Errorf("sign a request for %s: %w", key, err)
	}
	return req, nil
}

// escapeKey escapes a key except for slashes and unreserved characters.
func escapeKey(key string) string {
	var b strings.Builder
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
