package api

import (
	"net/http"
	"strconv"
	"testing"
)

// The benchmarks include the store on disk, or the S3 server, whose calls they
// make: read them as differences.

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
	}{{"inline", 10_000}, {"inline", fits}, {"redirect", 10_000}} {
		b.Run("delivery="+bb.delivery+"/size="+strconv.Itoa(bb.size), func(b *testing.B) {
			s := newSingle(b, Delivery{})
			s.put(b, noise(bb.size), nil)
			b.ReportAllocs()
			b.SetBytes(int64(bb.size))
			for b.Loop() {
				s.do(b, http.MethodGet, soundPath+"&delivery="+bb.delivery, "")
			}
		})
	}
}

func BenchmarkWish(b *testing.B) {
	header := []string{"application/json, text/javascript, */*; q=0.01"}
	b.ReportAllocs()
	for b.Loop() {
		wishOf("", header).choose(offerDocument, offerAnyAudio)
	}
}
