package inbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
)

// KeepHeld handles the error of an update that a legal hold has refused, because the object
// that arrived has replaced audio on hold. It sets the object aside and makes the earlier
// version the current one again. The outcome is then incoming.Held; for any other error it
// is "", and KeepHeld returns err. Errors: also incoming.ErrKept if there is no earlier
// version: then only the metadata of the file contradicts the hold, or the bucket keeps no
// versions.
func KeepHeld(ctx context.Context, audio media.Objects, key string, object media.Object, err error) (incoming.Outcome, error) {
	var held *hold.HeldError
	if !errors.As(err, &held) {
		return "", err
	}
	if err := audio.Copy(ctx, key, object.ETag, recording.SetAsideKey(key)); err != nil {
		return "", fmt.Errorf("set aside what would replace audio on hold: %w", err)
	}
	switch err := audio.Revert(ctx, key, object); {
	case errors.Is(err, media.ErrNotFound):
		return "", fmt.Errorf("%w: %w", incoming.ErrKept, held)
	case err != nil:
		return "", fmt.Errorf("restore audio on hold: %w", err)
	}
	return incoming.Held, nil
}
