package gateway

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// seen is what the handler and the client see of an exchange.
type seen struct {
	Request captured
	Status  int
	Header  http.Header
	Body    string
}

// exchangeWith sends a request to a gateway in front of the handler do.
func exchangeWith(gateway func(http.Handler) http.Handler, r *http.Request, body []byte, do http.Handler) seen {
	var got seen
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = http.NoBody, int64(len(body))
	if len(body) > 0 {
		r.Body = readCloser{bytes.NewReader(body)}
	}
	record := capture(&got.Request)
	w := httptest.NewRecorder()
	gateway(handlerFunc(func(w http.ResponseWriter, r *http.Request) {
		record.ServeHTTP(httptest.NewRecorder(), r)
		do.ServeHTTP(w, r)
	})).ServeHTTP(w, r)
	got.Status, got.Header, got.Body = w.Code, w.Header(), w.Body.String()
	got.Request.GatewayID = ""
	return got
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// compare compares an exchange through [Local] with one through the JSON of the cloud.
func compare(t testing.TB, r *http.Request, body []byte, do http.Handler) string {
	local := exchangeWith(Local, r, body, do)
	remote := exchangeWith(func(h http.Handler) http.Handler { return cloud(t, h) }, r, body, do)
	for _, s := range []*seen{&local, &remote} {
		if s.Header.Get("X-Request-Id") != "" { // an error of the gateway has a random ID
			s.Body = strings.ReplaceAll(s.Body, s.Header.Get("X-Request-Id"), "ID")
			s.Header.Set("X-Request-Id", "ID")
		}
	}
	return cmp.Diff(remote, local, cmpopts.EquateEmpty())
}

// Any request and any answer look the same through [Local] and through the cloud.
func TestLocalEqualsTheCloud(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.StringMatching(`[ -~]{0,12}`), rapid.String(), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 6), func(b []byte) string { return string(b) }))
	values := rapid.SliceOfN(text, 0, 3)
	names := rapid.SampledFrom([]string{"Accept", "X-A", "etag", "ETag", "Content-Type", "Connection", "Content-Encoding", "Content-Length", "Vary", "Set-Cookie", "X-\xff"})
	types := rapid.SampledFrom([]string{"application/json", "audio/mpeg", "text/csv; charset=utf-8", ""})
	rapid.Check(t, func(rt *rapid.T) {
		r := httptest.NewRequest(rapid.SampledFrom([]string{"GET", "HEAD", "PUT", "PATCH", "DELETE"}).Draw(rt, "method"), "/", http.NoBody)
		r.URL.Path = "/" + rapid.StringMatching(`[ -~é]{0,12}`).Draw(rt, "path")
		r.URL.RawQuery = text.Draw(rt, "query")
		for name, list := range rapid.MapOfN(names, values, 0, 4).Draw(rt, "headers") {
			r.Header[http.CanonicalHeaderKey(name)] = list
		}
		r.Header.Set("User-Agent", "test")
		body := []byte(text.Draw(rt, "body"))
		status := rapid.SampledFrom([]int{0, 200, 204, 206, 304, 404, 1000}).Draw(rt, "status")
		header := rapid.MapOfN(names, values, 0, 4).Draw(rt, "answer headers")
		if _, both := header["etag"]; both {
			delete(header, "ETag")
		}
		kind, answer := types.Draw(rt, "type"), rapid.SliceOfN(text, 0, 3).Draw(rt, "answer")
		do := handlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for name, list := range header {
				w.Header()[name] = append([]string(nil), list...)
			}
			if kind != "" {
				w.Header().Set("Content-Type", kind)
			}
			if status != 0 {
				w.WriteHeader(status)
			}
			for _, part := range answer {
				_, _ = w.Write([]byte(part))
			}
		})
		if diff := compare(t, r, body, do); diff != "" {
			rt.Errorf("%s %s (-cloud +local):\n%s", r.Method, r.URL, diff)
		}
	})
}

// The limits of Lambda hold to the byte, although Local encodes nothing.
func TestLocalHasTheLimitsOfTheCloud(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	for _, c := range []struct {
		kind, unit string
		length     int // of the unit in JSON
	}{
		{"audio/mpeg", "\x00\x01\xff", 4}, {"application/json", "a", 1}, {"application/json", "\"\n\x01x", 11}, {"text/plain", "é", 2},
	} {
		do := func(n int) handlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.kind)
				w.Header().Set("Content-Disposition", `attachment; filename="<ü>.mp3"`)
				_, _ = w.Write([]byte(strings.Repeat(c.unit, n)))
			}
		}
		fits := func(n int) bool {
			out, err := newHandler(do(n), &bytes.Buffer{}).Invoke(t.Context(), []byte(rest("GET", "/")))
			return err == nil && parseReply(t, out).StatusCode == http.StatusOK
		}
		low, high := (MaxResponse-1000)/c.length, MaxResponse/c.length // around the longest answer that fits
		if !fits(low) || fits(high) {
			t.Fatalf("%q: the limit is not between %d and %d", c.unit, low, high)
		}
		for low+1 < high {
			if n := (low + high) / 2; fits(n) {
				low = n
			} else {
				high = n
			}
		}
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		for n, want := range map[int]int{low: http.StatusOK, high: http.StatusInternalServerError} {
			if got := exchangeWith(Local, r, nil, do(n)); got.Status != want {
				t.Errorf("%d × %q: %d, want %d", n, c.unit, got.Status, want)
			}
		}
	}
}

// A request is rejected exactly if its event is too large.
func TestLocalHasTheLimitOfEvents(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	for _, quotes := range []int{0, 100, 5000} {
		r := httptest.NewRequest(http.MethodPut, "/<&>?a=%ff", http.NoBody)
		r.Header.Set("X-A", strings.Repeat("<", quotes))
		seenAnswers := map[bool]int{}
		for n := maxBody - 60_000; n <= maxBody; n += 9973 {
			body := make([]byte, n)
			_, failed := newEvent(r, body, newID())
			rejected := len(payloadOf(t, r, body, newID())) > MaxEvent
			seenAnswers[rejected]++
			if (failed != nil) != rejected {
				t.Errorf("%d bytes with a header of %d: rejected = %t, want %t", n, quotes, failed != nil, rejected)
			}
		}
		if len(seenAnswers) != 2 {
			t.Errorf("a header of %d: answers %v, want both", quotes, seenAnswers)
		}
	}
}

// BenchmarkLocal measures the way of a response from the handler to the client, next to
// the same way through JSON.
func BenchmarkLocal(b *testing.B) {
	for _, c := range []struct {
		name, kind string
		size       int
	}{{"list-40KB", "application/json", 40_000}, {"audio-4MB", "audio/mpeg", 4_000_000}} {
		data := bytes.Repeat([]byte(`{"id":"x"},`), c.size/11+1)[:c.size]
		do := handlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			_, _ = w.Write(data)
		})
		for way, h := range map[string]http.Handler{"direct": Local(do), "json": cloud(b, do)} {
			b.Run(fmt.Sprintf("response=%s/way=%s", c.name, way), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(c.size))
				for b.Loop() {
					h.ServeHTTP(discard{http.Header{}}, httptest.NewRequest(http.MethodGet, "/v2/accounts/a/recordings", http.NoBody))
				}
			})
		}
	}
}

// discard is a response writer that keeps nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}
