package search_test

import (
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// endless returns a recording with the largest duration that the API accepts.
func endless(n int) recording.Recording {
	r := rec(n, 0, "u", "")
	r.Document = `{"direction":"inbound","duration":9007199254740991,"user_metadata":{"tags":{"sales":true}}}`
	r.Audio.Size = 1 << 62
	return r
}

// Implausible durations and sizes count as the largest plausible ones, so that no sum of an
// account overflows.
func TestLargeValuesAreBounded(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, s faultstore.Driver) {
		const n = 3
		for i := range n {
			put(t, s, endless(i))
		}
		for _, by := range []search.By{search.ByDay, search.ByOwner, search.ByDirection, search.ByTag} {
			got, err := search.Summarize(t.Context(), s, search.Range{Account: account, All: true}, by)
			want := search.Sum{Count: n, Seconds: n * 366 * 24 * 60 * 60, Bytes: n * 5 << 40}
			if err != nil || got.Sum != want || got.Added != want || got.Stored != want.Bytes || len(got.Groups) != 1 || got.Groups[0].Sum != want {
				t.Errorf("the summary by %s = %+v, %v, want %+v", by, got, err, want)
			}
		}
		b := openBooks(t, s, false)
		for i := range n {
			b.delete(i)
			b.index(i)
		}
		sound(t, s)
	})
}

// A recording that an earlier build counted with a longer duration is taken out of the totals as
// it was counted.
func TestWhatWasCountedIsTakenOut(t *testing.T) {
	t.Parallel()
	s := open(t)
	put(t, s, endless(1))
	const more = 1 << 50
	bounded, counted := `"seconds":31622400`, `"seconds":1125899938465024` // more than that
	for key, value := range entriesOf(t, s, "indexed/"+account, "totals/"+account) {
		partition, key, _ := strings.Cut(key, " ")
		w := store.EntryWrite{Entry: store.Entry{EntryKey: store.EntryKey{Partition: partition, Key: key}}}
		if w.Value = []byte(strings.ReplaceAll(value, bounded, counted)); strings.HasPrefix(partition, "totals/") {
			w.Add = map[string]int64{"inseconds": more}
			if !strings.Contains(value, `"inseconds"`) {
				continue // that of the day of the bill
			}
		}
		if err := s.WriteEntries(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	sum := func() search.Sum {
		got, err := search.Summarize(t.Context(), s, search.Range{Account: account, All: true}, search.ByNothing)
		if err != nil {
			t.Fatal(err)
		}
		return got.Sum
	}
	if got := sum().Seconds; got != recording.MaxDuration+more {
		t.Fatalf("%d seconds are counted", got)
	}
	b := openBooks(t, s, false)
	b.delete(1)
	b.index(1)
	if got := sum(); got != (search.Sum{}) {
		t.Errorf("the summary = %+v, want nothing", got)
	}
	sound(t, s)
}
