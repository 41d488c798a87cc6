package retention_test

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
)

// calls is a driver that lists the calls that read or change entries or recordings.
type calls struct {
	retention.Driver
	all []string
}

func (c *calls) Entries(ctx context.Context, keys ...store.EntryKey) ([]store.Entry, error) {
	c.all = append(c.all, readHolds)
	return c.Driver.Entries(ctx, keys...)
}

func (c *calls) WriteEntries(ctx context.Context, writes ...store.EntryWrite) error {
	for i := range writes {
		c.all = append(c.all, "write "+writes[i].Partition+" "+writes[i].Key)
	}
	return c.Driver.WriteEntries(ctx, writes...)
}

func (c *calls) Restore(ctx context.Context, account, id string, check func(*store.Tombstone) error) (*recording.Recording, error) {
	c.all = append(c.all, "restore")
	return c.Driver.Restore(ctx, account, id, check)
}

func (c *calls) CorrectGuarded(
	ctx context.Context, account, id string, change func(*recording.Recording) error, guards ...store.Guard,
) (*recording.Recording, error) {
	c.all = append(c.all, strings.Repeat("guarded ", len(guards))+"change")
	return c.Driver.CorrectGuarded(ctx, account, id, change, guards...)
}

const (
	readHolds = "read entries"
	workEntry = "write hold-locks A/arrived/202603-a"
)

// comesOnHold are changes that make a hold on the scope cover a recording that it did not cover
// before.
var comesOnHold = []struct {
	name  string
	scope hold.Scope
	do    func(*testing.T, retention.View, string) error
	// plain are the calls without work for the locks, and locked those with it, if the cache
	// knows the account.
	plain, locked []string
}{
	{"a restore", hold.Scope{Owner: "carl"}, func(t *testing.T, v retention.View, id string) error {
		t.Helper()
		_, err := v.Restore(t.Context(), "A", id, func(*store.Tombstone) error { return nil })
		return err
	}, []string{"restore"}, []string{"restore", workEntry, "restore"}},
	{"a late number", hold.Scope{Number: "+49 30 1234567"}, change(func(r *recording.Recording) {
		r.Document = `{"caller_id_number":"030 1234567"}`
	}), []string{"change"}, []string{"change", workEntry, "change"}},
	{"another owner", hold.Scope{Owner: "anna"}, change(func(r *recording.Recording) {
		r.Owner = "anna"
	}), []string{"change", readHolds, "guarded change"}, []string{"change", workEntry, "change", readHolds, "guarded change"}},
}

func change(do func(*recording.Recording)) func(*testing.T, retention.View, string) error {
	return func(t *testing.T, v retention.View, id string) error {
		t.Helper()
		_, err := v.Update(t.Context(), "A", id, func(r *recording.Recording) error { do(r); return nil })
		return err
	}
}

// Before a recording comes on hold, work for the locks is stored. Without a hold that covers the
// recording, or without Object Lock, no call is added.
func TestWhatComesOnHoldIsLocked(t *testing.T) {
	t.Parallel()
	for _, c := range comesOnHold {
		for _, scope := range []hold.Scope{c.scope, {Owner: "ben"}, {}} {
			for _, locks := range []bool{false, true} {
				f := newFixture(t)
				f.comesOnHold(c.name == "a restore")
				if scope != (hold.Scope{}) {
					f.hold(scope)
				}
				driver := &calls{Driver: f.store}
				v := retention.NewView(driver, retention.NewRules(driver, f.clock))
				if locks {
					v.Watched = v.Locking()
				}
				_, err := v.Applied(t.Context(), "A")
				f.check(err)
				driver.all = nil
				f.check(c.do(t, v, "202603-a"))
				want := c.plain
				if locks && scope == c.scope {
					want = c.locked
				}
				if !slices.Equal(driver.all, want) {
					t.Errorf("%s under %+v with locks %t: the calls are %q, want %q", c.name, scope, locks, driver.all, want)
				}
			}
		}
	}
}

// Programs without a cache of the account read the holds for such a change.
func TestWhatComesOnHoldInAnUnknownAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.comesOnHold(false)
	f.hold(hold.Scope{Number: "+49 30 1234567"})
	driver := &calls{Driver: f.store}
	w := retention.Watch(driver, retention.NewRules(driver, f.clock)).Locking()
	_, err := w.Update(t.Context(), "A", "202603-a", func(r *recording.Recording) error {
		r.Document = `{"caller_id_number":"030 1234567"}`
		return nil
	})
	f.check(err)
	want := []string{"change", readHolds, "change", workEntry, "change"}
	if !slices.Equal(driver.all, want) {
		t.Errorf("the calls are %q, want %q", driver.all, want)
	}
}

// comesOnHold stores the recording of the cases of comesOnHold, live or deleted.
func (f *fixture) comesOnHold(deleted bool) {
	f.Helper()
	r := &recording.Recording{
		Account: "A", ID: "202603-a", Owner: "carl", Document: `{}`,
		Created: recording.SecondsOf(start), Modified: recording.SecondsOf(start),
		Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: 100},
	}
	f.check(f.store.Put(f.Context(), r))
	if deleted {
		_, err := f.store.Delete(f.Context(), "A", r.ID, store.Deletion{Until: recording.SecondsOf(start.Add(day))})
		f.check(err)
	}
}

// hold places a hold in the account A.
func (f *fixture) hold(scope hold.Scope) {
	f.Helper()
	b := hold.NewBook(f.store, f.clock, rand.Reader, false)
	h, err := b.Draft(hold.Hold{Case: "c", Reason: "r", Scope: scope})
	f.check(err)
	f.check(b.Place(f.Context(), "A", h))
}
