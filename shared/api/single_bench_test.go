package api

import (
	"net/http"
	"strconv"
	"testing"
)

// These benchmarks include the SQLite store and the S3 server. Compare their results
// with each other only.

func BenchmarkGet(b *testing.B) {
	s := newSingle(b, Delivery{})
	s.put(b, nil, nil)
	b.ReportAllocs()
	for b.Loop() {
		s.do(b, http.MethodGet, onePath, "").wantStatus(b, http.StatusOK, "")
	}
}

func BenchmarkPatch(b *testing.B) {
	s := newSingle(b, Delivery{})
	s.put(b, nil, nil)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.do(b, http.MethodPatch, onePath, `{"data":{"user_metadata":{"n":`+strconv.Itoa(i)+`}}}`).wantStatus(b, http.StatusOK, "")
	}
}

func BenchmarkAudio(b *testing.B) {
	for _, bb := range []struct {
		delivery string
		size     int
	}{{"inline", 10_000}, {"inline", gatewayLimit}, {"redirect", 10_000}} {
		b.Run("delivery="+bb.delivery+"/size="+strconv.Itoa(bb.size), func(b *testing.B) {
			s := newSingle(b, Delivery{})
			s.put(b, noise(bb.size), nil)
			b.ReportAllocs()
			b.SetBytes(int64(bb.size))
			for b.Loop() {
				s.do(b, http.MethodGet, audioPath+"&delivery="+bb.delivery, "")
			}
		})
	}
}

func BenchmarkPreferences(b *testing.B) {
	header := []string{"application/json, text/javascript, */*; q=0.01"}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = preferencesOf("", header).choose(offerDocument, offerAnyAudio())
	}
}
