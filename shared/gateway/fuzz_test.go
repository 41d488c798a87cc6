package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// FuzzInvoke checks that every payload leads to a response that API Gateway
// understands, or to ErrEvent.
func FuzzInvoke(f *testing.F) {
	f.Add([]byte(rest("GET", "/100%", `,"multiValueHeaders":{"Accept":["a"]}`)))
	f.Add([]byte(v2("PATCH", "//x", `,"body":"%%%","isBase64Encoded":true`)))
	f.Add([]byte(`{"httpMethod":"GET"}`))
	f.Add([]byte(`{"requestContext":{"http":{"method":" "}}}`))
	f.Add([]byte(`null`))
	h := newHandler(handlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL == nil || !strings.HasPrefix(r.URL.Path, "/") || r.Method == "" || r.URL.Host != "" || r.URL.Scheme != "" {
			panic("a request that net/http would never pass")
		}
		for name := range r.Header {
			if strings.HasPrefix(name, "X-Golambdaproxy") || name == "Host" {
				panic("a header that must be removed")
			}
		}
		if _, err := io.Copy(w, r.Body); err != nil && !errors.Is(err, ErrBody) {
			panic(err)
		}
	}), io.Discard)
	f.Fuzz(func(t *testing.T, payload []byte) {
		out, err := h.Invoke(t.Context(), payload)
		if err != nil {
			if !errors.Is(err, ErrEvent) {
				t.Fatalf("Invoke = %v, want ErrEvent", err)
			}
			return
		}
		if got := parseReply(t, out); got.StatusCode != http.StatusOK {
			t.Fatalf("Invoke = %d %s", got.StatusCode, got.bytes(t))
		}
	})
}

var sink []byte

// BenchmarkInvoke measures responses of several sizes. Base64 of audio takes most of
// the time.
func BenchmarkInvoke(b *testing.B) {
	event, err := json.Marshal(map[string]any{
		"httpMethod": "GET", "path": "/v2/accounts/3f2a/recordings", "requestContext": map[string]any{"requestId": "g"},
		"multiValueHeaders": map[string][]string{"Accept": {"*/*"}, "Host": {"h"}, "X-Auth-Token": {"t"}, "User-Agent": {"curl"}},
	})
	if err != nil {
		b.Fatal(err)
	}
	for _, bb := range []struct {
		name, contentType string
		size              int
	}{
		{"response=empty", "application/json", 0}, {"response=json-40KB", "application/json", 40_000}, {"response=audio-4MB", "audio/mpeg", 4_000_000},
	} {
		b.Run(bb.name, func(b *testing.B) {
			body := bytes.Repeat([]byte(`{"id":"x"},`), bb.size/11+1)[:bb.size]
			h := newHandler(handlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", bb.contentType)
				_, _ = w.Write(body)
			}), io.Discard)
			b.SetBytes(int64(bb.size))
			b.ReportAllocs()
			for b.Loop() {
				if sink, err = h.Invoke(b.Context(), event); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
