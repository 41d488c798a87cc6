package feed_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

const account = "a"

// clock is a clock that tests advance.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(1_769_860_800)
	return c
}

func (c *clock) now() time.Time { return time.Unix(c.at.Load(), 0).UTC() }

func (c *clock) advance(d time.Duration) { c.at.Add(int64(d / time.Second)) }

func open(t *testing.T) (*feed.Feed, *sqlite.Store, *clock) {
	t.Helper()
	c := newClock()
	s := openStore(t, c.now)
	return feed.New(s, c.now), s, c
}

// puts returns the changes of n new recordings of an account, numbered from first.
func puts(account string, first, n int) []store.Change {
	changes := make([]store.Change, n)
	for i := range changes {
		changes[i].After = &store.Image{Recording: recording.Recording{
			Account: account, ID: "202601-" + strconv.Itoa(first+i), Revision: "r", Created: 63_900_000_000,
		}}
	}
	return changes
}

func appendAll(t *testing.T, f *feed.Feed, changes []store.Change) {
	t.Helper()
	if done, err := f.Append(t.Context(), changes); err != nil || done != len(changes) {
		t.Fatalf("Append = %d, %v, want %d", done, err, len(changes))
	}
}

func page(t *testing.T, f *feed.Feed, after feed.Cursor, limit int) feed.Page {
	t.Helper()
	p, err := f.Page(t.Context(), account, after, limit)
	if err != nil {
		t.Fatalf("Page after %+v: %v", after, err)
	}
	return p
}

// The store's own changes become entries: each kind, with the owner also of a deleted
// recording.
func TestEntries(t *testing.T) {
	t.Parallel()
	f, s, c := open(t)
	ctx := t.Context()
	r := &recording.Recording{Account: account, ID: "202601-x", Owner: "o", Created: recording.SecondsOf(c.now()), Document: "{}"}
	check := func(*recording.Recording) error { return nil }
	set := func(change func(*recording.Recording)) {
		if _, err := s.Update(ctx, account, r.ID, func(r *recording.Recording) error { change(r); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Put(ctx, r); err != nil {
		t.Fatal(err)
	}
	set(func(r *recording.Recording) {
		r.Audio = recording.Audio{State: recording.Failed, Reason: recording.NotAudio, Sequencer: "1"}
	})
	set(func(r *recording.Recording) { r.Audio = recording.Audio{Place: recording.Managed, Sequencer: "2"} })
	set(func(r *recording.Recording) { r.Owner = "p" })
	if _, err := s.Delete(ctx, account, r.ID, store.Deletion{Check: check}); err != nil {
		t.Fatal(err)
	}
	changes := queued(t, s)
	appendAll(t, f, changes)
	appendAll(t, f, changes)
	p := page(t, f, feed.Cursor{}, 100)
	for i := range p.Entries {
		if e := &p.Entries[i]; e.Sequence != int64(i+1) || e.Revision == "" || e.Time.IsZero() {
			t.Errorf("entry %d is %+v", i+1, e)
		}
		p.Entries[i].Sequence, p.Entries[i].Revision, p.Entries[i].Time = 0, "", time.Time{}
	}
	want := []feed.Entry{
		{Kind: feed.Created, ID: r.ID, Owner: "o", State: recording.Pending},
		{Kind: feed.Failed, ID: r.ID, Owner: "o", State: recording.Failed, Reason: recording.NotAudio},
		{Kind: feed.Completed, ID: r.ID, Owner: "o", State: recording.Ready},
		{Kind: feed.Changed, ID: r.ID, Owner: "p", Left: "o", State: recording.Ready},
		{Kind: feed.Deleted, ID: r.ID, Owner: "p", State: notify.Gone},
	}
	if diff := gocmp.Diff(want, p.Entries); diff != "" || p.More {
		t.Errorf("entries (-want +got), more: %t:\n%s", p.More, diff)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	f, _, _ := open(t)
	empty := page(t, f, feed.Cursor{}, 10)
	if len(empty.Entries) != 0 || empty.Next != (feed.Cursor{Epoch: 1}) || empty.More {
		t.Errorf("an empty feed = %+v", empty)
	}
	appendAll(t, f, puts(account, 0, 100))
	appendAll(t, f, puts("other", 0, 100))
	at := empty.Next
	for _, c := range []struct {
		entries int
		more    bool
	}{{40, true}, {40, true}, {20, false}, {0, false}} {
		p := page(t, f, at, 40)
		if len(p.Entries) != c.entries || p.More != c.more || len(p.Entries) > 0 && p.Entries[0].Sequence != at.Sequence+1 {
			t.Errorf("Page after %d = %d entries, more %t, want %+v", at.Sequence, len(p.Entries), p.More, c)
		}
		at = p.Next
	}
	now, err := f.Now(t.Context(), account)
	if err != nil || now != at {
		t.Errorf("Now = %+v, %v, want %+v", now, err, at)
	}
	ahead := func(want bool) {
		t.Helper()
		if got, err := f.Ahead(t.Context(), account, at); err != nil || got != want {
			t.Errorf("Ahead = %t, %v, want %t", got, err, want)
		}
	}
	ahead(false)
	appendAll(t, f, puts(account, 500, 1))
	ahead(true)
}

// A cursor is good for 400 days, and forever if nothing has followed it.
func TestOldCursors(t *testing.T) {
	t.Parallel()
	f, _, c := open(t)
	appendAll(t, f, puts(account, 0, 3))
	second := page(t, f, feed.Cursor{}, 2).Next
	end := page(t, f, second, 10).Next
	c.advance(feed.Days*24*time.Hour - time.Second)
	if p := page(t, f, second, 10); len(p.Entries) != 1 {
		t.Errorf("after 400 days less a second: %+v", p)
	}
	c.advance(time.Second)
	tooOld := func(after feed.Cursor) {
		t.Helper()
		if p, err := f.Page(t.Context(), account, after, 10); !errors.Is(err, feed.ErrTooOld) {
			t.Errorf("Page after %+v = %+v, %v, want %v", after, p, err, feed.ErrTooOld)
		}
	}
	tooOld(second)
	if p := page(t, f, end, 10); len(p.Entries) != 0 || p.Next != end {
		t.Errorf("at the end: %+v", p)
	}
	if p := page(t, f, feed.Cursor{}, 10); len(p.Entries) != 0 || p.Next != end {
		t.Errorf("from the beginning: %+v, want the end", p)
	}
	appendAll(t, f, puts(account, 3, 2))
	tooOld(second)
	for _, after := range []feed.Cursor{end, {}} {
		if p := page(t, f, after, 10); len(p.Entries) != 2 || p.Entries[0].Sequence != 4 {
			t.Errorf("Page after %+v = %+v, want entries 4 and 5", after, p)
		}
	}
	tooOld(feed.Cursor{Epoch: 1, Sequence: 6}) // of a table that was restored to an earlier state
}

// Changes that a feed misses while it is off make all cursors too old.
func TestSwitching(t *testing.T) {
	t.Parallel()
	f, _, _ := open(t)
	appendAll(t, f, puts(account, 0, 1))
	at := page(t, f, feed.Cursor{}, 10).Next
	if done, err := f.Skip(t.Context(), puts(account, 1, 2)); done != 2 || err != nil {
		t.Fatalf("Skip = %d, %v", done, err)
	}
	if _, err := f.Page(t.Context(), account, at, 10); !errors.Is(err, feed.ErrTooOld) {
		t.Errorf("after the feed was off: %v, want %v", err, feed.ErrTooOld)
	}
	now, err := f.Now(t.Context(), account)
	if err != nil || now.Epoch <= at.Epoch {
		t.Fatalf("Now = %+v, %v, want another epoch than %d", now, err, at.Epoch)
	}
	appendAll(t, f, puts(account, 3, 1))
	if p := page(t, f, now, 10); len(p.Entries) != 1 || p.Entries[0].ID != "202601-3" {
		t.Errorf("after the switch: %+v", p)
	}
}

// Followers of several shards that deliver the same changes at once add each once, and a
// reader sees no gap meanwhile.
func TestConcurrentFollowers(t *testing.T) {
	t.Parallel()
	f, _, _ := open(t)
	changes := puts(account, 0, 120)
	var writers, readers sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	readers.Go(func() {
		for at := (feed.Cursor{}); ctx.Err() == nil; {
			p, err := f.Page(t.Context(), account, at, 7)
			if err != nil || p.Next.Sequence != at.Sequence+int64(len(p.Entries)) {
				t.Errorf("Page after %+v = %+v, %v", at, p, err)
				return
			}
			at = p.Next
		}
	})
	for n := range 4 {
		writers.Go(func() {
			for left := changes[n*10 : 90+n*10]; len(left) > 0; {
				done, err := f.Append(t.Context(), left)
				if err != nil && !errors.Is(err, store.ErrConflict) {
					t.Error(err)
					return
				}
				left = left[done:]
			}
		})
	}
	writers.Wait()
	stop()
	readers.Wait()
	ids := map[string]int{}
	for _, e := range page(t, f, feed.Cursor{}, 1000).Entries {
		ids[e.ID]++
	}
	for i := range changes {
		if id := changes[i].After.Recording.ID; ids[id] != 1 {
			t.Errorf("%s is in the feed %d times", id, ids[id])
		}
	}
}

// sink accepts events up to a number.
type sink struct {
	most   int
	events []notify.Event
}

func (s *sink) Send(_ context.Context, events []notify.Event) (int, error) {
	n := min(s.most-len(s.events), len(events))
	s.events = append(s.events, events[:n]...)
	if n < len(events) {
		return n, notify.ErrUnavailable
	}
	return n, nil
}

func TestFollow(t *testing.T) {
	t.Parallel()
	changes := append(puts(account, 0, 3), puts("bad", 0, 1)...)
	for _, c := range []struct {
		name           string
		on             bool
		bad            string
		most           int
		done           int
		events, inFeed int
	}{
		{"all", true, "", 9, 4, 4, 3},
		{"off", false, "", 9, 4, 4, 0},
		{"the feed fails", true, "bad", 9, 3, 3, 3},
		{"the feed fails first", true, account, 9, 0, 0, 0},
		{"the bus fails", true, "", 2, 2, 2, 3},
		{"both fail", true, "bad", 2, 2, 2, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f, s, clock := open(t)
			to := &sink{most: c.most}
			done, err := feed.New(failing{s, c.bad}, clock.now).Follow(c.on, to)(t.Context(), changes)
			if done != c.done || (err == nil) != (done == len(changes)) || len(to.events) != c.events {
				t.Errorf("Follow = %d, %v with %d events, want %d and %d", done, err, len(to.events), c.done, c.events)
			}
			if p := page(t, f, feed.Cursor{}, 10); len(p.Entries) != c.inFeed {
				t.Errorf("%d entries, want %d", len(p.Entries), c.inFeed)
			}
		})
	}
}
