package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"callrecordings/shared/media"
	"callrecordings/shared/recording"
)

// comparer compares the audio of a request with stored audio.
type comparer interface {
	newPutter
	// Examine is the method of [media.Objects].
	Examine(ctx context.Context, key string) (media.Object, error)
	// Open is the method of [media.Reader].
	Open(ctx context.Context, key, etag string, part *media.Part) (io.ReadCloser, media.Object, error)
}

// takesAudio reports whether to store the audio of a request in the bucket: the
// recording has no audio, or it has this audio, whose object may be gone. Requests can
// write only keys under recordings/. If the recording states no size or no checksum,
// any size or checksum matches.
func takesAudio(r *recording.Recording, audio recording.Upload) bool {
	if r.Audio.Place != recording.Managed {
		return r.Audio.Place == recording.Nowhere
	}
	_, _, open := recording.ParseKey(r.AudioKey())
	return open && (r.Audio.Size == 0 || r.Audio.Size == audio.Size) &&
		(r.Audio.SHA256 == "" || r.Audio.SHA256 == audio.SHA256)
}

// putOnce stores the audio of a request, unless the same audio is already stored: an
// earlier attempt may have stored it, and ingest may not have examined it yet. Error:
// media.ErrOccupied if other audio is stored.
func putOnce(ctx context.Context, to comparer, key, contentType string, audio []byte) error {
	err := putNew(ctx, to, key, contentType, audio)
	if !errors.Is(err, media.ErrOccupied) {
		return err
	}
	same, compareErr := isStored(ctx, to, key, audio)
	switch {
	case errors.Is(compareErr, media.ErrNotFound), errors.Is(compareErr, media.ErrChanged):
		return fmt.Errorf("%w: the stored audio has changed meanwhile: %w", media.ErrUnavailable, compareErr)
	case compareErr != nil:
		return fmt.Errorf("compare with the stored audio: %w", compareErr)
	case !same:
		return err
	}
	return nil
}

// isStored reports whether the object at key consists of the bytes of audio. It
// reads the object if the store has not verified its checksum.
func isStored(ctx context.Context, in comparer, key string, audio []byte) (bool, error) {
	object, err := in.Examine(ctx, key)
	if err != nil || object.Size != int64(len(audio)) {
		return false, err
	}
	if object.SHA256 != "" {
		sum := sha256.Sum256(audio)
		return object.SHA256 == hex.EncodeToString(sum[:]), nil
	}
	body, _, err := in.Open(ctx, key, object.ETag, nil)
	if err != nil {
		return false, err
	}
	defer body.Close() //nolint:errcheck // read-only
	stored, err := io.ReadAll(body)
	if err != nil {
		return false, fmt.Errorf("%w: %w", media.ErrUnavailable, err)
	}
	return bytes.Equal(stored, audio), nil
}
