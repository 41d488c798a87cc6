package search_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
)

// ledger has counters with these keys, sorted.
type ledger []string

// Entries implements store.EntryReader.
func (l ledger) Entries(_ context.Context, keys ...store.EntryKey) (found []store.Entry, err error) {
	for _, k := range keys {
		if _, ok := slices.BinarySearch(l, k.Key); ok {
			found = append(found, store.Entry{EntryKey: k, Value: []byte(`{"in":1}`)})
		}
	}
	return found, nil
}

// PageEntries implements store.EntryReader.
func (l ledger) PageEntries(_ context.Context, q store.EntryQuery) (p store.EntryPage, err error) {
	first, found := slices.BinarySearch(l, max(q.After, q.Prefix))
	if found && q.After >= q.Prefix {
		first++
	}
	for _, key := range l[first:] {
		if !strings.HasPrefix(key, q.Prefix) {
			return p, nil
		}
		if len(p.Entries) == q.Limit {
			p.Next = p.Entries[q.Limit-1].Key
			return p, nil
		}
		p.Entries = append(p.Entries, store.Entry{EntryKey: store.EntryKey{Partition: q.Partition, Key: key}, Value: []byte(`{"in":1}`)})
	}
	return p, nil
}

// names returns names of owners or tags.
func names(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("n%03d", i))
	}
	return all
}

// busy returns the counters of owners who use the same tags every day.
func busy(days, owners, tags int) ledger {
	all := map[string]bool{}
	for i := range days {
		day := search.DayOf(epoch + recording.Seconds(i)*recording.Day)
		all["d/"+day] = true
		for _, owner := range names(owners) {
			all["o/"+day+"/"+owner], all["p/"+day[:7]+"/"+owner] = true, true
			for _, tag := range names(tags) {
				all["s/"+owner+"/"+day+"/"+tag] = true
			}
		}
	}
	var l ledger
	for key := range all {
		l = append(l, key)
	}
	slices.Sort(l)
	return l
}

// A summary of users reaches the limit of counters where the contract says so.
func TestDaysThatASummaryOfUsersMayHave(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		owners, tags int
		by           search.By
		days         int // the most
	}{
		{owners: 1, tags: 30, by: search.ByTag, days: 645},
		{owners: 10, tags: 30, by: search.ByTag, days: 66},
		{owners: 11, by: search.ByDay, days: 1666},
		{owners: 100, by: search.ByDay, days: 198},
	} {
		for _, more := range []int{0, 1} {
			l := busy(c.days+more, c.owners, c.tags)
			got, err := search.Summarize(t.Context(), l, search.Range{Account: account, Owners: names(c.owners)}, c.by)
			if errors.Is(err, search.ErrTooWide) != (more > 0) || more == 0 && got.Count == 0 {
				t.Errorf("a summary of %d owners by %s on %d days = %v", c.owners, c.by, c.days+more, err)
			}
		}
	}
}
