// Package audiofile reads the type and the length of audio from its bytes: mp3
// (layer III of all MPEG versions, any bit rate), wav (any format that has a
// steady rate, and mp3 inside), and Ogg with Opus or Vorbis. What names, headers
// and other people say of a file is not asked.
//
// It believes no size that is written in a file: a part of a wav that its
// header promises and the file does not have is not counted, and an mp3 is
// counted frame by frame, whatever its Xing or VBRI header says. Memory is
// constant. Of a wav only the chunk headers are read; an Ogg and an mp3 are
// read through once, from the beginning to the end.
//
// Wav formats and Ogg pages are read by libraries. The frames of an mp3 are
// not: those that decode mp3 refuse the 8 to 12 kHz of telephones (MPEG 2.5),
// and a frame's length takes four bytes and a table.
package audiofile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

var (
	// ErrUnknown means that the bytes are none of the types that are known here.
	ErrUnknown = errors.New("not audio of a known type (mp3, wav, Ogg with Opus or Vorbis)")
	// ErrDamaged means that they begin as one of the types and do not go on so.
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
	{"audio/wav", "wav", isWav, wavDuration},
	{"audio/ogg", "ogg", func(h []byte) bool { return bytes.HasPrefix(h, []byte(oggMagic)) }, oggDuration},
	{"audio/mpeg", "mp3", func(h []byte) bool {
		_, ok := parseFrame(h)
		return ok || bytes.HasPrefix(h, []byte("ID3"))
	}, mp3Duration},
}

// longest is the longest audio that is believed to be audio: what lasts for
// more has figures that make no sense.
const longest = 31 * 24 * time.Hour

// Probe reads size bytes of r. Errors: ErrUnknown, ErrDamaged, what reading
// gives.
func Probe(r io.ReaderAt, size int64) (Info, error) {
	head := make([]byte, min(max(size, 0), 64))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return Info{}, fmt.Errorf("read audio: %w", err)
	}
	for _, f := range formats {
		if !f.begins(head) {
			continue
		}
		d, err := f.duration(io.NewSectionReader(r, 0, size))
		if err == nil && d > longest {
			err = fmt.Errorf("%w: it would last for %d days", ErrDamaged, d/(24*time.Hour))
		}
		if err != nil {
			return Info{}, fmt.Errorf("read %s: %w", f.contentType, err)
		}
		return Info{ContentType: f.contentType, Extension: f.extension, Duration: d}, nil
	}
	return Info{}, ErrUnknown
}

// seconds is n/rate as a duration, also where n nanoseconds would overflow.
// What lasts for centuries is cut to that.
func seconds(n, rate int64) time.Duration {
	if n/rate >= int64(math.MaxInt64/time.Second) {
		return math.MaxInt64
	}
	return time.Duration(n/rate)*time.Second + time.Duration(n%rate)*time.Second/time.Duration(rate)
}
