// Package bucket ingests objects that have arrived in the bucket: it completes
// the recordings that wait for them (contract, Audio that arrives;
// docs/adr/010-arrival.md).
//
// An event about an object is only a hint. It may be duplicated, late, out of order
// or outdated. So an [Ingester] reads the current object and the current recording,
// and derives each write from both. Every step may be repeated. If an invocation
// dies partway, a retry finds the same situation and finishes the job:
//
//   - Good audio completes its recording in one write: place, type, size,
//     duration. Without a recording it makes one, which metadata may complete
//     later.
//   - Bad audio is set aside by a copy, the recording notes the reason, and then
//     the object is removed. Until then it is not served, because the recording
//     is not ready.
//   - Audio of a deleted recording is removed. What would replace the audio of one
//     that can be restored is set aside, and the earlier audio comes back.
//   - Files in an inbox belong to package inbox.
//
// An upload cannot replace an object (media.Uploader), so the audio that was
// judged is the audio that is served. If another writer replaced it all the
// same, the sequencers of the events show which write was the last.
//
// A [Queue] connects an Ingester to the queue that the bucket sends its events
// to.
package bucket

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/inbox"
	"github.com/callrecordings/api/shared/incoming/judge"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Ingester ingests arrivals. It has the fields of [inbox.Inbox], to which it passes the
// files in inboxes. It is safe for concurrent use.
type Ingester inbox.Inbox

// Ingest handles one arrival. A retry finishes an interrupted call. Errors:
// incoming.ErrEarly, incoming.ErrKept, store.ErrUnavailable, store.ErrConflict,
// store.ErrTooLarge, media.ErrUnavailable, and media.ErrChanged if the object was
// replaced while it was read.
func (g Ingester) Ingest(ctx context.Context, a incoming.Arrival) (incoming.Outcome, error) {
	if _, _, ok := recording.ParseInboxKey(a.Key); ok {
		return inbox.Inbox(g).Ingest(ctx, a)
	}
	account, id, ok := recording.ParseKey(a.Key)
	if !ok {
		return incoming.Ignored, nil
	}
	return incoming.Settle(func() (incoming.Outcome, error) { return g.audio(ctx, a, account, id) })
}

// Stored ingests the object under key. The caller has just stored it. Its errors
// are those of Ingest.
func (g Ingester) Stored(ctx context.Context, key string) error {
	_, err := g.Ingest(ctx, incoming.Arrival{Key: key})
	return err
}

// audio makes one attempt to ingest the audio of a recording; see
// [incoming.Settle].
func (g Ingester) audio(ctx context.Context, a incoming.Arrival, account, id string) (incoming.Outcome, error) {
	rec, err := g.Store.Get(ctx, account, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return g.orphan(ctx, a, account, id)
	case err != nil:
		return "", fmt.Errorf("read the recording of an arrival: %w", err)
	case rec.AudioKey() != a.Key || rec.Audio.Place == recording.External:
		return incoming.Ignored, nil
	case !a.Newer(rec.Audio):
		return incoming.Unchanged, nil
	}
	object, verdict, err := g.judge(ctx, a, rec.Upload)
	switch {
	case errors.Is(err, media.ErrNotFound):
		return incoming.Gone, nil
	case err != nil:
		return "", err
	case !verdict.Accepted():
		return g.reject(ctx, a, rec, object, verdict)
	}
	done, err := g.complete(ctx, a, rec, verdict)
	if err != nil {
		return inbox.Inbox(g).KeepHeld(ctx, rec, object, verdict, err)
	}
	return done, nil
}

// orphan handles audio without a recording. It removes the audio of a deleted
// recording, unless that can still be restored, and creates a recording from any other audio.
func (g Ingester) orphan(ctx context.Context, a incoming.Arrival, account, id string) (incoming.Outcome, error) {
	switch t, err := g.Store.Tombstone(ctx, account, id); {
	case err == nil && t.Until != 0:
		return g.restorable(ctx, a, &t)
	case err == nil:
		return incoming.RemoveDeleted(ctx, g.Store, g.Audio, account, id, recording.SetAsideKey(a.Key), a.Key)
	case !errors.Is(err, store.ErrNotFound):
		return "", fmt.Errorf("read the tombstone of an arrival: %w", err)
	}
	object, verdict, err := g.judge(ctx, a, recording.Upload{})
	switch {
	case errors.Is(err, media.ErrNotFound):
		return incoming.Gone, nil
	case err != nil:
		return "", err
	case incoming.IsEarly(g.Now(), object.Modified, g.Grace):
		return "", incoming.ErrEarly
	case !verdict.Accepted():
		return g.reject(ctx, a, nil, object, verdict)
	}
	return g.adopt(ctx, a, object, verdict, account, id)
}

// restorable handles audio of a deleted recording that can be restored.
func (g Ingester) restorable(ctx context.Context, a incoming.Arrival, t *store.Tombstone) (incoming.Outcome, error) {
	object, err := g.Audio.Examine(ctx, a.Key)
	switch {
	case errors.Is(err, media.ErrNotFound):
		return incoming.Gone, nil
	case err != nil:
		return "", fmt.Errorf("examine audio of a deleted recording: %w", err)
	}
	return inbox.Inbox(g).KeepRestorable(ctx, a, object, t)
}

// judge examines the object of an arrival and reads its audio. Errors:
// media.ErrNotFound, media.ErrChanged, media.ErrUnavailable.
func (g Ingester) judge(ctx context.Context, a incoming.Arrival, announced recording.Upload) (media.Object, incoming.Judgment, error) {
	object, err := g.Audio.Examine(ctx, a.Key)
	if err != nil {
		return object, incoming.Judgment{}, fmt.Errorf("examine an arrival: %w", err)
	}
	verdict, err := judge.Judge{Audio: g.Audio, MaxBytes: g.MaxBytes}.Object(ctx, a.Key, object, announced)
	return object, verdict, err
}

// adopt creates a recording from audio alone. Its metadata may follow.
func (g Ingester) adopt(ctx context.Context, a incoming.Arrival, object media.Object, verdict incoming.Judgment, account, id string) (incoming.Outcome, error) {
	now := recording.SecondsOf(g.Now())
	key := a.Key
	if key == recording.AudioKey(account, id) {
		key = ""
	}
	verdict.SHA256 = "" // the client announced none
	audio := verdict.Audio(key)
	audio.Sequencer = a.Sequencer
	r := incoming.Compose(incoming.Draft{
		Account: account, ID: id, Modified: now, Stored: recording.SecondsOf(object.Modified), Made: recording.MadeOfAudio,
		Document: "{}", Audio: audio, Sound: verdict.Sound,
	}, now)
	if err := g.Store.Put(ctx, r); err != nil {
		return "", fmt.Errorf("make a recording of audio: %w", err)
	}
	return incoming.Adopted, nil
}

// complete stores the verdict on good audio in its recording. A copy of rejected
// audio that was set aside earlier is no longer needed.
func (g Ingester) complete(ctx context.Context, a incoming.Arrival, rec *recording.Recording, verdict incoming.Judgment) (incoming.Outcome, error) {
	if rec.Audio.Condition() == recording.Failed {
		if err := g.Audio.Remove(ctx, recording.SetAsideKey(a.Key)); err != nil {
			return "", fmt.Errorf("remove audio that was set aside: %w", err)
		}
	}
	err := g.update(ctx, a, rec, verdict)
	switch {
	case errors.Is(err, incoming.ErrUnchanged):
		return incoming.Unchanged, nil
	case err != nil:
		return "", fmt.Errorf("complete a recording: %w", err)
	}
	return incoming.Completed, nil
}

// reject sets aside audio that cannot be served; rec is nil if there is no recording to note the
// reason in. The object is removed last, so that a retry still finds it, and only if it is still
// the one that was set aside: an upload may have replaced it meanwhile. Errors: media.ErrChanged in
// that case; a retry judges the new object.
func (g Ingester) reject(ctx context.Context, a incoming.Arrival, rec *recording.Recording, object media.Object, verdict incoming.Judgment) (incoming.Outcome, error) {
	if err := g.Audio.Copy(ctx, a.Key, object.ETag, recording.SetAsideKey(a.Key)); err != nil {
		if errors.Is(err, media.ErrNotFound) {
			return incoming.Gone, nil
		}
		return "", fmt.Errorf("set audio aside: %w", err)
	}
	if rec != nil {
		done, err := inbox.Inbox(g).KeepHeld(ctx, rec, object, verdict, g.update(ctx, a, rec, verdict))
		switch {
		case errors.Is(err, incoming.ErrKept): // the object stays where it is
			if e := g.Audio.Remove(ctx, recording.SetAsideKey(a.Key)); e != nil {
				return "", fmt.Errorf("remove a copy of audio on hold: %w", e)
			}
			return "", fmt.Errorf("keep audio on hold: %w", err)
		case done != "":
			return done, nil
		case err != nil && !errors.Is(err, incoming.ErrUnchanged):
			return "", fmt.Errorf("note why audio was rejected: %w", err)
		}
	}
	if err := g.Audio.RemoveIf(ctx, a.Key, object); err != nil {
		return "", fmt.Errorf("remove rejected audio: %w", err)
	}
	if rec != nil {
		if err := g.noteAgain(ctx, a, verdict, rec); err != nil {
			return "", err
		}
	}
	return incoming.Refused, nil
}

// noteAgain notes the reason for a rejection again if a request that sent the same bytes
// has cleared it. The request found the object before its removal, and counted it as
// its own. Without the reason the recording would wait for audio that is set aside.
func (g Ingester) noteAgain(ctx context.Context, a incoming.Arrival, verdict incoming.Judgment, rec *recording.Recording) error {
	cleared := func(r *recording.Recording) bool {
		return r.AudioKey() == a.Key && r.Audio.Place == recording.Nowhere && r.Audio.State == ""
	}
	now := recording.SecondsOf(g.Now())
	r, err := g.Store.Get(ctx, rec.Account, rec.ID)
	if err == nil && cleared(r) {
		_, err = g.Store.Update(ctx, rec.Account, rec.ID, func(r *recording.Recording) error {
			if cleared(r) {
				verdict.Attach(r, a.Sequencer, now)
			}
			return nil
		})
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("note why audio was rejected: %w", err)
	}
	return nil
}

// update stores the verdict in the recording, unless the recording already
// reflects it or a later arrival. Errors: incoming.ErrUnchanged in these cases;
// store.ErrExists if the announcement by which the audio was judged, or the audio that the
// recording has, has changed since.
func (g Ingester) update(ctx context.Context, a incoming.Arrival, rec *recording.Recording, verdict incoming.Judgment) error {
	now := recording.SecondsOf(g.Now())
	_, err := g.Store.Update(ctx, rec.Account, rec.ID, func(r *recording.Recording) error {
		if r.AudioKey() != a.Key || !a.Newer(r.Audio) {
			return incoming.ErrUnchanged
		}
		if r.Upload != rec.Upload || r.Audio != rec.Audio {
			return fmt.Errorf("%w: it has or awaits other audio now", store.ErrExists)
		}
		before := *r
		verdict.Attach(r, a.Sequencer, now)
		if !a.Changes(before, *r) {
			return incoming.ErrUnchanged
		}
		return nil
	})
	return err
}
