package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// discard is a response writer that drops the answer, so that the benchmark
// measures only the handler.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkList measures a page of 50 typical recordings, with SQLite and with a
// store in memory that leaves only the API's own work.
func BenchmarkList(b *testing.B) {
	m := typicalRecordings(2000)
	s := newListAPI(b, nil)
	for i := range m {
		if err := s.store.Put(b.Context(), &m[i]); err != nil {
			b.Fatal(err)
		}
	}
	for store, list := range map[string]http.Handler{"sqlite": s.list, "memory": List(s.env, library{m, s.store}, s.sealer, true)} {
		for _, c := range []struct{ name, query, encoding string }{
			{"plain", "", ""},
			{"filter=all", "?filter_direction=inbound", ""},
			{"filter=sixth", "?filter_caller_id_name=Sales", ""},
			{"gzip", "", "gzip"},
			{"csv", "?accept=csv", ""},
			{"pretty", "?pretty_print=true", ""},
		} {
			b.Run(fmt.Sprintf("store=%s/%s", store, c.name), func(b *testing.B) {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, tenantList+c.query, nil)
				r.Header.Set("X-Auth-Token", s.token)
				r.Header.Set("Accept-Encoding", c.encoding)
				w := &discard{header: http.Header{}}
				b.ReportAllocs()
				for b.Loop() {
					clear(w.header)
					list.ServeHTTP(w, r)
				}
				s.log.Reset()
			})
		}
	}
}

// BenchmarkUnpaged measures a compressed list of all recordings.
func BenchmarkUnpaged(b *testing.B) {
	s := newListAPI(b, nil)
	for _, n := range []int{1000, 10_000} {
		list := List(s.env, library{typicalRecordings(n), s.store}, s.sealer, true)
		b.Run(fmt.Sprintf("recordings=%d", n), func(b *testing.B) {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, everything, nil)
			r.Header.Set("X-Auth-Token", s.token)
			r.Header.Set("Accept-Encoding", "gzip")
			w := &discard{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				list.ServeHTTP(w, r)
			}
			s.log.Reset()
		})
	}
}

// BenchmarkUnauthorized measures a request without a token.
func BenchmarkUnauthorized(b *testing.B) {
	s := newListAPI(b, nil)
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, tenantList, nil)
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		s.list.ServeHTTP(w, r)
	}
}
