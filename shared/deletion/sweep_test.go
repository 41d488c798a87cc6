package deletion_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// pager notes the account of each page that is read, in order.
type pager struct {
	*sqlite.Store

	mu   sync.Mutex
	read []string
	// before, if not nil, is called before each read.
	before func(account string)
}

func (p *pager) Page(ctx context.Context, q store.Query) (store.Page, error) {
	p.mu.Lock()
	p.read = append(p.read, q.Account)
	p.mu.Unlock()
	if p.before != nil {
		p.before(q.Account)
	}
	return p.Store.Page(ctx, q)
}

// fill stores n recordings of an account, and deletes them. They are due a day later.
func (w *world) fill(t *testing.T, account string, n int) {
	t.Helper()
	for i := range n {
		id := fmt.Sprintf("%04d", i)
		w.put(t, account, id)
		w.delete(t, account, id)
	}
}

// A sweep handles large accounts in turns, a page each, and handles every recording once.
func TestSweepInTurns(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	w := newWorld(t, 1)
	const large, small = 250, 120
	w.fill(t, "000-large", large)
	for i := range small {
		w.fill(t, fmt.Sprintf("small-%03d", i), 1)
	}
	w.now = w.now.Add(24 * time.Hour)
	p := &pager{Store: w.store}
	got, err := w.Sweep(t.Context(), p, recording.SecondsOf(w.now), 1)
	if want := (deletion.Swept{Purging: large + small}); err != nil || got != want {
		t.Errorf("Sweep = %+v, %v, want %+v", got, err, want)
	}
	if len(p.read) != small+3 || slices.Index(p.read[1:], "000-large") != small {
		t.Errorf("the sweep has read %q, want one page of every account before the second one of the first", p.read)
	}
}

// If the time of a sweep is up, the next one begins with the account that would have been next.
func TestSweepContinues(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	for _, account := range []string{"a", "b", "c", "d"} {
		w.fill(t, account, 1)
	}
	w.now = w.now.Add(24 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	p := &pager{Store: w.store, before: func(account string) {
		if account == "b" {
			cancel()
		}
	}}
	if _, err := w.Sweep(ctx, p, recording.SecondsOf(w.now), 1); err != nil {
		t.Errorf("Sweep = %v, although its time was up", err)
	}
	p.read, p.before = nil, nil
	if _, err := w.Sweep(t.Context(), p, recording.SecondsOf(w.now), 1); err != nil || !slices.Equal(p.read, []string{"c", "d", "a", "b"}) {
		t.Errorf("the next Sweep has read %q, %v, want it to begin with c", p.read, err)
	}
}

// Several accounts are swept at the same time, each recording once.
func TestSweepInParallel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	const accounts, each = 6, 3
	for i := range accounts {
		w.fill(t, fmt.Sprint("a", i), each)
	}
	w.hold(t, "a0", "0001")
	w.now = w.now.Add(24 * time.Hour)
	both := make(chan struct{})
	var meet sync.Once
	waiting := 0
	p := &pager{Store: w.store}
	p.before = func(string) {
		p.mu.Lock()
		if waiting++; waiting == 2 {
			meet.Do(func() { close(both) })
		}
		p.mu.Unlock()
		select {
		case <-both:
		case <-t.Context().Done():
		}
	}
	got, err := w.Sweep(t.Context(), p, recording.SecondsOf(w.now), 2)
	if want := (deletion.Swept{Purging: accounts*each - 1, Held: 1}); err != nil || got != want {
		t.Errorf("Sweep = %+v, %v, want %+v", got, err, want)
	}
}

// meddling counts the reads of holds, and runs a function before the first purge.
type meddling struct {
	*sqlite.Store
	holdReads int
	meddle    func()
}

func (m *meddling) Entries(ctx context.Context, keys ...store.EntryKey) ([]store.Entry, error) {
	if slices.Contains(keys, hold.Key("a")) {
		m.holdReads++
	}
	return m.Store.Entries(ctx, keys...)
}

func (m *meddling) Condemn(ctx context.Context, account, id string, check func(*store.Tombstone) error, guards ...store.Guard) error {
	if f := m.meddle; f != nil {
		m.meddle = nil
		f()
	}
	return m.Store.Condemn(ctx, account, id, check, guards...)
}

// A sweep reads the holds once for a page, and again only if one is placed meanwhile. It never
// misses such a hold.
func TestSweepReadsHoldsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.fill(t, "a", 20)
	w.hold(t, "a", "0003")
	w.now = w.now.Add(24 * time.Hour)
	m := &meddling{Store: w.store, meddle: func() { w.hold(t, "a", "0007") }}
	sweep := func(want deletion.Swept, reads int) {
		t.Helper()
		m.holdReads = 0
		got, err := deletion.New(m, 1, func() time.Time { return w.now }).Sweep(t.Context(), w.store, recording.SecondsOf(w.now), 1)
		if err != nil || got != want || m.holdReads != reads {
			t.Errorf("Sweep = %+v, %v, with %d reads of holds; want %+v with %d", got, err, m.holdReads, want, reads)
		}
	}
	sweep(deletion.Swept{Purging: 18, Held: 2}, 2)
	sweep(deletion.Swept{Held: 2}, 1)
	w.wantStage(t, "a", "0003", "restorable")
	w.wantStage(t, "a", "0007", "restorable")
}

// An account that fails does not keep others from their turns.
func TestSweepOfAnAccountThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	for _, account := range []string{"a", "b"} {
		w.fill(t, account, 1)
	}
	w.now = w.now.Add(24 * time.Hour)
	broken := brokenPager{w.store}
	got, err := w.Sweep(t.Context(), broken, recording.SecondsOf(w.now), 1)
	if want := (deletion.Swept{Purging: 1}); !errors.Is(err, store.ErrUnavailable) || got != want {
		t.Errorf("Sweep = %+v, %v, want %+v and the error", got, err, want)
	}
	w.wantStage(t, "b", "0000", "purging")
}

// stubborn cannot begin the purge of one recording.
type stubborn struct {
	*sqlite.Store
	id string
}

var errStubborn = errors.New("stubborn")

func (s stubborn) Condemn(ctx context.Context, account, id string, check func(*store.Tombstone) error, guards ...store.Guard) error {
	if id == s.id {
		return errStubborn
	}
	return s.Store.Condemn(ctx, account, id, check, guards...)
}

// A recording that fails does not hold up those behind it, and the next sweep tries it again.
func TestSweepOfARecordingThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.fill(t, "a", 150) // two pages
	w.now = w.now.Add(24 * time.Hour)
	d := deletion.New(stubborn{w.store, "202601-0000"}, 1, func() time.Time { return w.now })
	got, err := d.Sweep(t.Context(), w.store, recording.SecondsOf(w.now), 1)
	if want := (deletion.Swept{Purging: 149}); !errors.Is(err, errStubborn) || got != want {
		t.Errorf("Sweep = %+v, %v, want %+v and the error", got, err, want)
	}
	w.wantStage(t, "a", "0000", "restorable")
	if got, want := w.sweep(t), (deletion.Swept{Purging: 1}); got != want {
		t.Errorf("the next sweep = %+v, want %+v", got, want)
	}
}

// brokenPager cannot list one account.
type brokenPager struct{ *sqlite.Store }

func (p brokenPager) Page(ctx context.Context, q store.Query) (store.Page, error) {
	if q.Account == "a" {
		return store.Page{}, store.ErrUnavailable
	}
	return p.Store.Page(ctx, q)
}
