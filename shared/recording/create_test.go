package recording_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/strictjson"
)

const maxBytes = 1000

var sha = strings.Repeat("ab", 32)

func TestParseCreation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		want       recording.Creation
	}{
		{"empty object", `{}`, recording.Creation{Document: "{}"}},
		{
			"fields", `{"data": {"from": "a@b", "start": 63900000000, "user_metadata": {"x": [null]}}}`,
			recording.Creation{Document: `{"from":"a@b","start":63900000000,"user_metadata":{"x":[null]}}`},
		},
		{
			"without data", `{"from":"a@b","upload":{"size":5}}`,
			recording.Creation{Document: `{"from":"a@b"}`, Upload: recording.Upload{Size: 5}},
		},
		{"Kazoo's envelope", `{"data":{"to":"x"},"auth_token":"t","verb":"PUT"}`, recording.Creation{Document: `{"to":"x"}`}},
		{"ID", `{"data":{"id":"202601-my.call@1_-"}}`, recording.Creation{ID: "202601-my.call@1_-", Document: "{}"}},
		{
			"document as read", `{"data":{"id":null,"from":null,"_read_only":{"state":"ready"},"pvt_account_id":"x","ui_metadata":{},"to":"y"}}`,
			recording.Creation{Document: `{"to":"y"}`},
		},
		{
			"complete announcement", `{"data":{"owner_id":"u"},"upload":{"content_type":"audio/x-wav; a=b","size":1000,"sha256":"` + strings.ToUpper(sha) + `"}}`,
			recording.Creation{Document: `{"owner_id":"u"}`, Upload: recording.Upload{ContentType: "audio/x-wav; a=b", Size: 1000, SHA256: sha}},
		},
		{"upload null", `{"data":{},"upload":null}`, recording.Creation{Document: `{}`}},
		{"upload members null", `{"data":{},"upload":{"content_type":null,"size":null,"sha256":null}}`, recording.Creation{Document: `{}`}},
	} {
		got, err := recording.ParseCreation([]byte(c.body), maxBytes)
		if err != nil {
			t.Errorf("%s: ParseCreation = %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: ParseCreation (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestParseCreationErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		want       string // field and code of each error
	}{
		{"data not an object", `{"data":[]}`, "data type"},
		{"body not an object", `"x"`, "data type"},
		{"unknown fields", `{"data":{"frm":"x","a.b":1}}`, "a%2Eb additionalProperties, frm additionalProperties"},
		{"field next to data", `{"data":{},"from":"x"}`, "from additionalProperties"},
		{"wrong types", `{"data":{"from":1,"start":"x","user_metadata":[],"duration":-1}}`, "duration minimum, from type, start type, user_metadata type"},
		{"invalid ID", `{"data":{"id":"../x"}}`, "id pattern"},
		{"numeric ID", `{"data":{"id":202601}}`, "id pattern"},
		{"owner with a slash", `{"data":{"owner_id":"a/b"}}`, "owner_id pattern"},
		{"numeric owner", `{"data":{"owner_id":7}}`, "owner_id type"},
		{"metadata too large", `{"data":{"user_metadata":{"x":"` + strings.Repeat("x", recording.MaxUserMetadata) + `"}}}`, "user_metadata maxLength"},
		{"upload not an object", `{"data":{},"upload":"x"}`, "upload type"},
		{"unknown member of upload", `{"data":{},"upload":{"md5":"x"}}`, "upload.md5 additionalProperties"},
		{"a direction that is none of Kazoo's", `{"data":{"direction":"up"}}`, "direction enum"},
		{"a direction in capitals", `{"data":{"direction":"INBOUND"}}`, "direction enum"},
		{"an empty direction", `{"data":{"direction":""}}`, "direction enum"},
		{"a number as direction", `{"data":{"direction":1}}`, "direction type"},
		{"upload of HTML", `{"data":{},"upload":{"content_type":"text/html"}}`, "upload.content_type enum"},
		{"upload of an invalid type", `{"data":{},"upload":{"content_type":"mp3"}}`, "upload.content_type enum"},
		{"upload of size 0", `{"data":{},"upload":{"size":0}}`, "upload.size minimum"},
		{"upload too large", `{"data":{},"upload":{"size":1001}}`, "upload.size maximum"},
		{"upload size as a string", `{"data":{},"upload":{"size":"5"}}`, "upload.size type"},
		{"checksum too short", `{"data":{},"upload":{"sha256":"abcd"}}`, "upload.sha256 pattern"},
	} {
		_, err := recording.ParseCreation([]byte(c.body), maxBytes)
		var errs recording.FieldErrors
		if !errors.As(err, &errs) {
			t.Errorf("%s: ParseCreation = %v, want FieldErrors", c.name, err)
			continue
		}
		var got []string
		for _, f := range errs {
			got = append(got, f.Field+" "+f.Code)
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s: errors %s, want %s", c.name, text, c.want)
		}
	}
	for body, want := range map[string]error{
		`{"data":`:                    strictjson.ErrSyntax,
		`{"data":{},"data":{}}`:       strictjson.ErrDuplicate,
		"{\"data\":{\"a\":\"\xff\"}}": strictjson.ErrUTF8,
	} {
		if _, err := recording.ParseCreation([]byte(body), maxBytes); !errors.Is(err, want) {
			t.Errorf("ParseCreation(%s) = %v, want %v", body, err, want)
		}
	}
}

func TestCreationOfAQuery(t *testing.T) {
	t.Parallel()
	got, err := recording.CreationOf(maps.All(map[string]string{
		"id": "202601-a", "from": "12", "start": "63900000000", "user_metadata": `{"x": 1}`, "_": "1700000000", "accept": "json", "auth_token": "t",
	}))
	if err != nil || got.ID != "202601-a" {
		t.Fatalf("CreationOf = %+v, %v", got, err)
	}
	for field, want := range map[string]string{"from": `"12"`, "start": "63900000000", "user_metadata": `{"x":1}`} {
		if raw, _ := got.Document.Raw(field); raw != want {
			t.Errorf("%s = %s, want %s", field, raw, want)
		}
	}
	if n := len(slices.Collect(func(yield func(string) bool) {
		for name := range got.Document.Fields() {
			if !yield(name) {
				return
			}
		}
	})); n != 3 {
		t.Errorf("document %s, want three fields", got.Document)
	}
	for name, value := range map[string]string{"start": "soon", "duration": "-1", "user_metadata": "x", "id": "x", "custom_channel_vars": "5", "duration_ms": "", "transcribe": "yes"} {
		if _, err := recording.CreationOf(maps.All(map[string]string{name: value})); err == nil {
			t.Errorf("CreationOf(%s=%s) succeeded, want an error", name, value)
		}
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ key, account, id string }{
		{"recordings/a/202601/202601-x", "a", "202601-x"},
		{"recordings/A_-9/202601/202601-x.@_-Y", "A_-9", "202601-x.@_-Y"},
		{"recordings/a/202601/202601-x~0123456789abcdef", "a", "202601-x"},
		{"recordings/a/202602/202601-x", "", ""},
		{"recordings/a/202601/202601-x/y", "", ""},
		{"recordings/a/../202601-x", "", ""},
		{"recordings/../a/202601/202601-x", "", ""},
		{"recordings/a%2Fb/202601/202601-x", "", ""},
		{"recordings/a/202601/202601-..%2Fx", "", ""},
		{"recordings/ä/202601/202601-x", "", ""},
		{"recordings/a/202601/202601-ä", "", ""},
		{"recordings/a/202601/202601-x~../y", "", ""},
		{"recordings//202601/202601-x", "", ""},
		{"recordings/" + strings.Repeat("a", 65) + "/202601/202601-x", "", ""},
		{"recordings/a/202601/", "", ""},
		{"set-aside/a/202601/202601-x", "", ""},
		{"imported/a/202601/202601-x", "", ""},
		{"imported/recordings/a/202601/202601-x", "", ""},
		{"/recordings/a/202601/202601-x", "", ""},
		{"", "", ""},
	} {
		account, id, ok := recording.ParseKey(c.key)
		if account != c.account || id != c.id || ok != (c.id != "") {
			t.Errorf("ParseKey(%q) = %q, %q, %v, want %q, %q", c.key, account, id, ok, c.account, c.id)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	for _, seed := range []string{"recordings/a/202601/202601-x", "recordings/a/202601/202601-x~00", "recordings/../202601/202601-x", "recordings/a/20260/202601-"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		account, id, ok := recording.ParseKey(key)
		if !ok {
			return
		}
		if own := recording.AudioKey(account, id); key != own && !strings.HasPrefix(key, own+"~") {
			t.Errorf("ParseKey(%q) = %q, %q, but their key is %q", key, account, id, own)
		}
		if _, err := recording.ParseID(id); err != nil || strings.Contains(key, "..") && !strings.Contains(id, "..") {
			t.Errorf("ParseKey(%q) = %q, %q", key, account, id)
		}
	})
}

func FuzzParseCreation(f *testing.F) {
	for _, seed := range []string{`{}`, `{"data":{"id":"202601-a","from":"x"},"upload":{"size":1}}`, `{"upload":{}}`, `{"data":{"_a":1,"b":null}}`, `[]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := recording.ParseCreation(body, maxBytes)
		if err != nil {
			return
		}
		if errs := c.Document.Validate(); len(errs) > 0 {
			t.Errorf("ParseCreation(%q) = %+v, which is invalid: %v", body, c, errs)
		}
		if _, err := recording.ParseDocument([]byte(c.Document)); err != nil {
			t.Errorf("ParseCreation(%q) made %q: %v", body, c.Document, err)
		}
		if _, ok := c.Document.Raw("id"); ok || c.Upload.Size > maxBytes || c.Upload.Size < 0 {
			t.Errorf("ParseCreation(%q) = %+v", body, c)
		}
	})
}
