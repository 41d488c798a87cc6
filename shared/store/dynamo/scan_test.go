package dynamo

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo/emulator"
)

// Accounts lists each account with recordings once, and with deep also those with pending
// purges, but no partitions of entries. It comes to an end.
func TestAccountsListsEachOnce(t *testing.T) {
	t.Parallel()
	s := openEmulator(t, emulator.New())
	var live, purging []string
	put := func(account, id string) {
		t.Helper()
		if err := s.Put(t.Context(), &recording.Recording{Account: account, ID: id, Created: 1, Document: "{}"}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 2*accountsAtOnce + 10 {
		live = append(live, fmt.Sprintf("account%03d", n))
		put(live[n], "202601-a")
		put(live[n], "202601-b")
	}
	for n := range 5 {
		purging = append(purging, fmt.Sprintf("purging%03d", n))
		for _, id := range []string{"202601-a", "202601-b", "202601-c", "202601-d"} {
			put(purging[n], id)
			if _, err := s.Delete(t.Context(), purging[n], id, store.Deletion{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.WriteEntries(t.Context(), store.EntryWrite{Entry: store.Entry{EntryKey: store.EntryKey{Partition: "p", Key: "k"}, Value: []byte("{}")}}); err != nil {
		t.Fatal(err)
	}
	for _, deep := range []bool{false, true} {
		want := slices.Clone(live)
		if deep {
			want = append(want, purging...)
		}
		var got []string
		var sizes []int
		for cursor, first := "", true; first || cursor != ""; first = false {
			page, next, err := s.Accounts(t.Context(), cursor, deep)
			if err != nil {
				t.Fatal(err)
			}
			got, sizes, cursor = append(got, page...), append(sizes, len(page)), next
			if len(sizes) > 300 {
				t.Fatalf("deep %t: more than 300 pages", deep)
			}
			if once := slices.Compact(slices.Clone(page)); len(once) != len(page) {
				t.Errorf("deep %t: a page repeats an account: %q", deep, page)
			}
		}
		slices.Sort(got)
		if deep { // a page of the table may begin in the middle of an account
			got = slices.Compact(got)
		}
		if !slices.Equal(got, want) {
			t.Errorf("deep %t: %q, want %q", deep, got, want)
		}
		if !slices.Equal(sizes[:3], []int{accountsAtOnce, accountsAtOnce, 10}) {
			t.Errorf("deep %t: pages of %v", deep, sizes)
		}
	}
}

// Removing a claim is a conflict if its recording exists, but not if it only meets another
// transaction.
func TestUnclaimMeetsATransaction(t *testing.T) {
	t.Parallel()
	for code, conflict := range map[string]bool{"ConditionalCheckFailed": true, "TransactionConflict": false} {
		canceled := canceledBy(`{"Code":"None"},{"Code":"` + code + `"}`)
		s := openAt(t, newFake(t, canceled).url, fastLimits())
		err := s.Unclaim(t.Context(), account, store.KeptClaim{Key: "#k", ID: "202601-a", Revision: "1"})
		if err == nil || errors.Is(err, store.ErrConflict) != conflict {
			t.Errorf("%s: %v, want a conflict: %t", code, err, conflict)
		}
	}
}
