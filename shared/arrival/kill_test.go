package arrival_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"callrecordings/shared/arrival"
	"callrecordings/shared/notify"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
	"callrecordings/shared/store/sqlite"
)

// killer ends a function at its n-th outside call, before or after the call
// took effect: all that it would still do fails.
type killer struct {
	n, calls int
	after    bool
	dead     bool
}

// fault counts a call, and fails it if the function is dead by then.
func (k *killer) fault(after bool) error {
	if !after && !k.dead {
		k.calls++
	}
	if k.calls == k.n && after == k.after {
		k.dead = true
	}
	if k.dead {
		return errKilled
	}
	return nil
}

// doomed is a store whose caller may be killed.
type doomed struct {
	*sqlite.Store
	k *killer
}

func (s doomed) call(do func() error) error {
	if err := s.k.fault(false); err != nil {
		return err
	}
	return errors.Join(do(), s.k.fault(true))
}

func (s doomed) Get(ctx context.Context, account, id string) (r *recording.Recording, err error) {
	err = s.call(func() error { r, err = s.Store.Get(ctx, account, id); return err })
	return r, err
}

func (s doomed) Put(ctx context.Context, r *recording.Recording) error {
	return s.call(func() error { return s.Store.Put(ctx, r) })
}

func (s doomed) Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (r *recording.Recording, err error) {
	err = s.call(func() error { r, err = s.Store.Update(ctx, account, id, change); return err })
	return r, err
}

func (s doomed) Tombstone(ctx context.Context, account, id string) (t store.Tombstone, err error) {
	err = s.call(func() error { t, err = s.Store.Tombstone(ctx, account, id); return err })
	return t, err
}

func (s doomed) Claim(ctx context.Context, account, key string, c store.Claim) (got store.Claim, err error) {
	err = s.call(func() error { got, err = s.Store.Claim(ctx, account, key, c); return err })
	return got, err
}

// A function that is killed at any of its outside calls, and called again by
// the queue, leaves exactly one right recording, its audio in one place, and
// every event of it once at least and in order.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	good, bad := sound(t, "vbr-48khz-stereo.mp3"), []byte("no sound at all")
	for _, c := range []struct {
		name   string
		before func(d *desk)
		audio  []byte
		state  recording.State // "" for no recording
		served bool
		events string
	}{
		{"good audio", func(d *desk) { d.create(recording.Upload{}) }, good, recording.Ready, true, "Recording Created, Recording Completed"},
		{"no audio", func(d *desk) { d.create(recording.Upload{}) }, bad, recording.Failed, false, "Recording Created, Recording Failed"},
		{"audio first", func(*desk) {}, good, recording.Ready, true, "Recording Created"},
		{"after the deletion", func(d *desk) {
			d.create(recording.Upload{})
			if _, err := d.store.Delete(d.Context(), account, id, func(*recording.Recording) error { return nil }); err != nil {
				d.Fatal(err)
			}
		}, good, "", false, "Recording Created, Recording Deleted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			kills := 0
			for n := 1; ; n++ {
				calls := 0
				for _, after := range []bool{false, true} {
					d := newDesk(t)
					c.before(d)
					d.shelf.put(key, "audio/mpeg", c.audio)
					k := &killer{n: n, after: after}
					d.shelf.fault = k.fault
					d.Store = doomed{d.store, k}
					a := arrival.Arrival{Key: key, Sequencer: "0A"}
					_, err := d.Take(t.Context(), a)
					if k.dead != (err != nil) {
						t.Fatalf("killed %v, but Take = %v", k.dead, err)
					}
					calls = k.calls
					k.dead, k.n = false, 0
					for range 2 { // the queue's retry, and a duplicate
						if _, err := d.Take(t.Context(), a); err != nil {
							t.Fatalf("Take again = %v", err)
						}
					}
					if err != nil {
						kills++
					}
					d.settled(fmt.Sprintf("killed at call %d, after %v", n, after), c.state, c.served, c.events)
				}
				if calls < n {
					break
				}
			}
			if kills < 6 {
				t.Errorf("only %d kills were tried", kills)
			}
		})
	}
}

// settled checks what is left in the end.
func (d *desk) settled(when string, state recording.State, served bool, events string) {
	d.Helper()
	r, err := d.store.Get(d.Context(), account, id)
	switch {
	case state == "" && !errors.Is(err, store.ErrNotFound):
		d.Errorf("%s: Get = %+v, %v, want nothing", when, r, err)
	case state != "" && (err != nil || r.Audio.Condition() != state):
		d.Errorf("%s: Get = %+v, %v, want it %s", when, r, err, state)
	}
	d.lies(key, served)
	d.lies(aside, state == recording.Failed)
	page, err := d.store.Page(d.Context(), store.Query{Account: account, Limit: 10})
	if want := map[bool]int{true: 0, false: 1}[state == ""]; err != nil || len(page.Recordings) != want {
		d.Errorf("%s: %d recordings are listed, %v, want %d", when, len(page.Recordings), err, want)
	}
	due, err := d.store.Due(d.Context(), sqlite.Changes, 100)
	if err != nil {
		d.Fatal(err)
	}
	var told []string
	for _, m := range due {
		var c store.Change
		if err := json.Unmarshal(m.Body, &c); err != nil {
			d.Fatal(err)
		}
		if e, ok := notify.Of(c); ok {
			told = append(told, string(e.Type))
		}
	}
	if got := strings.Join(told, ", "); got != events {
		d.Errorf("%s: events %s, want %s", when, got, events)
	}
}
