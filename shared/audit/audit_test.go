package audit_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// noon is the time of the tests' clock.
var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// clock is a clock that tests set.
type clock struct {
	sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.Lock()
	defer c.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.Lock()
	defer c.Unlock()
	c.at = c.at.Add(d)
}

// open returns an empty store and a clock.
func open(t *testing.T) (store.Entries, *clock) {
	t.Helper()
	c := &clock{at: noon}
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), sqlite.Options{Now: c.now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, c
}

func trail(s store.Entries, c *clock) *audit.Trail {
	return audit.NewTrail(s, audit.Options{Level: audit.All, Addresses: audit.Network, Now: c.now, Random: rand.Reader})
}

func entry(action access.Action, id string) audit.Entry {
	return audit.Entry{
		Account: "a", Actor: audit.Actor{Account: "a", Owner: "u", Role: access.Admin}, Action: action,
		Recording: id, Result: audit.Done, RequestID: "r", Address: "192.0.2.77",
	}
}

func record(t *testing.T, to *audit.Trail, entries ...audit.Entry) {
	t.Helper()
	for _, e := range entries {
		if err := to.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

// read returns all entries that q selects, page by page.
func read(t *testing.T, s store.Entries, q audit.Query) []audit.Entry {
	t.Helper()
	var all []audit.Entry
	for range 10_000 {
		p, err := audit.NewReader(s).Page(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, p.Entries...); p.Next == nil {
			return all
		}
		q.Start = *p.Next
	}
	t.Fatal("the pages do not end")
	return nil
}

func TestRecord(t *testing.T) {
	t.Parallel()
	s, c := open(t)
	record(t, trail(s, c), entry(access.Delete, "202601-1"))
	want := entry(access.Delete, "202601-1")
	want.Time, want.Address = noon, "192.0.2.0/24"
	if diff := cmp.Diff([]audit.Entry{want}, read(t, s, audit.Query{Account: "a", Limit: 10})); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if got := read(t, s, audit.Query{Account: "b", Limit: 10}); got != nil {
		t.Errorf("another account has %+v", got)
	}
}

func TestEntriesExpire(t *testing.T) {
	t.Parallel()
	s, c := open(t)
	record(t, audit.NewTrail(s, audit.Options{Level: audit.All, Days: 10, Now: c.now, Random: rand.Reader}), entry(access.Tag, "202601-1"))
	for _, partition := range []string{"audit/a/2026-01-31", "auditdays/a"} {
		p, err := s.PageEntries(t.Context(), store.EntryQuery{Partition: partition, Limit: 10})
		if want := recording.SecondsOf(noon.AddDate(0, 0, 10)); err != nil || len(p.Entries) != 1 || p.Entries[0].Expires != want {
			t.Errorf("%s = %+v, %v; want one entry that expires at %d", partition, p.Entries, err, want)
		}
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	refused := func(a access.Action) audit.Entry {
		e := entry(a, "202601-1")
		e.Result = audit.Refused
		return e
	}
	all := []audit.Entry{
		entry(access.Listen, "202601-1"), entry(access.Tag, "202601-2"), entry(access.Manage, ""), entry(access.List, ""), entry(access.Read, "202601-3"),
		refused(access.Listen), refused(access.Delete), refused(access.List),
	}
	for level, want := range map[audit.Level]string{
		audit.Off: "", audit.Changes: "delete refused, manage done, tag done",
		audit.All: "list refused, delete refused, listen refused, manage done, tag done, listen done",
	} {
		s, c := open(t)
		to := audit.NewTrail(s, audit.Options{Level: level, Now: c.now, Random: rand.Reader})
		for _, e := range all {
			record(t, to, e)
			c.advance(time.Second)
		}
		var got []string
		for _, e := range read(t, s, audit.Query{Account: "a", Limit: 3}) {
			got = append(got, string(e.Action)+" "+string(e.Result))
		}
		if got := strings.Join(got, ", "); got != want {
			t.Errorf("level %s has %q, want %q", level, got, want)
		}
	}
}

// The ranges that a player asks for are one listening. A long pause, another client or
// another recording begins a new one.
func TestOneListening(t *testing.T) {
	t.Parallel()
	s, c := open(t)
	to := trail(s, c)
	for range 5 {
		record(t, to, entry(access.Listen, "202601-1"))
		c.advance(10 * time.Minute)
	}
	record(t, to, entry(access.Listen, "202601-2"))
	other := entry(access.Listen, "202601-1")
	other.Address = "2001:db8::1"
	record(t, to, other)
	if got := len(read(t, s, audit.Query{Account: "a", Limit: 10})); got != 3 {
		t.Errorf("%d entries, want 3", got)
	}
	c.advance(20 * time.Minute)
	record(t, to, entry(access.Listen, "202601-1"))
	if got := len(read(t, s, audit.Query{Account: "a", Limit: 10})); got != 4 {
		t.Errorf("%d entries after a pause, want 4", got)
	}
}

// failing fails writes, before or after they take effect.
type failing struct {
	entries
	before, after bool
}

// entries is the embedded store, under a name that is not that of a method.
type entries interface{ store.Entries }

func (f *failing) WriteEntries(ctx context.Context, writes ...store.EntryWrite) error {
	if f.before {
		return store.ErrUnavailable
	}
	if err := f.entries.WriteEntries(ctx, writes...); err != nil {
		return err
	}
	if f.after {
		return store.ErrUnavailable
	}
	return nil
}

// A failed write refuses the request and leaves the chains whole, whether the write took
// effect or not.
func TestFailedWrites(t *testing.T) {
	t.Parallel()
	s, c := open(t)
	f := &failing{entries: s}
	to := trail(f, c)
	for i := range 30 {
		f.before, f.after = i%5 == 2, i%5 == 3
		e := entry(access.Listen, fmt.Sprintf("202601-%d", i))
		err := to.Record(t.Context(), e)
		if failed := f.before || f.after; failed != errors.Is(err, audit.ErrUnrecorded) || failed && !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("entry %d: %v, failed %v", i, err, failed)
		}
		f.before, f.after = false, false
		c.advance(time.Second)
		record(t, to, e) // a retry after a failure is not a repetition
		c.advance(time.Second)
	}
	if got := len(read(t, s, audit.Query{Account: "a", Limit: 100})); got != 36 {
		t.Errorf("%d entries, want one of each listening, and another one of the 6 whose success was lost", got)
	}
	r, err := audit.NewReader(s).Verify(t.Context(), "a", "2026-01-31")
	if err != nil || len(r.Problems) > 0 || r.Chains < 6 {
		t.Errorf("Verify = %+v, %v; want more than 5 whole chains", r, err)
	}
}

func TestConcurrentEntriesMakeWholeChains(t *testing.T) {
	t.Parallel()
	s, c := open(t)
	to := trail(s, c)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 25 {
				if err := to.Record(t.Context(), entry(access.Tag, fmt.Sprintf("202601-%d-%d", i, j))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	r, err := audit.NewReader(s).Verify(t.Context(), "a", "2026-01-31")
	if err != nil || len(r.Problems) > 0 || r.Entries != 200 || r.Chains > 8 {
		t.Errorf("Verify = %+v, %v; want 200 entries in at most 8 whole chains", r, err)
	}
}

func TestVerifyFindsTampering(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tamper  func(t *testing.T, s store.Entries, entries []store.Entry)
		problem string // "": only the hash changes
	}{
		"an altered entry": {func(t *testing.T, s store.Entries, all []store.Entry) {
			all[1].Value = bytes.Replace(all[1].Value, []byte("202601-1"), []byte("202601-9"), 1)
			write(t, s, store.EntryWrite{Entry: all[1]})
		}, "one of the two was altered"},
		"a removed entry": {func(t *testing.T, s store.Entries, all []store.Entry) {
			write(t, s, store.EntryWrite{Entry: all[1], Delete: true})
		}, "an entry before it is missing"},
		"a removed beginning": {func(t *testing.T, s store.Entries, all []store.Entry) {
			write(t, s, store.EntryWrite{Entry: all[0], Delete: true})
		}, "an entry before it is missing"},
		"an entry at another time": {func(t *testing.T, s store.Entries, all []store.Entry) {
			write(t, s, store.EntryWrite{Entry: all[1], Delete: true})
			all[1].Key = strings.Replace(all[1].Key, all[1].Key[:13], "1769860000000", 1)
			write(t, s, store.EntryWrite{Entry: all[1]})
		}, "one of the two was altered"},
		"text": {func(t *testing.T, s store.Entries, all []store.Entry) {
			all[1].Value = []byte("x")
			write(t, s, store.EntryWrite{Entry: all[1]})
		}, "malformed entry"},
		"a removed end": {func(t *testing.T, s store.Entries, all []store.Entry) {
			write(t, s, store.EntryWrite{Entry: all[2], Delete: true})
		}, ""},
		"an altered end": {func(t *testing.T, s store.Entries, all []store.Entry) {
			all[2].Value = bytes.Replace(all[2].Value, []byte("done"), []byte("none"), 1)
			write(t, s, store.EntryWrite{Entry: all[2]})
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, clock := open(t)
			to := trail(s, clock)
			for i := range 3 {
				record(t, to, entry(access.Tag, fmt.Sprintf("202601-%d", i)))
				clock.advance(time.Second)
			}
			reader := audit.NewReader(s)
			before, err := reader.Verify(t.Context(), "a", "2026-01-31")
			if err != nil || len(before.Problems) > 0 || before.Entries != 3 || before.Chains != 1 {
				t.Fatalf("Verify = %+v, %v", before, err)
			}
			page, err := s.PageEntries(t.Context(), store.EntryQuery{Partition: "audit/a/2026-01-31", Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			c.tamper(t, s, page.Entries)
			after, err := reader.Verify(t.Context(), "a", "2026-01-31")
			if err != nil || after.Hash == before.Hash || (c.problem == "") != (len(after.Problems) == 0) ||
				!strings.Contains(strings.Join(after.Problems, "\n"), c.problem) {
				t.Errorf("Verify = %+v, %v; want %q and another hash than %s", after, err, c.problem, before.Hash)
			}
		})
	}
}

func write(t *testing.T, s store.Entries, w store.EntryWrite) {
	t.Helper()
	if err := s.WriteEntries(t.Context(), w); err != nil {
		t.Fatal(err)
	}
}

// With pages of any size, a filtered trail has each entry once, the newest first.
func TestPages(t *testing.T) {
	t.Parallel()
	s, c := open(t)
	to := trail(s, c)
	for i := range 300 { // on 75 days, more than a page looks through
		e := entry(access.Tag, fmt.Sprintf("202601-%03d", i))
		if i%7 == 0 {
			e.Actor.Owner = "other"
		}
		record(t, to, e)
		c.advance(6 * time.Hour)
	}
	for _, limit := range []int{1, 4, 7, 300} {
		got := read(t, s, audit.Query{Account: "a", Limit: limit})
		for i, e := range got {
			if want := fmt.Sprintf("202601-%03d", 299-i); e.Recording != want {
				t.Fatalf("pages of %d: entry %d is of %s, want %s", limit, i, e.Recording, want)
			}
		}
		if len(got) != 300 {
			t.Errorf("pages of %d have %d entries, want 300", limit, len(got))
		}
		if got := len(read(t, s, audit.Query{Account: "a", Actor: "other", Limit: limit})); got != 43 {
			t.Errorf("pages of %d have %d entries of the other user, want 43", limit, got)
		}
		from, until := noon.Add(100*6*time.Hour), noon.Add(110*6*time.Hour)
		if got := read(t, s, audit.Query{Account: "a", From: from, To: until, Limit: limit}); len(got) != 11 || !got[0].Time.Equal(until) || !got[10].Time.Equal(from) {
			t.Errorf("pages of %d have %d entries of the range, want 11", limit, len(got))
		}
		if got := read(t, s, audit.Query{Account: "a", Recording: "202601-123", Action: access.Tag, Limit: limit}); len(got) != 1 {
			t.Errorf("pages of %d have %d entries of one recording", limit, len(got))
		}
	}
}

// A rare entry among many days costs few pages.
func TestPagesCoverManyDays(t *testing.T) {
	t.Parallel()
	s, c := open(t)
	to := trail(s, c)
	for i := range 120 {
		record(t, to, entry(access.Tag, fmt.Sprintf("202601-%03d", i)))
		c.advance(24 * time.Hour)
	}
	q, pages, found := audit.Query{Account: "a", Recording: "202601-000", Limit: 10}, 0, 0
	for more := true; more; pages++ {
		p, err := audit.NewReader(s).Page(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		found += len(p.Entries)
		if more = p.Next != nil; more {
			q.Start = *p.Next
		}
	}
	if pages != 3 || found != 1 {
		t.Errorf("%d pages with %d entries, want 1 entry in 3 pages of 50 days", pages, found)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ address, network, whole string }{
		{"192.0.2.77", "192.0.2.0/24", "192.0.2.77"},
		{"192.0.2.77:443", "192.0.2.0/24", "192.0.2.77"},
		{"::ffff:192.0.2.77", "192.0.2.0/24", "192.0.2.77"},
		{"2001:db8:1:2::9", "2001:db8:1::/48", "2001:db8:1:2::9"},
		{"[2001:db8:1:2::9]:1", "2001:db8:1::/48", "2001:db8:1:2::9"},
		{"fe80::1%eth0", "fe80::/48", "fe80::1"},
		{"", "", ""},
		{"unknown", "", ""},
	} {
		for kind, want := range map[audit.Addresses]string{audit.Network: c.network, audit.Whole: c.whole, audit.NoAddresses: ""} {
			s, clock := open(t)
			e := entry(access.Tag, "202601-1")
			e.Address = c.address
			record(t, audit.NewTrail(s, audit.Options{Level: audit.All, Addresses: kind, Now: clock.now, Random: rand.Reader}), e)
			if got := read(t, s, audit.Query{Account: "a", Limit: 1})[0].Address; got != want {
				t.Errorf("%s of %q = %q, want %q", kind, c.address, got, want)
			}
		}
	}
}
