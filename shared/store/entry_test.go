package store_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/store"
)

// Replace compares with the revision that was read, and creates the entry if there was none.
func TestReplace(t *testing.T) {
	t.Parallel()
	key := store.EntryKey{Partition: "p", Key: "k"}
	for revision, want := range map[string]store.Condition{"": store.IfAbsent, "7": store.IfUnchanged} {
		e := store.Entry{EntryKey: key, Value: []byte("1"), Revision: revision, Expires: 9}
		if diff := cmp.Diff(store.EntryWrite{Entry: e, If: want}, store.Replace(e)); diff != "" {
			t.Errorf("revision %q: %s", revision, diff)
		}
	}
}

// A write changes a counter if it adds to members or sets some, or both.
func TestCounts(t *testing.T) {
	t.Parallel()
	members := map[string]int64{"n": 1}
	for _, c := range []struct {
		w    store.EntryWrite
		want bool
	}{
		{store.EntryWrite{}, false},
		{store.EntryWrite{Add: members}, true},
		{store.EntryWrite{Set: members}, true},
		{store.EntryWrite{Add: members, Set: map[string]int64{"m": 2}}, true},
	} {
		if got := c.w.Counts(); got != c.want {
			t.Errorf("Counts of %+v = %t, want %t", c.w, got, c.want)
		}
	}
}

// One call writes 3 MB at most.
func TestTheLargestWrite(t *testing.T) {
	t.Parallel()
	const total = 3145728
	for excess, want := range map[int]error{0: nil, 1: store.ErrTooLarge} {
		var writes []store.EntryWrite
		for left := total + excess; left > 0; left -= 100_000 {
			writes = append(writes, store.EntryWrite{Entry: store.Entry{Value: make([]byte, min(left, 100_000))}})
		}
		if err := store.CheckEntries(writes); !errors.Is(err, want) {
			t.Errorf("CheckEntries of %d bytes = %v, want %v", total+excess, err, want)
		}
	}
}
