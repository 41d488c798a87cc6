package api

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/recording"

	"pgregory.net/rapid"
)

const audioPath = onePath + "?accept=audio/mpeg"

// noise returns n bytes of binary data that does not repeat within short ranges.
func noise(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i*7 + i/251)
	}
	return data
}

func TestAudioWhole(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	data := noise(1000)
	rec := s.put(t, data, nil)
	object, err := s.bucket.Stat(t.Context(), rec.AudioKey())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"Content-Type": "audio/mpeg", "Content-Length": "1000", "Accept-Ranges": "bytes", "ETag": object.ETag,
		"Last-Modified": object.Modified.Format(http.TimeFormat), "X-Content-Type-Options": "nosniff",
		"Content-Disposition": `attachment; filename="call.mp3"`, "Cache-Control": "private, no-cache",
		"Vary": "Accept, Accept-Encoding, Origin", "Content-Range": "", "Content-Encoding": "", "Access-Control-Allow-Origin": "*",
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		p := s.do(t, method, audioPath, "", "Accept-Encoding", "gzip")
		p.wantStatus(t, http.StatusOK, "")
		for name, value := range want {
			if got := p.header.Get(name); got != value {
				t.Errorf("%s: %s = %q, want %q", method, name, got, value)
			}
		}
		if body := p.body; method == http.MethodGet && body != string(data) || method == http.MethodHead && body != "" {
			t.Errorf("%s: the body has %d bytes or differs", method, len(body))
		}
	}
}

func TestAudioDisposition(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	s.put(t, noise(10), func(rec *recording.Recording) {
		rec.Document = documentOf(t, `{"name":"Grüße\r\nX-Evil: 1/\u202e.mp3"}`)
	})
	const tail = `; filename="Gr__eX-Evil_ 1_.mp3"; filename*=UTF-8''Gr%C3%BC%C3%9FeX-Evil_%201_.mp3`
	for query, want := range map[string]string{
		"": "attachment", "&inline=true": "inline", "&inline=TRUE": "attachment", "&inline=1": "attachment", "&inline=": "attachment",
	} {
		p := s.do(t, http.MethodGet, audioPath+query, "")
		if got := p.header.Get("Content-Disposition"); got != want+tail {
			t.Errorf("Content-Disposition with %q = %s, want %s", query, got, want+tail)
		}
	}
}

func TestAudioRanges(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	data := noise(100)
	s.put(t, data, nil)
	tests := []struct {
		header       string
		status       int
		from, to     int
		contentRange string
	}{
		{"bytes=0-", 206, 0, 100, "bytes 0-99/100"},
		{"bytes=0-0", 206, 0, 1, "bytes 0-0/100"},
		{"bytes=99-", 206, 99, 100, "bytes 99-99/100"},
		{"bytes=10-19", 206, 10, 20, "bytes 10-19/100"},
		{"bytes=90-1000", 206, 90, 100, "bytes 90-99/100"},
		{"bytes=-1", 206, 99, 100, "bytes 99-99/100"},
		{"bytes=-1000", 206, 0, 100, "bytes 0-99/100"},
		{"bytes=0-1,5-6", 200, 0, 100, ""},
		{"bytes=5-1", 200, 0, 100, ""},
		{"lines=1-2", 200, 0, 100, ""},
		{"bytes=100-", 416, 0, 0, "bytes */100"},
		{"bytes=-0", 416, 0, 0, "bytes */100"},
	}
	for _, tt := range tests {
		p := s.do(t, http.MethodGet, audioPath, "", "Range", tt.header)
		message := ""
		if tt.status == http.StatusRequestedRangeNotSatisfiable {
			message = "range not satisfiable"
		}
		p.wantStatus(t, tt.status, message)
		if got := p.header.Get("Content-Range"); got != tt.contentRange {
			t.Errorf("%s: Content-Range = %q, want %q", tt.header, got, tt.contentRange)
		}
		if message != "" {
			continue
		}
		if want := string(data[tt.from:tt.to]); p.body != want || p.header.Get("Content-Length") != strconv.Itoa(len(want)) {
			t.Errorf("%s: got %d bytes, length %s, want %d", tt.header, len(p.body), p.header.Get("Content-Length"), len(want))
		}
		if p.header.Get("Content-Type") != "audio/mpeg" || p.header.Get("ETag") == "" || p.header.Get("Accept-Ranges") != "bytes" {
			t.Errorf("%s: headers = %v", tt.header, p.header)
		}
	}
	p := s.do(t, http.MethodHead, audioPath, "", "Range", "bytes=200-")
	p.wantStatus(t, http.StatusOK, "")
	if got := p.header.Get("Content-Length"); got != "100" {
		t.Errorf("HEAD with Range: Content-Length = %s, want that of the whole audio", got)
	}
}

// Any range that a client asks for gets that slice of the bytes, all of them, or
// a 416.
func TestAudioRangeIsASlice(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	data := noise(50)
	s.put(t, data, nil)
	rapid.Check(t, func(rt *rapid.T) {
		header := "bytes=" + rapid.StringMatching(`([0-9]{1,2})?-([0-9]{1,2})?`).Draw(rt, "range")
		p := s.do(t, http.MethodGet, audioPath, "", "Range", header)
		var from, to, size int
		switch p.status {
		case http.StatusOK:
			if p.body != string(data) {
				rt.Fatalf("%s: 200 without the whole audio", header)
			}
		case http.StatusPartialContent:
			if _, err := fmt.Sscanf(p.header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &size); err != nil || size != len(data) {
				rt.Fatalf("%s: Content-Range = %q", header, p.header.Get("Content-Range"))
			}
			if p.body != string(data[from:to+1]) {
				rt.Fatalf("%s: not bytes %d to %d", header, from, to)
			}
		case http.StatusRequestedRangeNotSatisfiable:
		default:
			rt.Fatalf("%s: status %d", header, p.status)
		}
	})
}

func TestAudioConditions(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	rec := s.put(t, noise(100), nil)
	object, err := s.bucket.Stat(t.Context(), rec.AudioKey())
	if err != nil {
		t.Fatal(err)
	}
	at := object.Modified.Format(http.TimeFormat)
	const long, past = "Tue, 21 Nov 1995 10:00:00 GMT", "bytes=500-"
	tests := []struct {
		name   string
		header []string
		status int
	}{
		{"same", []string{"If-None-Match", object.ETag}, 304},
		{"same, weak", []string{"If-None-Match", "W/" + object.ETag}, 304},
		{"revision of the document", []string{"If-None-Match", `"` + rec.Revision + `"`}, 200},
		{"not modified since", []string{"If-Modified-Since", at}, 304},
		{"modified since", []string{"If-Modified-Since", long}, 200},
		{"tag overrides date", []string{"If-None-Match", `"x"`, "If-Modified-Since", at}, 200},
		{"match", []string{"If-Match", object.ETag}, 200},
		{"no match", []string{"If-Match", `"x"`}, 412},
		{"unmodified", []string{"If-Unmodified-Since", at}, 200},
		{"modified", []string{"If-Unmodified-Since", long}, 412},
		{"304 takes precedence over the range", []string{"If-None-Match", object.ETag, "Range", past}, 304},
		{"412 takes precedence over the range", []string{"If-Match", `"x"`, "Range", past}, 412},
		{"resumed by tag", []string{"If-Range", object.ETag, "Range", "bytes=50-"}, 206},
		{"resumed by date", []string{"If-Range", at, "Range", "bytes=50-"}, 206},
		{"not resumed by weak tag", []string{"If-Range", "W/" + object.ETag, "Range", "bytes=50-"}, 200},
		{"not resumed by another tag", []string{"If-Range", `"x"`, "Range", past}, 200},
		{"not resumed by another date", []string{"If-Range", long, "Range", "bytes=50-"}, 200},
	}
	for _, tt := range tests {
		p := s.do(t, http.MethodGet, audioPath, "", tt.header...)
		if p.status != tt.status {
			t.Errorf("%s: status = %d, want %d", tt.name, p.status, tt.status)
		}
		if p.status == http.StatusNotModified && (p.body != "" || p.header.Get("ETag") != object.ETag || p.header.Get("Last-Modified") != at) {
			t.Errorf("%s: 304 with body %q and headers %v", tt.name, p.body, p.header)
		}
		if got := p.header.Get("Content-Type"); p.status == http.StatusNotModified && got != "audio/mpeg" {
			t.Errorf("%s: 304 of type %q, want the audio's", tt.name, got)
		}
	}
}

// A PATCH changes the entity tag of the document but not that of the audio.
func TestPatchLeavesTheAudioResumable(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	s.put(t, noise(100), nil)
	before := s.do(t, http.MethodHead, audioPath, "").header.Get("ETag")
	s.do(t, http.MethodPatch, onePath, `{"user_metadata":{"a":1}}`).wantStatus(t, http.StatusOK, "")
	p := s.do(t, http.MethodGet, audioPath, "", "Range", "bytes=50-", "If-Range", before)
	p.wantStatus(t, http.StatusPartialContent, "")
}

func TestAudioTypes(t *testing.T) {
	t.Parallel()
	tests := []struct{ stored, metadata, document, want string }{
		{"audio/mpeg", "audio/mpeg", "", "audio/mpeg"},
		{"audio/x-wav", "audio/mpeg", "", "audio/mpeg"},
		{"audio/x-wav", "", "audio/mpeg", "audio/x-wav"},
		{"AUDIO/OGG; codecs=opus; x=y", "", "", "audio/ogg; codecs=opus"},
		{"text/html", "audio/ogg", "", "audio/ogg"},
		{"text/html", "", "audio/x-wav", "audio/x-wav"},
		{"text/html", "image/svg+xml", "application/javascript", "audio/mpeg"},
		{"binary/octet-stream", "audio/flac", "", "audio/flac"},
		{"application/ogg", "", "", "audio/ogg"},
		{"video/mp4", "", "", "audio/mp4"},
		{"audio/", "", "", "audio/mpeg"},
		{"audio/mpeg\r\nX-Evil: 1", "", "", "audio/mpeg"},
		{"audio/x y", "audio/ogg", "", "audio/ogg"},
		{"", "", "", "audio/mpeg"},
	}
	for _, tt := range tests {
		rec := &recording.Recording{Audio: recording.Audio{ContentType: tt.metadata}}
		rec.Document = recording.Document(`{"content_type":` + recording.Quote(tt.document) + `}`)
		if got := audioType(tt.stored, rec); got != tt.want {
			t.Errorf("audioType(%q, %q, %q) = %q, want %q", tt.stored, tt.metadata, tt.document, got, tt.want)
		}
	}
}

func TestAudioStoredAsHTML(t *testing.T) {
	t.Parallel()
	for _, delivery := range []string{"inline", "redirect"} {
		s := newSingle(t, Delivery{})
		s.put(t, []byte("<script>alert(1)</script>"), func(rec *recording.Recording) { rec.Audio.ContentType = "text/html" })
		p := s.do(t, http.MethodGet, audioPath+"&inline=true&delivery="+delivery, "")
		if delivery == "redirect" {
			p = follow(t, p)
		}
		if got := p.header.Get("Content-Type"); p.status != http.StatusOK || got != "audio/mpeg" {
			t.Errorf("%s: %d with Content-Type %q, want 200 with audio/mpeg", delivery, p.status, got)
		}
	}
}

func TestEmptyAudio(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	s.put(t, []byte{}, nil)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		p := s.do(t, method, audioPath, "")
		p.wantStatus(t, http.StatusOK, "")
		if p.body != "" || p.header.Get("Content-Length") != "0" || p.header.Get("Content-Type") != "audio/mpeg" {
			t.Errorf("%s: body %q, headers %v", method, p.body, p.header)
		}
	}
	p := s.do(t, http.MethodGet, audioPath, "", "Range", "bytes=0-")
	p.wantStatus(t, http.StatusRequestedRangeNotSatisfiable, "range not satisfiable")
	if got := p.header.Get("Content-Range"); got != "bytes */0" {
		t.Errorf("Content-Range = %q, want bytes */0", got)
	}
	s.do(t, http.MethodGet, audioPath, "", "Range", "bytes=-5").wantStatus(t, http.StatusOK, "")
	p = follow(t, s.do(t, http.MethodGet, audioPath+"&delivery=redirect", ""))
	p.wantStatus(t, http.StatusOK, "")
}

func TestMissingAudio(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*recording.Recording)
		detail string
	}{
		{"not arrived", func(rec *recording.Recording) { rec.Audio = recording.Audio{} }, "not arrived"},
		{"no object", nil, "not in the store"},
		{"no object under its key", func(rec *recording.Recording) { rec.Audio.Key = "recordings/elsewhere" }, "not in the store"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSingle(t, Delivery{})
			s.put(t, nil, tt.change)
			for _, query := range []string{"", "&delivery=redirect", "&delivery=inline"} {
				p := s.do(t, http.MethodGet, audioPath+query, "")
				p.wantStatus(t, http.StatusNotFound, "bad_identifier")
				if got := p.text(t, "data", "details"); !strings.Contains(got, tt.detail) {
					t.Errorf("details = %q, want %q in them", got, tt.detail)
				}
				if p := s.do(t, http.MethodHead, audioPath+query, ""); p.status != http.StatusNotFound {
					t.Errorf("HEAD = %d, want 404", p.status)
				}
			}
		})
	}
}

// follow sends the request that a client sends after a redirect.
func follow(t testing.TB, p reply, header ...string) reply {
	t.Helper()
	p.wantStatus(t, http.StatusFound, "")
	if _, err := url.Parse(p.header.Get("Location")); err != nil {
		t.Fatalf("Location: %v", err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.header.Get("Location"), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{status: res.StatusCode, header: res.Header, body: string(body)}
}
