package storetest

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// benchRows is how many recordings the benchmark's account holds.
const benchRows = 2000

// Bench measures the most frequent operations of the API: Get and Page.
func Bench(b *testing.B, h Harness) {
	s := h.Open(b)
	account := "b" + token()
	for i := range benchRows {
		r := recording.Recording{
			Account: account, ID: fmt.Sprintf("202601-%05d", i), Owner: strconv.Itoa(i % 10), Created: epoch + recording.Seconds(i),
			Document: `{"call_id":"x","direction":"inbound"}`,
		}
		if err := s.Put(b.Context(), &r); err != nil {
			b.Fatalf("Put: %v", err)
		}
	}
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Get(b.Context(), account, "202601-00007"); err != nil {
				b.Fatalf("Get: %v", err)
			}
		}
	})
	for _, owner := range []string{"", "3"} {
		b.Run("page/owner="+owner, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p, err := s.Page(b.Context(), store.Query{Account: account, Owner: owner, Limit: 50})
				if err != nil || len(p.Recordings) != 50 {
					b.Fatalf("Page: %d recordings, %v", len(p.Recordings), err)
				}
			}
		})
	}
}
