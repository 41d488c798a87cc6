package retention_test

import (
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
)

// A recording disappears for every reader at the very second of its expiry, across a change
// of daylight saving time. Documents show the time and the rule.
func TestView(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.put("A", "202603-a", 0, `{}`)
	f.put("A", "202603-b", 0, `{"direction":"inbound"}`)
	f.put("A", "202603-c", 0, `{"owner_id":"carl"}`)
	f.settings("A", rules(retention.Rule{Name: "in", Forever: true, Direction: "inbound"}, retention.Rule{Name: "one day", Days: 1}))
	book := hold.NewBook(f.store, f.clock, rand.Reader, false)
	h, err := book.Draft(hold.Hold{Case: "c", Reason: "r", Scope: hold.Scope{Owner: "carl"}})
	f.check(err)
	f.check(book.Place(t.Context(), "A", h))
	v := retention.NewView(f.store, retention.NewRules(f.store, f.clock))
	seen := func() string {
		p, err := v.Page(t.Context(), store.Query{Account: "A", Ascending: true, Limit: 10})
		f.check(err)
		var all []string
		for i := range p.Recordings {
			all = append(all, p.Recordings[i].ID[7:])
		}
		return strings.Join(all, "")
	}
	r, err := v.Get(t.Context(), "A", "202603-a")
	f.check(err)
	if want := recording.SecondsOf(start.Add(day)); r.Kept == nil || r.Kept.Expires != want || r.Kept.Rule != "one day" {
		t.Errorf("Kept = %+v, want %d and the rule", r.Kept, want)
	}
	found := func() string { // as a search reads its hits
		all, err := v.Find(t.Context(), "A", []string{"202603-a", "202603-b", "202603-c", "202603-d"})
		f.check(err)
		var ids []string
		for _, id := range slices.Sorted(maps.Keys(all)) {
			if all[id].Recording != nil {
				ids = append(ids, id[7:])
			}
		}
		return strings.Join(ids, "")
	}
	f.now = start.Add(day - time.Second)
	if list, hits := seen(), found(); list != "abc" || hits != "abc" {
		t.Errorf("a second before, the list has %q, and Find %q", list, hits)
	}
	f.now = start.Add(day)
	if list, hits := seen(), found(); list != "bc" || hits != "bc" {
		t.Errorf("at the second, the list has %q, and Find %q", list, hits)
	}
	if _, err := v.Get(t.Context(), "A", "202603-a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get = %v, want %v", err, store.ErrNotFound)
	}
	_, err = v.Update(t.Context(), "A", "202603-a", func(*recording.Recording) error { return nil })
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Update = %v, want %v", err, store.ErrNotFound)
	}
	r, err = v.Update(t.Context(), "A", "202603-c", func(*recording.Recording) error { return nil })
	if err != nil || r.Kept == nil || !slices.Equal(r.Kept.Holds, []string{h.ID}) {
		t.Errorf("Update of a recording on hold = %+v, %v", r, err)
	}
}

// brokenEntries is a store that cannot read entries.
type brokenEntries struct{ retention.Driver }

// Nothing is shown as long as the policy is unknown.
func TestViewWithoutPolicies(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.put("A", "202603-a", 0, `{}`)
	s := brokenEntries{f.store}
	v := retention.NewView(s, retention.NewRules(s, f.clock))
	if _, err := v.Get(t.Context(), "A", "202603-a"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Get = %v", err)
	}
	if _, err := v.Page(t.Context(), store.Query{Account: "A", Limit: 1}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Page = %v", err)
	}
	if _, err := v.Update(t.Context(), "A", "202603-a", nil); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Update = %v", err)
	}
}

// Clients can neither delete an expired recording, since the answer would show it, nor list
// it among the deleted ones, nor restore it.
func TestViewOfTheDeleted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.put("A", "202603-a", 0, `{}`)
	f.put("A", "202603-b", 0, `{}`)
	f.settings("A", rules(retention.Rule{Name: "all", Days: 2}))
	v := retention.NewView(f.store, retention.NewRules(f.store, f.clock))
	d := store.Deletion{Until: recording.SecondsOf(start.Add(30 * day))}
	r, err := v.Delete(t.Context(), "A", "202603-a", d)
	f.check(err)
	expires := recording.SecondsOf(start.Add(2 * day))
	if r.Removal == nil || r.Removal.Until != expires {
		t.Errorf("Removal = %+v, want the end at the expiry, %d", r.Removal, expires)
	}
	if gone, err := f.store.Tombstone(t.Context(), "A", "202603-a"); err != nil || gone.Until != expires {
		t.Errorf("the tombstone can be restored until %d, %v, want %d", gone.Until, err, expires)
	}
	deleted := store.Query{Account: "A", Deleted: true, Limit: 10}
	page, err := v.Page(t.Context(), deleted)
	if err != nil || len(page.Tombstones) != 1 {
		t.Errorf("%d deleted recordings, %v, want 1", len(page.Tombstones), err)
	}
	f.now = start.Add(2 * day)
	page, err = v.Page(t.Context(), deleted)
	if err != nil || len(page.Tombstones) != 0 {
		t.Errorf("%d deleted recordings after the expiry, %v, want none", len(page.Tombstones), err)
	}
	found, err := v.Find(t.Context(), "A", []string{"202603-a", "202603-b"})
	if err != nil || len(found) != 1 || found["202603-a"].Tombstone == nil || found["202603-a"].Tombstone.Recording != nil {
		t.Errorf("Find after the expiry = %+v, %v, want one tombstone without its recording", found, err)
	}
	_, err = v.Restore(t.Context(), "A", "202603-a", func(*store.Tombstone) error { return nil })
	if !errors.Is(err, store.ErrPurging) {
		t.Errorf("Restore after the expiry = %v, want %v", err, store.ErrPurging)
	}
	if _, err := v.Delete(t.Context(), "A", "202603-b", d); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Delete after the expiry = %v, want %v", err, store.ErrNotFound)
	}
}

// Other tags never make a recording expire at once. Other changes may.
func TestTagsDeleteNothing(t *testing.T) {
	t.Parallel()
	const tagged = `{"duration":9,"user_metadata":{"tags":{"complaint":true}}}`
	policy := rules(
		retention.Rule{Name: "junk", Days: 7, Tag: "junk"}, retention.Rule{Name: "complaints", Days: 1095, Tag: "complaint"},
		retention.Rule{Name: "missed", Days: 3, MaxSeconds: 3}, retention.Rule{Name: "all others", Days: 90},
	)
	for _, tt := range []struct {
		name    string
		age     time.Duration
		hold    bool
		before  string
		after   string
		refused bool
	}{
		{"the tag that keeps it", 200 * day, false, tagged, `{"duration":9}`, true},
		{"the same on hold", 200 * day, true, tagged, `{"duration":9}`, true},
		{"a tag that removes it", 10 * day, false, `{}`, `{"user_metadata":{"tags":{"junk":true}}}`, true},
		{"with time left", 89 * day, false, tagged, `{"duration":9}`, false},
		{"another tag", 200 * day, false, tagged, `{"duration":9,"user_metadata":{"tags":{"complaint":1,"x":2}}}`, false},
		{"expired already, on hold", 200 * day, true, `{}`, `{"user_metadata":{"tags":{"x":true}}}`, false},
		{"the duration of audio that arrives", 10 * day, false, `{}`, `{"duration":2}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.put("A", "202603-a", tt.age, tt.before)
			f.settings("A", policy)
			if tt.hold {
				book := hold.NewBook(f.store, f.clock, rand.Reader, false)
				h, err := book.Draft(hold.Hold{Case: "c", Reason: "r"})
				f.check(err)
				f.check(book.Place(t.Context(), "A", h))
			}
			v := retention.NewView(f.store, retention.NewRules(f.store, f.clock))
			_, err := v.Update(t.Context(), "A", "202603-a", func(r *recording.Recording) error {
				r.Document = recording.Document(tt.after)
				return nil
			})
			want, stored := tt.after, error(nil)
			if tt.refused {
				want, stored = tt.before, retention.ErrWouldExpire
			}
			r, failed := f.store.Get(t.Context(), "A", "202603-a")
			f.check(failed)
			if !errors.Is(err, stored) || string(r.Document) != want {
				t.Errorf("Update = %v, and the document is %s; want %v and %s", err, r.Document, stored, want)
			}
		})
	}
}
