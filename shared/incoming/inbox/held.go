package inbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// KeepHeld handles the error of an update that a legal hold has refused. object is at the key of
// rec, and verdict is what was read of it. If it has replaced the audio that rec describes,
// KeepHeld sets it aside and makes the earlier version the current one again. The outcome is then
// incoming.Held; for an error that is not of a hold it is "", and KeepHeld returns err. Errors: also
// incoming.ErrKept, and nothing has changed, if the object is the audio of rec itself, so that only
// its metadata or a limit contradicts the hold, or if there is no earlier version that could be the
// audio of rec, as in a bucket without versions.
func (in Inbox) KeepHeld(ctx context.Context, rec *recording.Recording, object media.Object, verdict incoming.Judgment, err error) (incoming.Outcome, error) {
	var held *hold.HeldError
	if !errors.As(err, &held) {
		return "", err
	}
	if rec.Audio.Place != recording.Managed || isAudio(object, verdict, rec.Audio) {
		return "", fmt.Errorf("%w: %w", incoming.ErrKept, held)
	}
	return in.putBack(ctx, rec, object, held)
}

// isAudio reports whether an object, with the verdict on it, can be known audio. A hold counts
// other bytes of the same type and size as the same audio, too. A file that is larger than the
// limit was not read, so only its size and checksum count.
func isAudio(object media.Object, verdict incoming.Judgment, known recording.Audio) bool {
	now := verdict.Audio(known.Key)
	asRead := now.Condition() == known.Condition() &&
		(now.ContentType == "" || known.ContentType == "" || now.ContentType == known.ContentType)
	return isDescribed(object, known) && (asRead || verdict.Reason == recording.TooLarge)
}

// errReplaced means that the bucket has no earlier version of audio that was replaced.
var errReplaced = errors.New("it has replaced the audio of a deleted recording that can be restored")

// KeepRestorable handles an object that arrived under the key of a deleted recording that can
// be restored. If the object has replaced the audio that a restore would bring back,
// KeepRestorable sets it aside and makes the earlier version the current one again. The outcome
// is then incoming.Held. Otherwise it is incoming.Ignored: the event is late, or the audio
// arrives only now, and a restore brings it back. Errors: also incoming.ErrKept if there is no
// earlier version that could be the audio.
func (in Inbox) KeepRestorable(ctx context.Context, a incoming.Arrival, object media.Object, t *store.Tombstone) (incoming.Outcome, error) {
	deleted := recording.Recording{Account: t.Account, ID: t.ID, Audio: t.Audio}
	if t.Audio.Place != recording.Managed || deleted.AudioKey() != a.Key || !a.Newer(t.Audio) {
		return incoming.Ignored, nil
	}
	// The audio of the recording was stored before the deletion. A later object of the same
	// size may still be other audio.
	fits := isDescribed(object, t.Audio)
	if fits && recording.SecondsOf(object.Modified) <= t.Deleted {
		return incoming.Ignored, nil
	}
	done, err := in.putBack(ctx, &deleted, object, errReplaced)
	if fits && errors.Is(err, incoming.ErrKept) {
		return incoming.Ignored, nil // it may be the audio itself, copied to this bucket later
	}
	return done, err
}

// isDescribed reports whether the facts about known audio fit an object. A fact that is
// unknown fits.
func isDescribed(object media.Object, known recording.Audio) bool {
	return (known.Size == 0 || known.Size == object.Size) &&
		(known.SHA256 == "" || object.SHA256 == "" || known.SHA256 == object.SHA256)
}

// putBack makes the audio of rec the current version again, which an object has replaced, and sets
// the object aside, with any that was replaced in between. It knows the audio by its size. A
// hold.Locker may have locked the object in its place, so it gets the work to lock the audio.
// Errors: also incoming.ErrKept, with the cause, if there is no earlier version of that size; then
// nothing was set aside.
func (in Inbox) putBack(ctx context.Context, rec *recording.Recording, object media.Object, cause error) (incoming.Outcome, error) {
	key, found := rec.AudioKey(), false
	aside := func(ctx context.Context, replaced media.Object) error {
		found = true
		if err := in.Audio.Copy(ctx, key, replaced.ETag, recording.SetAsideKey(key)); err != nil {
			return fmt.Errorf("set aside what would replace audio that stays: %w", err)
		}
		if in.Holds.Locked { // before the change, so that a crash between the two leaves no audio without its lock
			if err := in.Holds.Enters(ctx, rec.Account, rec.ID); err != nil {
				return fmt.Errorf("leave work for the locks: %w", err)
			}
		}
		return nil
	}
	switch err := in.Audio.Revert(ctx, key, object, rec.Audio.Size, aside); {
	case errors.Is(err, media.ErrNotFound) && !found:
		return "", fmt.Errorf("%w: %w", incoming.ErrKept, cause)
	case err != nil:
		return "", fmt.Errorf("bring back audio that stays: %w", err)
	}
	return incoming.Held, nil
}
