package api

import (
	"context"
	"fmt"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// storeAudio stores the audio of a request for the recording r, unless it is already
// stored. If the stored object has been lost, it is stored again under its key, in an
// inbox or among imported audio too. The bucket's event then triggers ingest, as for
// any upload. Errors: store.ErrExists or media.ErrOccupied if r has other audio;
// media.ErrUnavailable.
func storeAudio(ctx context.Context, to media.Uploader, r *recording.Recording, upload recording.Upload, contentType string, audio []byte) error {
	if !incoming.MayHave(r, upload) {
		return fmt.Errorf("%w: with other audio", store.ErrExists)
	}
	if err := to.PutNew(ctx, r.AudioKey(), contentType, audio); err != nil {
		return fmt.Errorf("store the audio: %w", err)
	}
	return nil
}
