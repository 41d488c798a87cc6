package hold_test

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// held is a recording with audio.
func held(id string) *recording.Recording {
	return &recording.Recording{
		Account: "acc", ID: "202601-" + id, Owner: "anna", Created: 1000, Modified: 1000,
		Audio:    recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: 100, SHA256: "aa", Sequencer: "1"},
		Document: `{"caller_id_number":"+49301234567","start":900,"url":"https://old.example/a"}`,
	}
}

// The changes of a recording on hold. All are permitted without a hold.
var changesOfHeld = []struct {
	name     string
	prepare  func(*recording.Recording)
	change   func(*recording.Recording)
	forbids  bool // a hold on the account
	excludes bool // a hold on the owner, the number and the date
}{
	{"user_metadata", nil, func(r *recording.Recording) { r.Document += "" }, false, false},
	{"another sequencer", nil, func(r *recording.Recording) { r.Audio.Sequencer = "2" }, false, false},
	{"another size", nil, func(r *recording.Recording) { r.Audio.Size = 101 }, true, true},
	{"other bytes", nil, func(r *recording.Recording) { r.Audio.SHA256 = "bb" }, true, true},
	{"another type", nil, func(r *recording.Recording) { r.Audio.ContentType = "audio/wav" }, true, true},
	{"another key", nil, func(r *recording.Recording) { r.Audio.Key = "inbox/acc/x.wav" }, true, true},
	{"a rejection", nil, func(r *recording.Recording) {
		r.Audio = recording.Audio{State: recording.Failed, Reason: recording.NotAudio}
	}, true, true},
	{"its checksum", func(r *recording.Recording) { r.Audio.SHA256 = "" }, func(r *recording.Recording) { r.Audio.SHA256 = "aa" }, false, false},
	{"its size", func(r *recording.Recording) { r.Audio.Size = 0 }, func(r *recording.Recording) { r.Audio.Size = 7 }, false, false},
	{"empty audio", func(r *recording.Recording) { r.Audio.State, r.Audio.Size = recording.Empty, 0 }, func(r *recording.Recording) { r.Audio.State, r.Audio.Size = "", 7 }, true, true},
	{"the first audio", func(r *recording.Recording) { r.Audio = recording.Audio{} }, func(r *recording.Recording) { r.Audio = held("x").Audio }, false, false},
	{"audio after a rejection", func(r *recording.Recording) {
		r.Audio = recording.Audio{State: recording.Failed, Reason: recording.TooLarge}
	}, func(r *recording.Recording) { r.Audio = held("x").Audio }, false, false},
	{"another url", func(r *recording.Recording) { r.Audio = recording.Audio{Place: recording.External} }, func(r *recording.Recording) {
		r.Document = `{"caller_id_number":"+49301234567","start":900,"url":"https://new.example/a"}`
	}, true, true},
	{"external audio that is copied", func(r *recording.Recording) { r.Audio = recording.Audio{Place: recording.External} }, func(r *recording.Recording) { r.Audio = held("x").Audio }, false, false},
	{"external audio that is removed", func(r *recording.Recording) { r.Audio = recording.Audio{Place: recording.External} }, func(r *recording.Recording) { r.Audio = recording.Audio{} }, true, true},
	{"another owner", nil, func(r *recording.Recording) { r.Owner = "ben" }, false, true},
	{"another number", nil, func(r *recording.Recording) { r.Document = `{"caller_id_number":"+49301234568","start":900}` }, false, true},
	{"another spelling", nil, func(r *recording.Recording) { r.Document = `{"caller_id_number":"030 1234567","start":900}` }, false, false},
	{"one more number", nil, func(r *recording.Recording) {
		r.Document = `{"caller_id_number":"+49301234567","callee_id_number":"100","start":900}`
	}, false, false},
	{"no digits in user_metadata", withDocument(`{"user_metadata":{"customer":"49301234567"},"start":900}`), withDocument(`{"user_metadata":{},"start":900}`), false, true},
	{"no number in channel variables", withDocument(`{"custom_channel_vars":{"Caller-ID-Number":"0301234567"},"start":900}`), withDocument(`{"custom_channel_vars":{},"start":900}`), false, true},
	{"no number in recording variables", withDocument(`{"recording_vars":{"to":49301234567},"start":900}`), withDocument(`{"start":900}`), false, true},
	{"no number in user_metadata", withDocument(`{"user_metadata":{"note":"030 1234567"},"start":900}`), withDocument(`{"user_metadata":{"note":""},"start":900}`), false, true},
	{"another number in user_metadata", withDocument(`{"user_metadata":{"callback":"0301234567"},"start":900}`), withDocument(`{"user_metadata":{"callback":"0301234568"},"start":900}`), false, true},
	{"the number in another place", withDocument(`{"user_metadata":{"note":"030 1234567"},"start":900}`), withDocument(`{"to":"0301234567","start":900}`), false, false},
	{"a note next to the number", withDocument(`{"user_metadata":{"note":"030 1234567","due":"2026-01-01"},"start":900}`), withDocument(`{"user_metadata":{"note":"030 1234567"},"start":900}`), false, false},
	{"another start", nil, func(r *recording.Recording) { r.Document = `{"caller_id_number":"+49301234567","start":5000}` }, false, true},
}

func withDocument(d recording.Document) func(*recording.Recording) {
	return func(r *recording.Recording) { r.Document = d }
}

func TestKeeper(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	for i, c := range changesOfHeld {
		for scope, forbidden := range map[hold.Scope]bool{
			{}: c.forbids,
			{Owner: "anna", Number: "0049-30-1234567", From: 800, To: 1000}: c.excludes,
			{Owner: "other"}: false,
		} {
			r := held("a")
			r.Account = fmt.Sprintf("acc%d%s%d", i, scope.Owner, scope.From)
			if c.prepare != nil {
				c.prepare(r)
			}
			check(t, s.Put(t.Context(), r))
			h := placeIn(t, newBook(s), r.Account, "case", scope)
			k := hold.Keeper{Store: s}
			change := func(r *recording.Recording) error { c.change(r); return nil }
			got, err := k.Update(t.Context(), r.Account, r.ID, change)
			var refused *hold.HeldError
			switch {
			case !forbidden && err != nil:
				t.Errorf("%s under %+v: %v", c.name, scope, err)
			case forbidden && (!errors.As(err, &refused) || len(refused.Holds) != 1 || refused.Holds[0].ID != h.ID):
				t.Errorf("%s under %+v: Update = %+v, %v, want the hold %s", c.name, scope, got, err, h.ID)
			}
			if now, err := s.Get(t.Context(), r.Account, r.ID); err != nil || forbidden && *now != *r {
				t.Errorf("%s under %+v: %+v, %v, want it unchanged", c.name, scope, now, err)
			}
			_, err = newBook(s).Release(t.Context(), r.Account, h.ID, hold.Release{Reason: "settled"})
			check(t, err)
			if _, err := k.Update(t.Context(), r.Account, r.ID, change); err != nil {
				t.Errorf("%s after the release of %+v: %v", c.name, scope, err)
			}
		}
	}
}

// A change passes on the errors of its function and of the store.
func TestKeeperErrors(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	k := hold.Keeper{Store: s}
	if _, err := k.Update(t.Context(), "acc", "202601-no", func(*recording.Recording) error { return nil }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Update of nothing = %v", err)
	}
	check(t, s.Put(t.Context(), held("a")))
	veto := errors.New("veto")
	if _, err := k.Update(t.Context(), "acc", "202601-a", func(*recording.Recording) error { return veto }); !errors.Is(err, veto) {
		t.Errorf("Update with a veto = %v", err)
	}
	check(t, s.WriteEntries(t.Context(), store.EntryWrite{Entry: store.Entry{EntryKey: hold.Key("acc"), Value: []byte(`{"holds":`)}}))
	if _, err := k.Update(t.Context(), "acc", "202601-a", func(r *recording.Recording) error { r.Audio.Size++; return nil }); err == nil {
		t.Error("audio was replaced although the holds cannot be read")
	}
}

// A hold that is placed while audio is replaced: the audio is replaced before the hold is
// in place, or not at all.
func TestHoldPlacedDuringAChange(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	for round := range 20 {
		r := held(strconv.Itoa(round))
		check(t, s.Put(t.Context(), r))
		b := newBook(s)
		h, err := b.Draft(hold.Hold{Case: strconv.Itoa(round), Reason: "r", Scope: hold.Scope{Recording: r.ID}})
		check(t, err)
		var wg sync.WaitGroup
		var replaced, placed error
		var seen *recording.Recording
		wg.Go(func() {
			_, replaced = hold.Keeper{Store: s}.Update(t.Context(), "acc", r.ID, func(r *recording.Recording) error { r.Audio.Size++; return nil })
		})
		wg.Go(func() {
			if placed = b.Place(t.Context(), "acc", h); placed == nil {
				seen, placed = s.Get(t.Context(), "acc", r.ID)
			}
		})
		wg.Wait()
		var refused *hold.HeldError
		if placed != nil || replaced != nil && !errors.As(replaced, &refused) {
			t.Fatalf("Place = %v, Update = %v", placed, replaced)
		}
		if now, err := s.Get(t.Context(), "acc", r.ID); err != nil || *now != *seen {
			t.Errorf("the audio changed under the hold: %+v, then %+v, %v", seen, now, err)
		}
	}
}
