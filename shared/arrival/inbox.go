package arrival

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"callrecordings/shared/incoming/namepattern"
	"callrecordings/shared/media"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// dropped is a file in the inbox of an account.
type dropped struct {
	Arrival
	account string
	name    namepattern.Name
	// understood says that a pattern describes the name.
	understood bool
	object     media.Object
	// call is what is told of it: by the file beside it, by its own metadata, by
	// its name, in that order.
	call recording.Call
}

// takeDropped does what is to be done for a file in an inbox. It stays where it
// is, and is served from there: whoever syncs a folder finds it again, and a
// large one is not copied.
func (d Desk) takeDropped(ctx context.Context, a Arrival, account, name string) (Outcome, error) {
	f := &dropped{Arrival: a, account: account}
	if f.name, f.understood = d.Names.Match(name); !f.understood {
		f.name = namepattern.Unmatched(name)
	}
	switch {
	case strings.HasSuffix(name, "/"): // a folder, as consoles make them
		return Ignored, nil
	case recording.IsProbe(name):
		return d.takeProbe(ctx, a)
	case f.name.Ext == "json":
		return d.takeBeside(ctx, f)
	}
	return d.takeAudio(ctx, f)
}

// takeProbe removes a probe, once whoever put it has had the time to read it.
func (d Desk) takeProbe(ctx context.Context, a Arrival) (Outcome, error) {
	o, err := d.Audio.Examine(ctx, a.Key)
	switch {
	case errors.Is(err, media.ErrNotFound):
		return Gone, nil
	case err != nil:
		return "", fmt.Errorf("look at a probe: %w", err)
	case d.early(o):
		return "", ErrEarly
	}
	if err := d.Audio.Remove(ctx, a.Key); err != nil {
		return "", fmt.Errorf("remove a probe: %w", err)
	}
	return Removed, nil
}

// takeAudio makes, or completes, the recording of a file.
func (d Desk) takeAudio(ctx context.Context, f *dropped) (Outcome, error) {
	var err error
	f.object, err = d.Audio.Examine(ctx, f.Key)
	switch {
	case errors.Is(err, media.ErrNotFound):
		return Gone, nil
	case err != nil:
		return "", fmt.Errorf("look at what was dropped: %w", err)
	}
	if err := d.ask(ctx, f); err != nil {
		return "", err
	}
	id, err := d.identify(ctx, f)
	if err != nil {
		return "", err
	}
	return again(func() (Outcome, error) {
		rec, err := d.Store.Get(ctx, f.account, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return d.make(ctx, f, id)
		case err != nil:
			return "", fmt.Errorf("read the recording of what was dropped: %w", err)
		}
		return d.supply(ctx, f, rec)
	})
}

// identify is the recording's id: the one that is told, else one that stands
// for the name for good. It begins with the month of the call, which may be
// known from a file that comes later, or from the day of arrival alone; so it
// is settled once.
func (d Desk) identify(ctx context.Context, f *dropped) (string, error) {
	if id, err := f.call.ID(); id != "" || err != nil {
		return id, err
	}
	at, known := f.call.Start()
	if !known {
		at = recording.SecondsOf(f.object.Modified)
	}
	id, err := store.ClaimStem(ctx, d.Store, f.account, f.name.Stem, at)
	if err != nil {
		return "", fmt.Errorf("settle the id of what was dropped: %w", err)
	}
	return id, nil
}

// make makes the recording of a file, unless it was deleted. What cannot be
// served makes one that says so.
func (d Desk) make(ctx context.Context, f *dropped, id string) (Outcome, error) {
	switch _, err := d.Store.Tombstone(ctx, f.account, id); {
	case err == nil:
		for _, key := range []string{recording.BesideKey(f.Key), f.Key} {
			if err := d.Audio.Remove(ctx, key); err != nil {
				return "", fmt.Errorf("remove the audio of a deleted recording: %w", err)
			}
		}
		return Removed, nil
	case !errors.Is(err, store.ErrNotFound):
		return "", fmt.Errorf("read the tombstone of what was dropped: %w", err)
	}
	found, err := d.hear(ctx, f.Arrival, f.object, recording.Upload{})
	if err != nil {
		return "", err
	}
	now := recording.SecondsOf(d.Now())
	created := f.created(found, now)
	r := &recording.Recording{
		Account: f.account, ID: id, Owner: f.call.Owner(), Created: created, Made: recording.MadeOfAudio,
		Audio: recording.Audio{Key: f.Key}, Document: recording.Complete(f.call.Document(), id, created),
	}
	found.settle(r, now)
	if err := d.Store.Put(ctx, r); err != nil {
		return "", fmt.Errorf("make a recording of what was dropped: %w", err)
	}
	if found.reason != "" {
		return Refused, nil
	}
	return Adopted, nil
}

// created is when the call ended, as far as that is known (contract, List).
func (f *dropped) created(found *finding, now recording.Seconds) recording.Seconds {
	start, known := f.call.Start()
	if !known {
		return now
	}
	length := recording.Seconds(found.info.Duration / time.Second)
	if said, ok := f.call.Document().Int("duration"); !found.info.Known && ok {
		length = recording.Seconds(said)
	}
	return min(now, start+length)
}

// Why a recording does not take what was dropped for it.
var (
	errElsewhere = fmt.Errorf("%w: its recording has other audio", ErrKept)
	errNoAudio   = fmt.Errorf("%w: it is no audio, and its recording waits for some", ErrKept)
)

// supply gives a recording that is there what was dropped for it.
func (d Desk) supply(ctx context.Context, f *dropped, rec *recording.Recording) (Outcome, error) {
	own := rec.AudioKey() == f.Key
	if rec.Audio.Place == recording.External || rec.Audio.Place == recording.Managed && !own {
		return "", errElsewhere
	}
	var found *finding
	if !own || f.newsTo(rec.Audio) {
		var err error
		if found, err = d.hear(ctx, f.Arrival, f.object, rec.Upload); err != nil {
			return "", err
		}
		if found.reason != "" && !own {
			return "", errNoAudio
		}
	}
	now := recording.SecondsOf(d.Now())
	_, err := d.Store.Update(ctx, rec.Account, rec.ID, func(r *recording.Recording) error {
		if r.Audio != rec.Audio {
			return store.ErrExists // somebody else was faster; look again
		}
		before := *r
		f.describe(r)
		r.Modified = max(now, r.Modified)
		if found != nil {
			r.Audio.Key = f.Key
			found.settle(r, now)
		}
		if f.unchanged(before, *r) {
			return errUnchanged
		}
		return nil
	})
	done := Completed
	if errors.Is(err, errUnchanged) {
		done, err = Unchanged, nil
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("complete a recording by what was dropped: %w", err)
	case found != nil && found.reason != "":
		return Refused, nil
	}
	return done, nil
}

// describe brings what is told of the call into the recording. Of one that
// somebody else made, nothing is replaced.
func (f *dropped) describe(r *recording.Recording) {
	said := f.call.Document()
	if r.Made == recording.MadeOfAudio {
		said = recording.Complete(said.Under(r.Document, kept...), r.ID, r.Created)
	} else {
		said = r.Document.Under(said)
	}
	r.Document = said
	r.Owner, _ = said.Text("owner_id")
}

// kept are the fields of which a recording knows more than what is told of its
// audio: those that the audio says of itself, and what users have written.
var kept = []string{"content_type", "duration", "duration_ms", "media_type", "user_metadata"}

// settle writes what was found into a recording, good or bad.
func (f *finding) settle(r *recording.Recording, now recording.Seconds) {
	if f.reason != "" {
		f.spoil(r, now)
		return
	}
	f.fill(r, now)
}
