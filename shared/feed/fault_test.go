package feed_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// failing fails the writes of one account.
type failing struct {
	*sqlite.Store
	account string
}

func (f failing) WriteEntries(ctx context.Context, writes ...store.EntryWrite) error {
	for i := range writes {
		if writes[i].Partition == "feed/"+f.account+"/1" {
			return fmt.Errorf("%w: throttled", store.ErrUnavailable)
		}
	}
	return f.Store.WriteEntries(ctx, writes...)
}

// The failure of an account's feed is reported at its first change, and the changes of
// other accounts are written all the same.
func TestAnAccountFailsAlone(t *testing.T) {
	t.Parallel()
	_, s, c := open(t)
	var changes []store.Change
	for n := range 5 {
		changes = append(changes, puts(account, n, 1)...)
		changes = append(changes, puts("bad", n, 1)...)
	}
	f := feed.New(failing{s, "bad"}, c.now)
	if done, err := f.Append(t.Context(), changes); done != 1 || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Append = %d, %v, want 1 and %v", done, err, store.ErrUnavailable)
	}
	if p := page(t, f, feed.Cursor{}, 10); len(p.Entries) != 5 {
		t.Errorf("the other account has %d entries, want 5", len(p.Entries))
	}
	appendAll(t, feed.New(s, c.now), changes[1:])
	if p := page(t, f, feed.Cursor{}, 10); len(p.Entries) != 5 {
		t.Errorf("the other account has %d entries after the retry, want 5", len(p.Entries))
	}
}

// torn calls between after it has read the marks of a batch, and before it reads the head.
// BatchGetItem may do the same, because it reads each item at a moment of its own.
type torn struct {
	*sqlite.Store
	between func()
}

func (s *torn) Entries(ctx context.Context, keys ...store.EntryKey) ([]store.Entry, error) {
	if len(keys) == 1 || s.between == nil {
		return s.Store.Entries(ctx, keys...)
	}
	marks, err := s.Store.Entries(ctx, keys[1:]...)
	if err != nil {
		return nil, err
	}
	s.between()
	s.between = nil
	head, err := s.Store.Entries(ctx, keys[0])
	return append(head, marks...), err
}

// A change that another writer stores between the reads of a mark and of the head is in the
// feed once.
func TestAMarkIsStoredOnce(t *testing.T) {
	t.Parallel()
	f, s, c := open(t)
	appendAll(t, f, puts(account, 0, 1))
	changes := puts(account, 1, 2)
	between := &torn{Store: s, between: func() { appendAll(t, f, changes) }}
	appendAll(t, feed.New(between, c.now), append(changes, puts(account, 3, 1)...))
	var ids []string
	for _, e := range page(t, f, feed.Cursor{}, 10).Entries {
		ids = append(ids, e.ID)
	}
	if diff := gocmp.Diff([]string{"202601-0", "202601-1", "202601-2", "202601-3"}, ids); diff != "" {
		t.Errorf("the feed (-want +got):\n%s", diff)
	}
}

// partial hides an entry from pages, as a Query of DynamoDB may do while a transaction is
// being applied.
type partial struct {
	*sqlite.Store
	hidden map[string]bool
}

func (p partial) PageEntries(ctx context.Context, q store.EntryQuery) (store.EntryPage, error) {
	found, err := p.Store.PageEntries(ctx, q)
	visible := found.Entries[:0]
	for _, e := range found.Entries {
		if !p.hidden[e.Key] {
			visible = append(visible, e)
		}
	}
	found.Entries = visible
	return found, err
}

func TestPartlyVisibleTransactions(t *testing.T) {
	t.Parallel()
	const limit = 4
	key := func(n int) string { return fmt.Sprintf("%016d", n) }
	for _, c := range []struct {
		name        string
		hidden      []int
		after       int64
		first, last int64
	}{
		{"in the middle", []int{3}, 0, 1, 2},
		{"the next", []int{1}, 0, 1, 1},
		{"the next after some", []int{7}, 6, 7, 7},
		{"all that are left", []int{8, 9, 10}, 7, 8, 10},
		{"the first ones", []int{1, 2, 3}, 0, 1, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f, s, clock := open(t)
			appendAll(t, f, puts(account, 0, 10))
			view := partial{s, map[string]bool{}}
			for _, n := range c.hidden {
				view.hidden[key(n)] = true
			}
			for _, after := range []feed.Cursor{{Epoch: 1, Sequence: c.after}, {}} {
				if after.Epoch == 0 && c.after > 0 {
					continue
				}
				p := page(t, feed.New(view, clock.now), after, limit)
				if len(p.Entries) == 0 || p.Entries[0].Sequence != c.first || p.Next.Sequence != c.last {
					t.Errorf("Page after %+v = %+v, want entries %d to %d", after, p, c.first, c.last)
				}
			}
		})
	}
}
