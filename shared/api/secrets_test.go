package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/gateway"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/namepattern"
	"github.com/callrecordings/api/shared/link"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog/requestlogtest"
	"github.com/callrecordings/api/shared/store"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

// marks are secrets that the test puts into every input from clients and
// documents. The log must not contain them in any spelling.
var marks = map[string]string{
	"token":  "eyJhbGciOiJIUzI1NiJ9.markedtoken.marked-signature",
	"number": "+15559998877",
	"name":   "Marceline Marked",
	"query":  "X-Amz-Signature=markedsignature",
	"tag":    "marked-tag",
	"path":   "marked-path",
}

// markedSecret is the storage secret of the account. markedStorage is the path
// with it.
const (
	markedSecret  = "0a1b2c3d-MarkedMarkedMarkedMarkedMarkedMarkedMarked1"
	markedStorage = "/v2/storage/" + oneAccount + "/" + markedSecret + "/"
)

// markedLink is the end of the URL of a link. Its random bytes are those of markedBytes.
const markedLink = "6d61726b65642d6c/6d61726b-" + "bWFya2VkLWxpbmttYXJrZWQtbGlua21hcmtlZC1saW4"

// markedBytes is the source of markedLink.
type markedBytes struct{}

func (markedBytes) Read(p []byte) (int, error) {
	copy(p, strings.Repeat("marked-link", 4)[:8])
	return copy(p[8:], strings.Repeat("marked-link", 4)) + 8, nil
}

// markedKey is the key of audio in an inbox, and markedClaim an idempotency key in use.
var (
	markedKey   = "inbox/" + oneAccount + "/out-" + marks["number"] + "-" + marks["tag"] + ".mp3"
	markedClaim = "inbox/" + marks["number"] + "/" + marks["tag"]
)

// markedSum returns the stored hash of the secret.
func markedSum() string {
	sum := sha256.Sum256([]byte(markedSecret))
	return hex.EncodeToString(sum[:])
}

// panicking is a store that panics with data from the request.
type panicking struct{ store.Reader }

func (panicking) Get(context.Context, string, string) (*recording.Recording, error) {
	panic("no recording for " + marks["number"])
}

// Every input of every operation holds secrets. The log has one line per request,
// without any secret, for successes and failures alike.
func TestSecretsStayOutOfTheLog(t *testing.T) {
	t.Parallel()
	secrets := map[string]string{}
	for name, secret := range marks {
		secrets[name] = secret
	}
	var (
		number, name, tag = url.QueryEscape(marks["number"]), url.QueryEscape(marks["name"]), url.QueryEscape(marks["tag"])
		list              = oneBase + "/recordings"
		body              = `{"data":{"user_metadata":{"tag":"` + marks["tag"] + `","who":"` + marks["name"] + `"}}}`
	)
	for _, c := range []struct {
		name, method, target, body string
		header                     []string
	}{
		{name: "a list", method: "GET", target: list + "?filter_caller_id_number=" + number + "&filter_callee_id_name=" + name + "&has_value=" + tag},
		{name: "a list as CSV", method: "GET", target: list + "?file_name=" + name, header: []string{"Accept", "text/csv", "X-File-Name", marks["name"]}},
		{name: "a bad page size", method: "GET", target: list + "?page_size=" + number},
		{name: "a bad time", method: "GET", target: list + "?created_from=" + tag},
		{name: "a bad cursor", method: "GET", target: list + "?start_key=" + tag},
		{name: "an unsupported type", method: "GET", target: list + "?accept=" + tag, header: []string{"Accept", marks["tag"]}},
		{name: "another user", method: "GET", target: oneBase + "/users/" + marks["path"] + "/recordings"},
		{name: "a bad user", method: "GET", target: oneBase + "/users/" + number + "/recordings"},
		{name: "a token in the query", method: "GET", target: list + "?auth_token=" + marks["token"], header: []string{"X-Auth-Token", ""}},
		{name: "a bad token", method: "GET", target: list, header: []string{"X-Auth-Token", marks["token"]}},
		{name: "a bad bearer", method: "GET", target: list, header: []string{"X-Auth-Token", "", "Authorization", "Bearer " + marks["token"]}},
		{name: "a document", method: "GET", target: onePath + "?_=" + number, header: []string{"If-None-Match", `"` + marks["tag"] + `"`}},
		{name: "audio", method: "GET", target: onePath + "?accept=mp3", header: []string{"Range", "bytes=0-1", "If-Range", `"` + marks["tag"] + `"`}},
		{name: "a bad range", method: "GET", target: onePath + "?accept=mp3", header: []string{"Range", "bytes=" + marks["tag"]}},
		{name: "a redirect", method: "GET", target: onePath + "?accept=mp3&delivery=redirect"},
		{name: "a bad delivery", method: "GET", target: onePath + "?accept=mp3&delivery=" + tag},
		{name: "external audio", method: "GET", target: oneBase + "/recordings/202311-external?accept=mp3"},
		{name: "a HEAD", method: "HEAD", target: onePath},
		{name: "a bad id", method: "GET", target: list + "/" + number},
		{name: "no such id", method: "GET", target: list + "/202311-nosuch?x=" + tag},
		{name: "a patch", method: "PATCH", target: onePath, body: body},
		{name: "a broken body", method: "PATCH", target: onePath, body: body + marks["name"]},
		{name: "a duplicate key", method: "PATCH", target: onePath, body: `{"` + marks["name"] + `":1,"` + marks["name"] + `":2}`},
		{name: "a wrong key", method: "PATCH", target: onePath, body: `{"data":{"` + marks["name"] + `":"` + marks["number"] + `"}}`},
		{name: "a wrong type", method: "PATCH", target: onePath, body: `{"data":{"user_metadata":"` + marks["name"] + `"}}`},
		{name: "too large", method: "PATCH", target: onePath, body: `{"data":{"user_metadata":{"a":"` + strings.Repeat(marks["name"], 5000) + `"}}}`},
		{name: "an unsupported body", method: "PATCH", target: onePath, body: body, header: []string{"Content-Type", "text/" + marks["path"]}},
		{name: "an unmet condition", method: "DELETE", target: onePath, header: []string{"If-Match", `"` + marks["tag"] + `"`}},
		{name: "a creation", method: "PUT", target: list, body: `{"data":{"from":"` + marks["number"] + `","caller_id_name":"` + marks["name"] + `"},"upload":{"content_type":"audio/mpeg"}}`, header: []string{"Idempotency-Key", marks["tag"]}},
		{name: "a wrong creation", method: "PUT", target: list, body: `{"data":{"` + marks["name"] + `":"` + marks["number"] + `"},"upload":{"sha256":"` + marks["tag"] + `"}}`},
		{name: "a creation under an id in use", method: "PUT", target: list, body: `{"data":{"id":"` + oneID + `","from":"` + marks["number"] + `"}}`},
		{name: "a creation with audio", method: "PUT", target: list + "?from=" + number + "&name=" + name, body: marks["name"], header: []string{"Content-Type", "audio/mpeg"}},
		{name: "a bad key", method: "PUT", target: list, body: `{}`, header: []string{"Idempotency-Key", marks["name"] + strings.Repeat("x", 255)}},
		{name: "a key of another request", method: "PUT", target: list, body: `{"data":{"from":"1001@pbx"}}`, header: []string{"Idempotency-Key", markedClaim}},
		{name: "a new key", method: "PUT", target: list, body: `{"data":{"from":"1001@pbx"}}`, header: []string{"Idempotency-Key", "storage/" + marks["number"]}},
		{name: "a retry with another body", method: "PUT", target: list + "?from=" + number, body: marks["name"], header: []string{"Idempotency-Key", markedClaim, "Content-Type", "audio/mpeg"}},
		{name: "missing audio in an inbox", method: "GET", target: oneBase + "/recordings/202311-inbox?accept=mp3"},
		{name: "missing audio in an inbox, inline", method: "GET", target: oneBase + "/recordings/202311-inbox?accept=mp3&delivery=inline"},
		{name: "missing audio in an inbox, by redirect", method: "GET", target: oneBase + "/recordings/202311-inbox?accept=mp3&delivery=redirect"},
		{name: "a HEAD of audio in an inbox", method: "HEAD", target: oneBase + "/recordings/202311-inbox?accept=mp3"},
		{name: "a delete of audio in an inbox", method: "DELETE", target: oneBase + "/recordings/202311-inbox"},
		{name: "a wait", method: "GET", target: onePath + "?accept=mp3", header: []string{"Prefer", marks["tag"]}},
		{name: "a put", method: "PUT", target: markedStorage + "call_recording_" + number + ".mp3?from=" + number + "&caller_id_name=" + name, body: marks["name"]},
		{name: "a form", method: "POST", target: markedStorage + name, body: "--b\r\nContent-Disposition: form-data; name=from\r\n\r\n" + marks["number"] + "\r\n--b--", header: []string{"Content-Type", "multipart/form-data; boundary=b"}},
		{name: "a put under a bad id", method: "PUT", target: markedStorage + "x?id=" + name, body: "a"},
		{name: "a put for another account", method: "PUT", target: markedStorage + "x?account_id=" + tag, body: "a"},
		{name: "a wrong secret", method: "PUT", target: strings.Replace(markedStorage, "M", "m", 1) + number, body: "a"},
		{name: "a test of a setting", method: "PUT", target: markedStorage + "0a_test_credentials_file.txt", body: marks["name"]},
		{name: "a missing test file", method: "GET", target: markedStorage + "0a_test_credentials_file.txt?x=" + number},
		{name: "a delete from storage", method: "DELETE", target: markedStorage + number},
		{name: "storage with two slashes", method: "PUT", target: "/" + markedStorage + number, body: "a"},
		{name: "storage in upper case", method: "PUT", target: strings.Replace(markedStorage, "/v2/storage", "/V2/Storage", 1) + number, body: "a"},
		{name: "storage below a stage", method: "PUT", target: "/live" + markedStorage + number, body: "a"},
		{name: "storage with a dot", method: "PUT", target: strings.Replace(markedStorage, "/v2/", "/v2/./", 1) + number, body: "a"},
		{name: "storage with escaped slashes", method: "PUT", target: "/v2/" + strings.ReplaceAll(markedStorage[4:], "/", "%2f") + number, body: "a"},
		{name: "storage with slashes escaped twice", method: "PUT", target: "/v2/" + strings.ReplaceAll(markedStorage[4:], "/", "%252f") + number, body: "a"},
		{name: "storage without an account", method: "PUT", target: "/v2/storage/" + markedSecret + "/x/" + number, body: "a"},
		{name: "storage with the secret as the account", method: "PUT", target: "/v2/storage/" + markedSecret + "/" + markedSecret + "/x", body: "a"},
		{name: "a list of an account that is a secret", method: "GET", target: "/v2/accounts/" + markedSecret + "/recordings"},
		{name: "a link", method: "POST", target: onePath + "/links?x=" + number, body: `{"data":{"plays":1}}`},
		{name: "a wrong link", method: "POST", target: onePath + "/links", body: `{"data":{"` + marks["name"] + `":"` + marks["number"] + `"}}`},
		{name: "the links", method: "GET", target: onePath + "/links?x=" + tag},
		{name: "a bad link", method: "DELETE", target: onePath + "/links/" + marks["path"]},
		{name: "a play", method: "GET", target: onePath + "/links/" + markedLink},
		{name: "the headers of a play", method: "HEAD", target: onePath + "/links/" + markedLink},
		{name: "a play with a wrong secret", method: "GET", target: onePath + "/links/" + markedLink[:17] + markedSecret},
		{name: "a play with a marked ID", method: "GET", target: onePath + "/links/" + marks["path"] + "/" + markedSecret},
		{name: "a play for another account", method: "GET", target: "/v2/accounts/" + marks["path"] + "/recordings/" + oneID + "/links/" + markedLink},
		{name: "a post to a link", method: "POST", target: onePath + "/links/" + markedLink},
		{name: "a link with a double slash", method: "GET", target: strings.Replace(onePath, "/recordings", "//recordings", 1) + "/links/" + markedLink},
		{name: "a delete", method: "DELETE", target: onePath, body: body},
		{name: "an unknown path", method: "GET", target: "/v2/" + marks["path"] + "?x=" + number},
		{name: "an unknown method", method: "BREW", target: onePath + "?x=" + number},
		{name: "another verb", method: "GET", target: onePath + "?verb=" + tag},
		{name: "a preflight", method: "OPTIONS", target: list, header: []string{"Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", marks["tag"]}},
		{name: "a panic", method: "GET", target: oneBase + "/recordings/202311-panic"},
	} {
		for store, quoting := range map[string]bool{"": false, ", S3 rejects requests": true} {
			t.Run(c.name+store, func(t *testing.T) {
				t.Parallel()
				s := newMarkedAPI(t, quoting)
				r := httptest.NewRequestWithContext(t.Context(), c.method, c.target, strings.NewReader(c.body))
				r.Header.Set("X-Auth-Token", s.token)
				r.Header.Set("User-Agent", marks["name"])
				r.Header.Set("Referer", "https://portal.example.com/?q="+marks["query"])
				r.Header.Set("Cookie", marks["token"])
				r.Header.Set("X-Forwarded-For", "203.0.113.77")
				for i := 0; i < len(c.header); i += 2 {
					r.Header.Set(c.header[i], c.header[i+1])
				}
				w := httptest.NewRecorder()
				s.handler.ServeHTTP(w, r) // through the events of a gateway and back
				log := s.log.String()
				if n := strings.Count(log, "\n"); n != 1 || !strings.Contains(log, `"status":`) {
					t.Errorf("%d lines, want one with the status %d:\n%s", n, w.Code, log)
				}
				planted := map[string]string{"storage secret": markedSecret[9:], "its hash": markedSum(), "link secret": markedLink[26:], "own token": s.token, "address": "203.0.113.77"}
				for name, secret := range secrets {
					planted[name] = secret
				}
				if found := requestlogtest.Leaks(log, planted); len(found) > 0 {
					t.Errorf("the log of a %d has %q:\n%s", w.Code, found, log)
				}
			})
		}
	}
}

// markedAPI serves all operations, with documents that contain the marks.
type markedAPI struct {
	*single

	handler http.Handler
}

// newMarkedAPI returns the API. If quoting is true, S3 rejects all requests with
// errors that quote their keys.
func newMarkedAPI(t *testing.T, quoting bool) *markedAPI {
	t.Helper()
	s := &single{store: openStore(t), bucket: openBucket(t), log: new(bytes.Buffer)}
	env := oneEnv(t, s)
	marked := documentOf(t, `{"caller_id_number":"`+marks["number"]+`","from":"`+marks["number"]+`@pbx.example.com","callee_id_name":"`+marks["name"]+
		`","user_metadata":{"tag":"`+marks["tag"]+`"},"url":"https://audio.example.com/a.mp3?`+marks["query"]+`"}`)
	s.put(t, []byte("audio of "+marks["name"]), func(r *recording.Recording) { r.Document = marked })
	s.put(t, nil, func(r *recording.Recording) {
		r.ID, r.Document, r.Audio = "202311-external", marked, recording.Audio{Place: recording.External, Key: "https://audio.example.com/a.mp3?" + marks["query"]}
	})
	s.put(t, nil, func(r *recording.Recording) {
		r.ID, r.Document, r.Audio.Key, r.Audio.Size = "202311-inbox", marked, markedKey, 9
	})
	if _, err := incoming.ClaimRequest(t.Context(), s.store, oneAccount, markedClaim, store.Claim{ID: "202311-claimed", Made: "other"}); err != nil {
		t.Fatal(err)
	}
	if quoting {
		var err error
		if s.bucket, err = s3media.Open(s3media.Options{
			Region: "us-east-1", Endpoint: requestlogtest.QuotingS3(t), Bucket: "recordings", Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.store.AddSecret(t.Context(), store.Secret{Account: oneAccount, ID: markedSecret[:8], Sum: markedSum()}); err != nil {
		t.Fatal(err)
	}
	links := link.New(s.store, env.Now, markedBytes{})
	made, secret, err := links.Draft(link.Link{
		Account: oneAccount, Recording: oneID, Maker: link.Maker{Account: oneAccount, Owner: marks["path"]}, Expires: recording.SecondsOf(oneNow) + 60,
	})
	if err != nil || made.ID+"/"+secret != markedLink {
		t.Fatalf("Draft = %s/%s, %v; want %s", made.ID, secret, err, markedLink)
	}
	if err := links.Make(t.Context(), made, secret); err != nil {
		t.Fatal(err)
	}
	names, err := namepattern.Open("", "")
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := cursor.New(testSecret, "")
	if err != nil {
		t.Fatal(err)
	}
	d := Delivery{ExternalHosts: []string{"audio.example.com"}}
	operations := map[Operation]http.Handler{
		OpList: List(env, s.store, sealer, true), OpGet: Get(env, s.store, s.bucket, d), OpPatch: Patch(env, s.store), OpShare: Share(env, s.store, link.New(s.store, env.Now, new(counter)), s.bucket, d, ""),
		OpCreate: Create(env, s.store, s.uploads()), OpReceive: Receive(env, s.store, Storage{Audio: s.bucket, MaxBytes: 1 << 30, Names: names.Call}),
		OpDelete: Delete(env, s.store, s.bucket, 0), OpFallback: Fallback(env, nil),
	}
	broken := Get(env, panicking{s.store}, s.bucket, d)
	return &markedAPI{s, gateway.Local(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := operations[Match(r.Method, r.URL.EscapedPath())]
		if strings.HasSuffix(r.URL.Path, "-panic") {
			h = broken
		}
		h.ServeHTTP(w, r)
	}))}
}
