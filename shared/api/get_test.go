package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

func TestGetDocument(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	rec := s.put(t, nil, nil)
	tag := `"` + rec.Revision + `"`

	p := s.do(t, http.MethodGet, onePath, "")
	p.wantStatus(t, http.StatusOK, "")
	for _, want := range []struct {
		path  []string
		value string
	}{
		{[]string{"status"}, "success"},
		{[]string{"data", "id"}, oneID},
		{[]string{"data", "name"}, "call.mp3"},
		{[]string{"revision"}, rec.Revision},
		{[]string{"request_id"}, "req-1"},
	} {
		if got := p.text(t, want.path...); got != want.value {
			t.Errorf("%v = %q, want %q", want.path, got, want.value)
		}
	}
	if !strings.Contains(p.body, `"_read_only":{"content_types":["audio/mpeg"],"state":"ready"}`) {
		t.Errorf("body = %s, want content_types", p.body)
	}
	for name, want := range map[string]string{
		"ETag": tag, "Content-Type": "application/json", "Cache-Control": "private, no-cache",
		"Vary": "Accept, Accept-Encoding, Origin", "Last-Modified": "", "Accept-Ranges": "",
	} {
		if got := p.header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}

	head := s.do(t, http.MethodHead, onePath, "")
	head.wantStatus(t, http.StatusOK, "")
	if head.body != "" {
		t.Errorf("HEAD has body %q", head.body)
	}
	for _, name := range []string{"ETag", "Content-Type", "Content-Length", "Cache-Control"} {
		if got, want := head.header.Get(name), p.header.Get(name); got != want {
			t.Errorf("HEAD %s = %q, want %q", name, got, want)
		}
	}
}

func TestGetDocumentConditions(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	rec := s.put(t, nil, nil)
	tag := `"` + rec.Revision + `"`
	tests := []struct {
		name, value string
		status      int
	}{
		{"If-None-Match", tag, http.StatusNotModified},
		{"If-None-Match", "W/" + tag, http.StatusNotModified},
		{"If-None-Match", `"x", ` + tag, http.StatusNotModified},
		{"If-None-Match", "*", http.StatusNotModified},
		{"If-None-Match", rec.Revision, http.StatusNotModified},
		{"If-None-Match", `"x"`, http.StatusOK},
		{"If-Match", tag, http.StatusOK},
		{"If-Match", "*", http.StatusOK},
		{"If-Match", "W/" + tag, http.StatusPreconditionFailed},
		{"If-Match", `"x"`, http.StatusPreconditionFailed},
		{"If-Modified-Since", "Tue, 21 Nov 2033 10:00:00 GMT", http.StatusOK},
		{"Range", "bytes=0-1", http.StatusOK},
	}
	for _, tt := range tests {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			p := s.do(t, method, onePath, "", tt.name, tt.value)
			if p.status != tt.status {
				t.Errorf("%s with %s: %s = %d, want %d", method, tt.name, tt.value, p.status, tt.status)
			}
			if p.status != http.StatusNotModified {
				continue
			}
			if p.body != "" || p.header.Get("Content-Type") != "" {
				t.Errorf("304 has body %q of type %q", p.body, p.header.Get("Content-Type"))
			}
			if p.header.Get("ETag") != tag || p.header.Get("Cache-Control") == "" || p.header.Get("Vary") == "" {
				t.Errorf("304 has headers %v, want ETag, Cache-Control and Vary", p.header)
			}
		}
	}
}

func TestGetErrors(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	s.put(t, []byte("sound"), nil)
	const other = "0123456789abcdef0123456789abcdef"
	tests := []struct {
		name, target string
		header       []string
		status       int
		message      string
		cause        string
	}{
		{"no such recording", oneBase + "/recordings/202311-x", nil, 404, "bad_identifier", "202311-x"},
		{"ID without a month", oneBase + "/recordings/x", nil, 404, "bad_identifier", "x"},
		{"letters in place of the month", oneBase + "/recordings/abcdef-x", nil, 404, "bad_identifier", "abcdef-x"},
		{"nothing after the month", oneBase + "/recordings/202311-", nil, 404, "bad_identifier", "202311-"},
		{"invalid characters", oneBase + "/recordings/202311-a%20b", nil, 404, "bad_identifier", "202311-a b"},
		{"escaped slash", oneBase + "/recordings/202311-a%2Fb", nil, 404, "bad_identifier", "202311-a/b"},
		{"too long", oneBase + "/recordings/202311-" + strings.Repeat("a", 129), nil, 404, "bad_identifier", ""},
		{"ID without a month, audio", oneBase + "/recordings/x?accept=audio/mpeg", nil, 404, "bad_identifier", "x"},
		{"recording of another user", oneBase + "/users/" + other + "/recordings/" + oneID, nil, 404, "bad_identifier", oneID},
		{"audio of another user", oneBase + "/users/" + other + "/recordings/" + oneID + "?accept=mp3", nil, 404, "bad_identifier", oneID},
		{"recording of another user, short path", oneBase + "/" + other + "/recordings/" + oneID, nil, 404, "bad_identifier", oneID},
		{"unsupported type", onePath, []string{"Accept", "text/html"}, 406, "not_acceptable", ""},
		{"unsupported type, malformed ID", oneBase + "/recordings/x", []string{"Accept", "text/html"}, 406, "not_acceptable", ""},
		{"CSV", onePath + "?accept=csv", nil, 406, "not_acceptable", ""},
		{"other audio type", onePath, []string{"Accept", "audio/ogg"}, 406, "not_acceptable", ""},
		{"unknown delivery", onePath + "?accept=mp3&delivery=pigeon", nil, 400, "validation error", ""},
		{"unknown delivery, malformed ID", oneBase + "/recordings/x?accept=mp3&delivery=pigeon", nil, 400, "validation error", ""},
		{"streaming", onePath + "?accept=mp3&delivery=stream", nil, 400, "validation error", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := s.do(t, http.MethodGet, tt.target, "", tt.header...)
			p.wantStatus(t, tt.status, tt.message)
			if got := p.text(t, "data", "cause"); tt.cause != "" && got != tt.cause {
				t.Errorf("cause = %q, want %q", got, tt.cause)
			}
		})
	}
}

func TestGetByOwner(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	s.put(t, []byte("sound"), nil)
	for _, path := range []string{"/users/" + oneUser, "/" + oneUser} {
		target := oneBase + path + "/recordings/" + oneID
		if got := s.do(t, http.MethodGet, target, "").text(t, "data", "id"); got != oneID {
			t.Errorf("GET %s: id = %q, want %q", target, got, oneID)
		}
		if p := s.do(t, http.MethodGet, target+"?accept=mp3", ""); p.body != "sound" {
			t.Errorf("GET %s: audio = %q, want the stored bytes", target, p.body)
		}
	}
}

// A request for a document ignores delivery=, even an invalid one.
func TestGetDocumentIgnoresDelivery(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	s.put(t, nil, nil)
	s.do(t, http.MethodGet, onePath+"?delivery=pigeon", "").wantStatus(t, http.StatusOK, "")
}

func TestAcceptParameterOverridesHeader(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	s.put(t, []byte("sound"), func(rec *recording.Recording) { rec.Audio.ContentType = "audio/x-wav" })
	tests := []struct {
		query, accept string
		audio         bool
	}{
		{"", "*/*", false},
		{"", "application/json", false},
		{"?accept=audio/mpeg", "*/*", true},
		{"?accept=mp3", "application/json", true},
		{"?accept=audio%2F*", "application/json", true},
		{"?accept=json", "audio/mpeg", false},
		{"?accept=rubbish", "audio/mpeg", true},
		{"", "audio/wav", true},
		{"", "audio/ogg, application/json;q=0.1", false},
	}
	for _, tt := range tests {
		p := s.do(t, http.MethodGet, onePath+tt.query, "", "Accept", tt.accept)
		p.wantStatus(t, http.StatusOK, "")
		if audio := p.header.Get("Content-Type") == "audio/x-wav" && p.body == "sound"; audio != tt.audio {
			t.Errorf("GET %s with %s: audio = %v, want %v", tt.query, tt.accept, audio, tt.audio)
		}
	}
}

func TestGetWhenTheStoreIsUnavailable(t *testing.T) {
	t.Parallel()
	s := newFaultySingle(t, Delivery{}, faults{reader: func(store.Reader) store.Reader { return unavailableReader{} }})
	p := s.do(t, http.MethodGet, onePath, "")
	p.wantStatus(t, http.StatusServiceUnavailable, "datastore_unreachable")
	if p.header.Get("Retry-After") == "" || p.header.Get("ETag") != "" {
		t.Errorf("headers = %v, want Retry-After and no ETag", p.header)
	}
}

// unavailableReader is a store that is unavailable.
type unavailableReader struct{ store.Reader }

func (unavailableReader) Get(context.Context, string, string) (*recording.Recording, error) {
	return nil, fmt.Errorf("read: %w", store.ErrUnavailable)
}
