// Package pbx makes uploads as PBXs make them: Kazoo's recorders with a url and
// its storage plans over HTTP and S3 (kazoo.md 7.6 to 7.8), and the names of
// files that FreePBX and FreeSWITCH write. It is for tests.
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

// Call is a recorded call. Empty fields are missing in Kazoo's document.
type Call struct {
	Account, ID, CallID, Owner string
	// Start in Gregorian seconds, 0 for missing; DurationMS in milliseconds.
	Start, DurationMS int64
	Direction         string
	From, To          string
	Caller, Callee    string
	// Attachment is the file's name, Type what Kazoo calls its type.
	Attachment, Type string
	Audio            []byte
}

// Document are the public fields of Kazoo's document that are there.
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

// reserved is what Erlang's http_uri:encode escapes; all else stays.
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

// Upload is a request of a PBX.
type Upload struct {
	Method, URL, Type string
	Body              []byte
}

// Recorder is what a recorder with that url sends: Kazoo 4.3, or 5.0, which
// tells less and writes the dot twice (media_recording.erl).
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

// Plan is what a storage plan over HTTP sends, raw (kz_att_http.erl).
func Plan(url string, c Call) Upload {
	list := []Field{{Arg: "account_id"}, {Doc: "owner_id"}, {Arg: "id"}, {Arg: "attachment"}}
	return Upload{Method: http.MethodPut, URL: url + "/" + Format(list, c), Type: c.Type, Body: c.Audio}
}

// PlanForm is Plan with send_multipart, and maybe with base64_encode_data.
func PlanForm(url string, c Call, encoded bool) Upload {
	const boundary = "8bfbz1xx"
	document, err := json.Marshal(c.Document())
	if err != nil { // it is made of texts
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

// Field is an item of a field_list.
type Field struct {
	Arg   string  `json:"arg,omitempty"`
	Doc   string  `json:"field,omitempty"`
	Const string  `json:"const,omitempty"`
	Group []Field `json:"group,omitempty"`
}

// GuideList is the field_list of docs/connect-kazoo-s3.md.
func GuideList() []Field {
	list := []Field{{Arg: "id"}}
	for _, name := range []string{"call_id", "owner_id", "start", "duration_ms", "direction", "from", "to", "caller_id_number", "callee_id_number"} {
		list = append(list, Field{Group: []Field{{Const: name + "="}, {Doc: name}}})
	}
	return append(list, Field{Arg: "attachment"})
}

// DefaultList is Kazoo's own for S3.
func DefaultList() []Field {
	return []Field{{Arg: "db"}, {Group: []Field{{Arg: "id"}, {Const: "_"}, {Arg: "attachment"}}}}
}

// Format writes a name by a field_list, as kz_att_util:format_url does: what is
// missing is left out with its separator; a group has none.
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

// FreePBX is the name that its recordings have in the monitor folder; call is the
// channel's unique id.
func FreePBX(kind, callee, caller string, at time.Time, call, ext string) string {
	return at.Format("2006/01/02/") + kind + "-" + callee + "-" + caller + at.Format("-20060102-150405-") + call + "." + ext
}

// FreeSWITCH is the name that its sample dialplan gives a recording.
func FreeSWITCH(caller string, at time.Time, ext string) string {
	return caller + at.Format(".2006-01-02-15-04-05.") + ext
}

// S3 is a bucket, and credentials for it.
type S3 struct {
	Endpoint, Bucket, Region, ID, Secret string
}

// Request is a signed request for a key, as erlcloud makes it: path style, the
// payload's checksum in a header, the authorization in another
// (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
func (s S3) Request(ctx context.Context, method, key string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.Endpoint+"/"+s.Bucket+"/", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("request for %s: %w", key, err)
	}
	req.URL.Path = "/" + s.Bucket + "/" + key
	req.URL.RawPath = "/" + s.Bucket + "/" + escapeKey(key)
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", hash)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	err = signer.SignHTTP(ctx, aws.Credentials{AccessKeyID: s.ID, SecretAccessKey: s.Secret}, req, hash, "s3", s.Region, time.Now())
	if err != nil {
		return nil, fmt.Errorf("sign a request for %s: %w", key, err)
	}
	return req, nil
}

// escapeKey escapes all of a key but slashes and what never needs it.
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
