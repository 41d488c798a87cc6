package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/callrecordings/api/shared/recording"
)

func TestPatch(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	rec := s.put(t, nil, func(rec *recording.Recording) { rec.Modified -= 1000 })
	p := s.do(t, http.MethodPatch, onePath, `{"data":{"user_metadata":{"tag":"new","deep":{"a":null,"c":[1]},"more":"é"},"ui_metadata":{"ui":"monster-ui"}}}`,
		"Content-Type", "application/json")
	p.wantStatus(t, http.StatusOK, "")
	if want := `"user_metadata":{"tag":"new","deep":{"b":2,"c":[1]},"more":"é"}`; !strings.Contains(p.body, want) {
		t.Errorf("body = %s, want %s", p.body, want)
	}
	for _, part := range []string{`"id":"` + oneID, `"name":"call.mp3"`, `"_read_only":{"content_types":["audio/mpeg"],"state":"ready"}`} {
		if !strings.Contains(p.body, part) {
			t.Errorf("body = %s, want the complete document with %s", p.body, part)
		}
	}
	revision := p.text(t, "revision")
	if revision == "" || revision == rec.Revision || p.header.Get("ETag") != `"`+revision+`"` {
		t.Errorf("revision %q with ETag %s after %q, want a new one", revision, p.header.Get("ETag"), rec.Revision)
	}
	stored, err := s.store.Get(t.Context(), oneAccount, oneID)
	if err != nil || stored.Revision != revision || stored.Modified != recording.SecondsOf(oneNow) || stored.Created != rec.Created {
		t.Errorf("stored = %+v, %v, want revision %s, modified now", stored, err, revision)
	}
	if got := s.do(t, http.MethodGet, onePath, ""); got.text(t, "revision") != revision {
		t.Errorf("GET after PATCH = %s", got.body)
	}
}

// A patch without changes succeeds and leaves the document unchanged.
func TestPatchWithoutChanges(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	rec := s.put(t, nil, nil)
	for _, body := range []string{`{}`, `{"data":{}}`, `{"data":{"ui_metadata":{}}}`, `{"user_metadata":{}}`, `{"user_metadata":{"tag":"old"}}`} {
		p := s.do(t, http.MethodPatch, onePath, body)
		p.wantStatus(t, http.StatusOK, "")
		stored, err := s.store.Get(t.Context(), oneAccount, oneID)
		if err != nil || stored.Document != rec.Document || stored.Revision != p.text(t, "revision") {
			t.Errorf("%s: stored %+v, %v", body, stored, err)
		}
	}
}

func TestPatchBodies(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	rec := s.put(t, nil, nil)
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	tests := []struct {
		name, body string
		status     int
		message    string
		field      []string // a path in data that must be there
	}{
		{"empty", ``, 400, "parse_error", []string{"json", "invalid", "target"}},
		{"broken", `{"user_metadata":{`, 400, "parse_error", []string{"json", "invalid", "message"}},
		{"trailing", `{} {}`, 400, "parse_error", []string{"json", "invalid", "message"}},
		{"duplicate key", `{"user_metadata":{"a":1,"a":2}}`, 400, "parse_error", []string{"json", "invalid", "message"}},
		{"bad UTF-8", "{\"user_metadata\":{\"a\":\"\xff\"}}", 400, "parse_error", []string{"json", "invalid", "message"}},
		{"too deep", `{"user_metadata":` + deep + `}`, 400, "parse_error", []string{"json", "invalid", "message"}},
		{"an array", `[]`, 400, "validation error", []string{"data", "type", "message"}},
		{"a string", `{"data":"x"}`, 400, "validation error", []string{"data", "type", "message"}},
		{"another field", `{"user_metadata":{"tag":"new"},"name":"x"}`, 400, "validation error", []string{"name", "additionalProperties", "message"}},
		{"another field, as in Kazoo 5", `{"user_metadata":{"tag":"new"},"name":"x"}`, 400, "validation error", []string{"name", "forbidden", "message"}},
		{"folded case", `{"User_Metadata":{"tag":"new"}}`, 400, "validation error", []string{"User_Metadata", "additionalProperties", "message"}},
		{"array as user_metadata", `{"user_metadata":[1]}`, 400, "validation error", []string{"user_metadata", "type", "message"}},
		{"null", `{"user_metadata":null}`, 400, "validation error", []string{"user_metadata", "type", "message"}},
		{"too much metadata", `{"user_metadata":{"a":"` + strings.Repeat("x", 16<<10) + `"}}`, 400, "validation error", []string{"user_metadata", "maxLength", "message"}},
		{"too large", `{"user_metadata":{"a":"` + strings.Repeat("x", 64<<10) + `"}}`, 413, "entity_too_large", []string{"details"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := s.do(t, http.MethodPatch, onePath, tt.body)
			p.wantStatus(t, tt.status, tt.message)
			if p.text(t, append([]string{"data"}, tt.field...)...) == "" {
				t.Errorf("data has no %v: %s", tt.field, p.body)
			}
		})
	}
	if stored, err := s.store.Get(t.Context(), oneAccount, oneID); err != nil || stored.Revision != rec.Revision {
		t.Errorf("a rejected body changed the recording: %+v, %v", stored, err)
	}
}

// A body at the limit is accepted. One more byte is too large, with or without a
// Content-Length.
func TestPatchAtTheLimit(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	s.put(t, nil, nil)
	body := `{"user_metadata":{"a":1}}`
	full := body + strings.Repeat(" ", maxBody-len(body))
	s.do(t, http.MethodPatch, onePath, full).wantStatus(t, http.StatusOK, "")
	s.do(t, http.MethodPatch, onePath, full+" ").wantStatus(t, http.StatusRequestEntityTooLarge, "entity_too_large")
	unknown := iotest.OneByteReader(strings.NewReader(full + " ")) // no length
	s.send(t.Context(), http.MethodPatch, onePath, unknown).wantStatus(t, http.StatusRequestEntityTooLarge, "entity_too_large")
}

func TestPatchWithAnUnreadableBody(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	s.put(t, nil, nil)
	p := s.send(t.Context(), http.MethodPatch, onePath, iotest.ErrReader(errors.New("secret cause")))
	p.wantStatus(t, http.StatusBadRequest, "parse_error")
	if strings.Contains(p.body, "secret") {
		t.Errorf("body = %s, which shows the cause", p.body)
	}
}

func TestPatchContentTypes(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	s.put(t, nil, nil)
	tests := []struct {
		contentType string
		status      int
	}{
		{"", 200},
		{"application/json", 200},
		{"Application/JSON; charset=utf-8", 200},
		{"application/json; charset", 200},
		{"application/merge-patch+json", 200},
		{"application/vnd.x+json;v=1", 200},
		{"text/json", 415},
		{"text/plain", 415},
		{"application/x-www-form-urlencoded", 415},
		{"application/jsonp", 415},
		{"json", 415},
		{"+json", 415},
		{"application/json, text/plain", 415},
		{"/", 415},
	}
	for _, tt := range tests {
		p := s.do(t, http.MethodPatch, onePath, `{}`, "Content-Type", tt.contentType)
		if p.status != tt.status {
			t.Errorf("Content-Type %q = %d, want %d", tt.contentType, p.status, tt.status)
		}
	}
	p := s.do(t, http.MethodPatch, onePath, `{}`, "Content-Type", "text/plain")
	p.wantStatus(t, http.StatusUnsupportedMediaType, "unsupported_media_type")
}

// Kazoo 5's way of hiding recordings is not supported, and must not appear to work.
func TestPatchHidesNothing(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	before := s.put(t, nil, nil)
	hide := `"soft_delete":{"deleted_by":{"user_id":"` + oneUser + `"},"deleted_at":"63755032655"}`
	p := s.do(t, http.MethodPatch, onePath, `{"data":{`+hide+`}}`)
	p.wantStatus(t, http.StatusBadRequest, "validation error")
	if p.text(t, "data", "soft_delete", "additionalProperties", "message") == "" {
		t.Errorf("answer %s, want the field named", p.body)
	}
	p = s.do(t, http.MethodPatch, oneList+"/collection", `{"data":{"recordings":["`+oneID+`"],`+hide+`}}`)
	p.wantStatus(t, http.StatusNotFound, "bad_identifier")
	if after, err := s.store.Get(t.Context(), oneAccount, oneID); err != nil || after.Document != before.Document {
		t.Errorf("the recording is %+v, %v, want it unchanged", after, err)
	}
}

func TestPatchErrors(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	s.put(t, nil, nil)
	const body = `{"user_metadata":{"tag":"new"}}`
	tests := []struct {
		name, target, body string
		header             []string
		status             int
		message            string
	}{
		{"no such recording", oneBase + "/recordings/202311-x", body, nil, 404, "bad_identifier"},
		{"malformed id", oneBase + "/recordings/x", body, nil, 404, "bad_identifier"},
		{"recording of another user", oneBase + "/users/0123/recordings/" + oneID, body, nil, 404, "bad_identifier"},
		{"recording of another user, other revision", oneBase + "/users/0123/recordings/" + oneID, body, []string{"If-Match", `"x"`}, 404, "bad_identifier"},
		{"other revision", onePath, body, []string{"If-Match", `"x"`}, 412, "precondition_failed"},
		{"weak revision", onePath, body, []string{"If-Match", `W/"x"`}, 412, "precondition_failed"},
		{"body is checked before the revision", onePath, `{`, []string{"If-Match", `"x"`}, 400, "parse_error"},
		{"client that does not accept JSON", onePath, body, []string{"Accept", "text/html"}, 406, "not_acceptable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := s.do(t, http.MethodPatch, tt.target, tt.body, tt.header...)
			p.wantStatus(t, tt.status, tt.message)
			if p.header.Get("ETag") != "" {
				t.Errorf("ETag = %s on an error", p.header.Get("ETag"))
			}
		})
	}
}

func TestPatchIfMatch(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	revision := s.put(t, nil, nil).Revision
	for _, form := range []string{`"%s"`, `%s`, `"x", "%s"`} {
		old := fmt.Sprintf(form, revision)
		p := s.do(t, http.MethodPatch, oneBase+"/users/"+oneUser+"/recordings/"+oneID, `{"user_metadata":{"n":1}}`, "If-Match", old)
		p.wantStatus(t, http.StatusOK, "")
		revision = p.text(t, "revision")
		s.do(t, http.MethodPatch, onePath, `{"user_metadata":{"n":2}}`, "If-Match", old).
			wantStatus(t, http.StatusPreconditionFailed, "precondition_failed")
	}
	s.do(t, http.MethodPatch, onePath, `{"user_metadata":{"n":3}}`, "If-Match", "*").wantStatus(t, http.StatusOK, "")
}

// Concurrent patches of different keys all survive (contract, Patch).
func TestConcurrentPatches(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	s.put(t, nil, nil)
	const patches = 20
	var wg sync.WaitGroup
	for i := range patches {
		wg.Go(func() {
			p := s.do(t, http.MethodPatch, onePath, fmt.Sprintf(`{"user_metadata":{"k%d":%d}}`, i, i))
			if p.status != http.StatusOK {
				t.Errorf("patch %d = %d %s", i, p.status, p.body)
			}
		})
	}
	wg.Wait()
	rec, err := s.store.Get(t.Context(), oneAccount, oneID)
	if err != nil {
		t.Fatal(err)
	}
	for i := range patches {
		if got, _ := rec.Document.Raw("user_metadata", fmt.Sprintf("k%d", i)); got != strconv.Itoa(i) {
			t.Errorf("k%d = %q, want %d", i, got, i)
		}
	}
}
