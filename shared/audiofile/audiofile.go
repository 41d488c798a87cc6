// Package audiofile reads the type and the length of audio from its bytes: mp3,
// wav, and Ogg with Opus. What names, headers and other people say of a file
// is not asked.
//
// It reads through a file once, in constant memory, and believes no size that
// is written in it: a part of a wav that its header promises and the file does
// not have is not counted, and an mp3 is counted frame by frame.
package audiofile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

var (
	// ErrUnknown: the bytes are none of the types that are known here.
	ErrUnknown = errors.New("not audio of a known type (mp3, wav, Ogg Opus)")
	// ErrDamaged: they begin as one of the types and do not go on so.
	ErrDamaged = errors.New("damaged audio")
)

// Info is what the audio says of itself.
type Info struct {
	// ContentType is the media type to store it with.
	ContentType string
	// Extension is the usual end of such a file's name, without a dot.
	Extension string
	// Duration of the sound.
	Duration time.Duration
}

// format is a row of the table: how a type begins, and what reads its length.
type format struct {
	contentType, extension string
	begins                 func(head []byte) bool
	duration               func(r *io.SectionReader) (time.Duration, error)
}

// formats in the order in which they are tried. An mp3 has no magic number of
// its own, so it is the last.
var formats = []format{
	{"audio/wav", "wav", func(h []byte) bool {
		return len(h) >= 12 && string(h[:4]) == "RIFF" && string(h[8:12]) == "WAVE"
	}, wavDuration},
	{"audio/ogg", "ogg", func(h []byte) bool { return bytes.HasPrefix(h, []byte("OggS")) }, oggDuration},
	{"audio/mpeg", "mp3", func(h []byte) bool {
		_, ok := parseFrame(h)
		return ok || bytes.HasPrefix(h, []byte("ID3"))
	}, mp3Duration},
}

// Probe reads size bytes of r. Errors: ErrUnknown, ErrDamaged, what reading
// gives.
func Probe(r io.ReaderAt, size int64) (Info, error) {
	head := make([]byte, min(size, 64))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return Info{}, fmt.Errorf("read audio: %w", err)
	}
	for _, f := range formats {
		if !f.begins(head) {
			continue
		}
		d, err := f.duration(io.NewSectionReader(r, 0, size))
		if err != nil {
			return Info{}, fmt.Errorf("read %s: %w", f.contentType, err)
		}
		return Info{ContentType: f.contentType, Extension: f.extension, Duration: d}, nil
	}
	return Info{}, ErrUnknown
}

// seconds is n/rate as a duration, for counts that would overflow otherwise.
func seconds(n, rate int64) time.Duration {
	return time.Duration(n/rate)*time.Second + time.Duration(n%rate)*time.Second/time.Duration(rate)
}
