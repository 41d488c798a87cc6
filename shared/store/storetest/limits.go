package storetest

import (
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// sized returns a document of about n bytes.
func sized(n int) recording.Document {
	const frame = len(`{"x":""}`)
	return recording.Document(`{"x":"` + strings.Repeat("ä", (n-frame)/2) + `"}`)
}

// limits are the cases for the size of a recording.
var limits = []testCase{
	{"a document just under the limit", func(s *suite) {
		r := s.rec("a", 0, "u")
		r.Document = sized(390_000)
		s.put(r)
		if got := s.get("a").Document; got != r.Document {
			s.Errorf("Get has a document of %d bytes, want %d", len(got), len(r.Document))
		}
		s.wantList(store.Query{Owner: "u"}, "a")
	}},
	{"a document over the limit", func(s *suite) {
		r := s.rec("a", 0, "")
		r.Document = sized(420_000)
		s.wantErr("Put", s.store.Put(s.Context(), &r), store.ErrTooLarge)
		_, err := s.store.Get(s.Context(), s.account, r.ID)
		s.wantErr("Get of a recording that was too large", err, store.ErrNotFound)
		s.put(s.rec("a", 0, ""))
		before := s.get("a")
		_, err = s.store.Update(s.Context(), s.account, "202601-a", func(r *recording.Recording) error {
			r.Document = sized(420_000)
			return nil
		})
		s.wantErr("Update", err, store.ErrTooLarge)
		if diff := cmp.Diff(before, s.get("a")); diff != "" {
			s.Errorf("Get (-before +after):\n%s", diff)
		}
	}},
	{"pages of large recordings end early", func(s *suite) {
		for i := range 4 {
			r := s.rec(strconv.Itoa(i), recording.Seconds(i), "")
			r.Document = sized(300_000)
			s.put(r)
		}
		s.wantList(store.Query{Ascending: true}, "0", "1", "2", "3")
		for maxBytes, want := range map[int64]string{
			1: "0 …", 300_000: "0 …", 300_001: "0 1 …", 500_000: "0 1 …", 900_000: "0 1 2 …", 900_001: "0 1 2 3", 1 << 40: "0 1 2 3", 0: "0 1 2 3",
		} {
			p := s.page(store.Query{Ascending: true, Limit: 10, MaxBytes: maxBytes})
			got := strings.Join(ids(p), " ")
			if p.Next != nil {
				got += " …"
			}
			if got != want {
				s.Errorf("Page with MaxBytes %d = %s, want %s", maxBytes, got, want)
			}
		}
		for ascending, want := range map[bool]string{true: "0 1 2 3", false: "3 2 1 0"} {
			if got := strings.Join(s.walk(store.Query{Ascending: ascending, Limit: 10, MaxBytes: 1}, nil), " "); got != want {
				s.Errorf("all pages with MaxBytes 1 = %s, want %s", got, want)
			}
		}
	}},
}
