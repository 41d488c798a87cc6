package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/callrecordings/api/shared/store"
)

// pages is a partition of entries whose keys are digits. A page begins after its key and has the
// entries of one text. asked are the queries so far.
type pages struct {
	store.EntryReader

	texts []string
	fails int // the read that fails, 0 for none
	asked []store.EntryQuery
}

func (p *pages) PageEntries(_ context.Context, q store.EntryQuery) (page store.EntryPage, err error) {
	if p.asked = append(p.asked, q); len(p.asked) == p.fails {
		return page, store.ErrUnavailable
	}
	n := 0
	if q.After != "" {
		_, _ = fmt.Sscanf(q.After, "page %d", &n)
	}
	for _, key := range p.texts[n] {
		page.Entries = append(page.Entries, store.Entry{EntryKey: store.EntryKey{Partition: q.Partition, Key: string(key)}})
	}
	if n+1 < len(p.texts) {
		page.Next = fmt.Sprint("page ", n+1)
	}
	return page, nil
}

// The entries of all pages come in their order. A page may be empty. A loop that ends early reads
// no further pages, and one that gets an error has had all entries before it.
func TestAllEntries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		after string // of the query
		stop  string // the key that ends the loop
		fails int
		want  []string
		reads int
	}{
		{name: "all", want: []string{"1", "2", "3", "4"}, reads: 4},
		{name: "from the middle", after: "page 2", want: []string{"3", "4"}, reads: 2},
		{name: "the last of a page", stop: "2", want: []string{"1", "2"}, reads: 1},
		{name: "the first of a page", stop: "3", want: []string{"1", "2", "3"}, reads: 3},
		{name: "an error at once", fails: 1, want: []string{"store unavailable"}, reads: 1},
		{name: "an error later", fails: 4, want: []string{"1", "2", "3", "store unavailable"}, reads: 4},
	} {
		p := &pages{texts: []string{"12", "", "3", "4"}, fails: c.fails}
		q := store.EntryQuery{Partition: "p", Prefix: "x", After: c.after, Limit: 2, Descending: true}
		all := store.AllEntries(t.Context(), p, q)
		var got []string
		for e, err := range all {
			if err != nil {
				got = append(got, err.Error())
				continue
			}
			if got = append(got, e.Key); e.Key == c.stop {
				break
			}
		}
		if !slices.Equal(got, c.want) || len(p.asked) != c.reads {
			t.Errorf("%s: %q in %d reads, want %q in %d", c.name, got, len(p.asked), c.want, c.reads)
		}
		for _, asked := range p.asked {
			if asked.After = q.After; asked != q {
				t.Errorf("%s: the query is %+v, want %+v from another place", c.name, asked, q)
			}
		}
		p.fails = 0
		for e, err := range all { // a second loop begins at the same place
			if err != nil {
				t.Errorf("%s: the second loop: %v", c.name, err)
				break
			}
			if c.after == "" && e.Key != "1" || c.after != "" && e.Key != "3" {
				t.Errorf("%s: the second loop begins with %s", c.name, e.Key)
			}
			break
		}
	}
}
