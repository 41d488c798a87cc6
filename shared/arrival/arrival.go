// Package arrival completes recordings by the audio that has arrived for them
// (contract, Audio that arrives; docs/adr/010-arrival.md).
//
// What tells of an arrival is a hint: it may come twice, late, out of order, or
// not be true any more. So a [Desk] looks at what is there, the object and the
// recording, and writes only what follows from both. Every step may be
// repeated, and whoever dies on the way is followed by somebody who finds
// the same and goes on:
//
//   - Good audio completes its recording, in one write: place, type, length,
//     duration. Without a recording it makes one, which the metadata completes
//     when they come.
//   - Bad audio is copied aside, the recording says why, and the object goes.
//     Until then it is served by nobody, because the recording does not say
//     that it is ready.
//   - Audio of a deleted recording goes.
//   - What others drop into an inbox is audio whose recording is told by its
//     name, its metadata and a file beside it (inbox.go).
//
// An object cannot be replaced by an upload (media.Uploader), so what was
// looked at is what is served. Where another writer replaced it all the same,
// the sequencer of the events says who was last.
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

// Store is what a desk needs of a driver; see package store.
type Store interface {
	Get(ctx context.Context, account, id string) (*recording.Recording, error)
	Put(ctx context.Context, r *recording.Recording) error
	Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error)
	// Tombstone returns what remains of a deleted recording. Errors:
	// store.ErrNotFound, store.ErrUnavailable.
	Tombstone(ctx context.Context, account, id string) (store.Tombstone, error)
	store.Claimer
}

// Desk takes arrivals. It is safe for concurrent use.
type Desk struct {
	// Store has the recordings, Audio what arrives.
	Store Store
	Audio media.Receiver
	// Names reads the names of files in inboxes.
	Names namepattern.Set
	// MaxBytes is the most audio that a recording may have.
	MaxBytes int64
	// Grace is how old audio without a recording must be before it makes one:
	// whoever adds both stores the audio first.
	Grace time.Duration
	// Now is the clock.
	Now func() time.Time
}

// Arrival is an object that is said to have been stored.
type Arrival struct {
	// Key of the object in the bucket, decoded.
	Key string
	// Sequencer orders the events of one key; "" for an arrival that is known
	// otherwise, and counts as the last.
	Sequencer string
}

// Outcome says what became of an arrival.
type Outcome string

const (
	// Completed means: the recording is ready, or empty.
	Completed Outcome = "completed"
	// Adopted means: there was no recording, and now there is one.
	Adopted Outcome = "adopted"
	// Unchanged means: what there is to know was known.
	Unchanged Outcome = "unchanged"
	// Refused means: the audio cannot be served and was set aside.
	Refused Outcome = "refused"
	// Gone means: there is no such object any more.
	Gone Outcome = "gone"
	// Removed means: the recording is deleted, and so is the object now.
	Removed Outcome = "removed"
	// Ignored means: the object is no recording's audio. It was left alone.
	Ignored Outcome = "ignored"
	// Awaiting means: metadata came before their audio, and wait for it.
	Awaiting Outcome = "awaiting"
)

// tries bounds how often Take begins again because somebody else made, or
// deleted, the recording in between.
const tries = 3

// ErrEarly means: audio without a recording is younger than the desk's Grace. Later it
// will be taken, with or without one.
var ErrEarly = errors.New("the audio may have a recording in a moment")

// ErrKept means: a file lies in an inbox and cannot be taken as it is; the error
// says why. It was left alone, and is taken once the cause is mended.
var ErrKept = errors.New("left in the inbox")

// Take does what is to be done for one arrival. Repeated, it does what is
// still to be done. Errors: ErrEarly, ErrKept, store.ErrUnavailable, store.ErrConflict,
// store.ErrTooLarge, media.ErrUnavailable, media.ErrChanged (the object was
// replaced while it was read).
func (d Desk) Take(ctx context.Context, a Arrival) (Outcome, error) {
	if account, name, ok := recording.ParseInboxKey(a.Key); ok {
		return d.takeDropped(ctx, a, account, name)
	}
	account, id, ok := recording.ParseKey(a.Key)
	if !ok {
		return Ignored, nil
	}
	return again(func() (Outcome, error) { return d.take(ctx, a, account, id) })
}

// again tries until no recording comes or goes meanwhile.
func again(try func() (Outcome, error)) (done Outcome, err error) {
	for range tries {
		done, err = try()
		if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrDeleted) {
			return done, err
		}
	}
	return "", err
}

// take is one try. store.ErrNotFound, ErrExists and ErrDeleted mean that the
// recording came or went meanwhile.
func (d Desk) take(ctx context.Context, a Arrival, account, id string) (Outcome, error) {
	rec, err := d.Store.Get(ctx, account, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return d.unknown(ctx, a, account, id)
	case err != nil:
		return "", fmt.Errorf("read the recording of an arrival: %w", err)
	case rec.AudioKey() != a.Key || rec.Audio.Place == recording.External:
		return Ignored, nil
	case !a.newsTo(rec.Audio):
		return Unchanged, nil
	}
	found, err := d.look(ctx, a, rec.Upload)
	switch {
	case errors.Is(err, media.ErrNotFound):
		return Gone, nil
	case err != nil:
		return "", err
	case found.reason != "":
		return d.refuse(ctx, a, rec, found)
	}
	return d.complete(ctx, rec, found)
}

// newsTo reports whether a may tell something that is not known of the audio.
// Of audio that failed every arrival may: its object goes last, so there may
// be a part left to do.
func (a Arrival) newsTo(known recording.Audio) bool {
	return known.Place == recording.Nowhere || a.Sequencer == "" || after(a.Sequencer, known.Sequencer)
}

// after orders sequencers, which are hexadecimal and of unequal length
// (docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
func after(a, b string) bool {
	n := max(len(a), len(b))
	pad := func(s string) string { return strings.Repeat("0", n-len(s)) + strings.ToUpper(s) }
	return pad(a) > pad(b)
}

// unknown takes audio whose recording there is not: what is left of a deleted
// one goes, and all else makes a recording.
func (d Desk) unknown(ctx context.Context, a Arrival, account, id string) (Outcome, error) {
	switch _, err := d.Store.Tombstone(ctx, account, id); {
	case err == nil:
		// It may have been deleted while its audio was being set aside.
		for _, key := range []string{recording.AsideKey(a.Key), a.Key} {
			if err := d.Audio.Remove(ctx, key); err != nil {
				return "", fmt.Errorf("remove the audio of a deleted recording: %w", err)
			}
		}
		return Removed, nil
	case !errors.Is(err, store.ErrNotFound):
		return "", fmt.Errorf("read the tombstone of an arrival: %w", err)
	}
	found, err := d.look(ctx, a, recording.Upload{})
	switch {
	case errors.Is(err, media.ErrNotFound):
		return Gone, nil
	case err != nil:
		return "", err
	case d.early(found.object):
		return "", ErrEarly
	case found.reason != "":
		return d.refuse(ctx, a, nil, found)
	}
	return d.adopt(ctx, a, found, account, id)
}

// early reports whether o was stored within the grace. A clock that runs wrong
// keeps nothing waiting for longer than that.
func (d Desk) early(o media.Object) bool {
	age := d.Now().Sub(o.Modified)
	return -d.Grace < age && age < d.Grace
}

// adopt makes a recording of nothing but its audio.
func (d Desk) adopt(ctx context.Context, a Arrival, found *finding, account, id string) (Outcome, error) {
	now := recording.SecondsOf(d.Now())
	r := &recording.Recording{
		Account: account, ID: id, Created: now, Made: recording.MadeOfAudio,
		Document: recording.Complete("{}", id, now),
	}
	if a.Key != recording.AudioKey(account, id) {
		r.Audio.Key = a.Key
	}
	found.fill(r, now)
	if err := d.Store.Put(ctx, r); err != nil {
		return "", fmt.Errorf("make a recording of audio: %w", err)
	}
	return Adopted, nil
}

// errUnchanged ends an update that would change nothing.
var errUnchanged = errors.New("nothing to change")

// complete writes what was found into the recording. What was set aside before
// is of no use to anybody then.
func (d Desk) complete(ctx context.Context, rec *recording.Recording, found *finding) (Outcome, error) {
	if rec.Audio.Condition() == recording.Failed {
		if err := d.Audio.Remove(ctx, recording.AsideKey(found.arrival.Key)); err != nil {
			return "", fmt.Errorf("remove what was set aside: %w", err)
		}
	}
	err := d.update(ctx, rec, found, found.fill)
	switch {
	case errors.Is(err, errUnchanged):
		return Unchanged, nil
	case err != nil:
		return "", fmt.Errorf("complete a recording: %w", err)
	}
	return Completed, nil
}

// refuse sets audio aside that cannot be served; rec is nil where there is no
// recording to say so. The object goes last, because it is what a repeat finds.
func (d Desk) refuse(ctx context.Context, a Arrival, rec *recording.Recording, found *finding) (Outcome, error) {
	if err := d.Audio.Copy(ctx, a.Key, found.object.ETag, recording.AsideKey(a.Key)); err != nil {
		if errors.Is(err, media.ErrNotFound) {
			return Gone, nil
		}
		return "", fmt.Errorf("set audio aside: %w", err)
	}
	if rec != nil {
		if err := d.update(ctx, rec, found, found.spoil); err != nil && !errors.Is(err, errUnchanged) {
			return "", fmt.Errorf("note that audio is refused: %w", err)
		}
	}
	if err := d.Audio.Remove(ctx, a.Key); err != nil {
		return "", fmt.Errorf("remove refused audio: %w", err)
	}
	return Refused, nil
}

// update writes what was found, unless it is known by then or somebody who
// came later has written.
func (d Desk) update(ctx context.Context, rec *recording.Recording, found *finding,
	change func(*recording.Recording, recording.Seconds),
) error {
	now := recording.SecondsOf(d.Now())
	_, err := d.Store.Update(ctx, rec.Account, rec.ID, func(r *recording.Recording) error {
		if r.AudioKey() != found.arrival.Key || !found.arrival.newsTo(r.Audio) {
			return errUnchanged
		}
		before := *r
		change(r, now)
		if found.arrival.unchanged(before, *r) {
			return errUnchanged
		}
		return nil
	})
	return err
}

// Arrived takes what was stored under key by whoever calls. Its errors are
// those of Take.
func (d Desk) Arrived(ctx context.Context, key string) error {
	_, err := d.Take(ctx, Arrival{Key: key})
	return err
}
