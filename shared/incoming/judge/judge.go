// Package judge reads the bytes of audio and decides whether they can be
// served: their media type and duration, or the reason for rejecting them. It is
// the only package that uses the audio parsers of package audiofile; functions
// that read no audio do not link it.
package judge

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/callrecordings/api/shared/audiofile"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
)

// Bytes judges the first size bytes of r and compares them with the announced
// upload. Zero bytes are empty audio. If the time or a limit of package audiofile
// is reached after audio was found, the duration is unknown. Errors: those of r,
// and [audiofile.ErrNoTime] if no audio was found in time.
func Bytes(r io.ReaderAt, size int64, announced recording.Upload) (incoming.Judgment, error) {
	j := incoming.Judgment{Size: size}
	if size == 0 {
		j.ContentType, _ = recording.AudioType(announced.ContentType)
		j.Known = true
		return j, nil
	}
	info, err := audiofile.Probe(r, size)
	switch {
	case errors.Is(err, audiofile.ErrUnknown):
		j.Reason = recording.NotAudio
	case errors.Is(err, audiofile.ErrDamaged):
		j.Reason = recording.Damaged
	case err != nil:
		return j, err
	}
	if !j.Accepted() {
		return j, nil
	}
	j.Reason = incoming.Mismatch(recording.Upload{ContentType: announced.ContentType}, recording.Upload{ContentType: info.ContentType})
	if j.Accepted() {
		j.Sound = recording.Sound(info)
	}
	return j, nil
}

// Errors of [File].
var (
	// ErrNotAudio means that the bytes are not audio of a type that is served.
	ErrNotAudio = audiofile.ErrUnknown
	// ErrDamaged means that the bytes begin as audio and cannot be played.
	ErrDamaged = audiofile.ErrDamaged
)

// File judges a file that a user picked. A file that cannot be served is an error
// with the cause. So is an empty file, as its type is unknown. Errors:
// ErrNotAudio, ErrDamaged, and those of Bytes.
func File(r io.ReaderAt, size int64) (incoming.Judgment, error) {
	info, err := audiofile.Probe(r, size)
	return incoming.Judgment{Sound: recording.Sound(info), Size: size}, err
}

// Judge judges objects of the bucket.
type Judge struct {
	// Audio reads the objects.
	Audio media.Reader
	// MaxBytes is the most audio that a recording may have.
	MaxBytes int64
}

// Object judges the object o under key. It compares the size and the checksum
// before it reads any audio. Errors: media.ErrNotFound, media.ErrChanged if the
// object was replaced meanwhile, media.ErrUnavailable.
func (j Judge) Object(ctx context.Context, key string, o media.Object, announced recording.Upload) (incoming.Judgment, error) {
	verdict := incoming.Judgment{Size: o.Size, SHA256: o.SHA256}
	if o.Size > j.MaxBytes {
		verdict.Reason = recording.TooLarge
		return verdict, nil
	}
	if verdict.Reason = incoming.Mismatch(announced, recording.Upload{Size: o.Size, SHA256: o.SHA256}); !verdict.Accepted() {
		return verdict, nil
	}
	r := &object{ctx: ctx, media: j.Audio, key: key, etag: o.ETag, size: o.Size}
	defer r.close()
	verdict, err := Bytes(r, o.Size, announced)
	if err != nil {
		return verdict, fmt.Errorf("read the audio of an object: %w", err)
	}
	verdict.SHA256 = o.SHA256
	if verdict.Accepted() && verdict.ContentType == "" {
		verdict.ContentType, _ = recording.AudioType(o.ContentType)
	}
	return verdict, nil
}
