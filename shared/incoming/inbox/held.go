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

// KeepHeld handles the error of an update that a legal hold has refused: rec is on hold, and the
// object that arrived has replaced its audio. KeepHeld sets the object aside and makes the earlier
// version the current one again. The outcome is then incoming.Held; for any other error it is "",
// and KeepHeld returns err. Errors: also incoming.ErrKept if there is no earlier version: then only
// the metadata of the file contradicts the hold, or the bucket keeps no versions.
func (in Inbox) KeepHeld(ctx context.Context, rec *recording.Recording, object media.Object, err error) (incoming.Outcome, error) {
	var held *hold.HeldError
	if !errors.As(err, &held) {
		return "", err
	}
	return in.putBack(ctx, rec, object, held)
}

// errReplaced means that the bucket has no earlier version of audio that was replaced.
var errReplaced = errors.New("it has replaced the audio of a deleted recording that can be restored")

// KeepRestorable handles an object that arrived under the key of a deleted recording that can
// be restored. If the object has replaced the audio that a restore would bring back,
// KeepRestorable sets it aside and makes the earlier version the current one again. The outcome
// is then incoming.Held. Otherwise it is incoming.Ignored: the event is late, or the audio
// arrives only now, and a restore brings it back. Errors: also incoming.ErrKept if there is no
// earlier version.
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

// putBack sets aside an object that has replaced the audio of rec, and makes the earlier version
// the current one again. A hold.Locker may have locked the object in its place, so it gets the
// work to lock the earlier version. Errors: also incoming.ErrKept, with the cause, if there is no
// earlier version.
func (in Inbox) putBack(ctx context.Context, rec *recording.Recording, object media.Object, cause error) (incoming.Outcome, error) {
	key := rec.AudioKey()
	if err := in.Audio.Copy(ctx, key, object.ETag, recording.SetAsideKey(key)); err != nil {
		return "", fmt.Errorf("set aside what would replace audio that stays: %w", err)
	}
	if in.Holds.Locked { // before the change, so that a crash between the two leaves no audio without its lock
		if err := in.Holds.Enters(ctx, rec.Account, rec.ID); err != nil {
			return "", fmt.Errorf("leave work for the locks: %w", err)
		}
	}
	switch err := in.Audio.Revert(ctx, key, object); {
	case errors.Is(err, media.ErrNotFound):
		return "", fmt.Errorf("%w: %w", incoming.ErrKept, cause)
	case err != nil:
		return "", fmt.Errorf("bring back audio that stays: %w", err)
	}
	return incoming.Held, nil
}
