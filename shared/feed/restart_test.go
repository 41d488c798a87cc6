package feed_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/callrecordings/api/shared/feed"
)

// wantTooOld checks that a cursor of an account is too old, or that it is not.
func wantTooOld(t *testing.T, f *feed.Feed, account string, after feed.Cursor, want bool) {
	t.Helper()
	if p, err := f.Page(t.Context(), account, after, 10); errors.Is(err, feed.ErrTooOld) != want || !want && err != nil {
		t.Errorf("Page of %s after %+v = %+v, %v, want too old: %t", account, after, p, err, want)
	}
}

// The restart of an account makes its present cursors too old, also that at the end. Those of
// other accounts stay valid. The feed goes on after it, also for a client that begins at the
// start.
func TestRestartOfAnAccount(t *testing.T) {
	t.Parallel()
	f, _, _ := open(t)
	appendAll(t, f, puts(account, 0, 3))
	appendAll(t, f, puts("other", 0, 3))
	second, end := page(t, f, feed.Cursor{}, 2).Next, page(t, f, feed.Cursor{}, 3).Next
	if err := f.Restart(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	if ahead, err := f.Ahead(t.Context(), account, end); err != nil || !ahead {
		t.Errorf("Ahead = %t, %v: a request that waits would not learn of the restart", ahead, err)
	}
	wantTooOld(t, f, account, second, true)
	wantTooOld(t, f, account, end, true)
	wantTooOld(t, f, "other", end, false)
	now, err := f.Now(t.Context(), account)
	if err != nil || page(t, f, feed.Cursor{}, 10).Next != now {
		t.Errorf("Now = %+v, %v, want the end of a page from the start", now, err)
	}
	wantTooOld(t, f, account, now, false)
	appendAll(t, f, puts(account, 0, 4)) // 3 of them again
	for _, after := range []feed.Cursor{now, {}} {
		if p := page(t, f, after, 10); len(p.Entries) != 1 || p.Entries[0].ID != "202601-3" || p.More {
			t.Errorf("Page after %+v = %+v, want the change after the restart", after, p)
		}
	}
	wantTooOld(t, f, account, end, true)
}

// The restart of an account without a feed, and of all accounts.
func TestRestart(t *testing.T) {
	t.Parallel()
	f, _, _ := open(t)
	if err := f.Restart(t.Context(), ""); err != nil {
		t.Errorf("Restart before there is a feed: %v", err)
	}
	empty, err := f.Now(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Restart(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	wantTooOld(t, f, account, empty, true)
	wantTooOld(t, f, "other", empty, false)
	if err := f.Restart(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	wantTooOld(t, f, "other", empty, true)
	appendAll(t, f, puts(account, 0, 1))
	if p := page(t, f, feed.Cursor{}, 10); len(p.Entries) != 1 {
		t.Errorf("after the restart of all: %+v, want one entry", p)
	}
}

// A change that is lost restarts the feed of its account once, however often it is reported.
func TestLose(t *testing.T) {
	t.Parallel()
	f, _, _ := open(t)
	appendAll(t, f, puts(account, 0, 1))
	for _, c := range []struct{ account, id string }{{account, "seq-1"}, {account, "seq-2"}, {"", "seq-3"}} {
		before := page(t, f, feed.Cursor{}, 10).Next
		var running sync.WaitGroup
		for range 3 {
			running.Go(func() {
				if err := f.Lose(t.Context(), c.account, c.id); err != nil {
					t.Error(err)
				}
			})
		}
		running.Wait()
		wantTooOld(t, f, account, before, true)
		now := page(t, f, feed.Cursor{}, 10).Next
		if err := f.Lose(t.Context(), c.account, c.id); err != nil {
			t.Fatal(err)
		}
		wantTooOld(t, f, account, now, false)
	}
}
