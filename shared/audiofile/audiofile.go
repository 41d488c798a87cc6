// Package audiofile reads the type and the length of audio from its bytes: mp3
// (layer III of all MPEG versions, any bit rate), wav (any format that has a
// steady rate, and mp3 inside), Ogg with Opus or Vorbis, and the audio of an
// mp4 (m4a, whole or in fragments). What names, headers and other people say of
// a file is not asked.
//
// The length is that which ffprobe tells, within 50 ms: what an mp3's encoder
// puts in front counts, up to 0.15 s at 8 kHz; what an mp4's does is left out
// where its edit list says so. Of an mp3 without a Xing or VBRI header, where
// ffprobe only estimates, it is what ffmpeg decodes. matrix_test.go compares.
//
// # What is read
//
// The audio may lie behind a network, where each place that is read costs a
// request. So it is looked at through a few spans of 32 to 256 KiB, at its
// beginning, its end, and where its own figures lead: of most files 1 to 5 of
// them and 64 to 330 KiB, never more than 128. Memory is constant. What each
// type takes:
//
//   - mp3: the frame behind the tags, and the tags at the end, if a Xing, Info
//     or VBRI header counts the frames and its count of bytes is that of the
//     file. Else the file is read through in order, 256 KiB at a time, and its
//     frames are counted. A reader that has no time for that fails with
//     ErrNoTime, and then the length is not known.
//   - wav: the headers of its chunks.
//   - Ogg: the first pages, the last, and three between, which tell whether
//     streams follow one another; then their borders are found by bisection.
//     One of at most 256 KiB is read through.
//   - mp4: the headers of its boxes and what is in a few of them; of a file in
//     fragments the first fragment and the last, or up to 128 of them.
//
// # What is believed
//
// No size that the file does not have. A part of a wav that its header promises
// and the file does not have is not counted; an mp3 of another length than its
// header says is counted frame by frame; of an Ogg the last whole page counts,
// of an mp4 in fragments the last whole fragment. The length of a whole mp4
// stands in its header only, so of one that is cut off it is not known.
//
// In an Ogg above 256 KiB the checksums of the pages between are not looked at,
// and streams that follow one another under the same number, against RFC 3533,
// are told apart only where the three pages show it.
//
// # Libraries
//
// Wav formats, Ogg pages and mp4 boxes are read by libraries, which are handed
// no more than a few KiB each. The frames of an mp3 are not: those that decode
// mp3 refuse the 8 to 12 kHz of telephones (MPEG 2.5), and a frame's length
// takes four bytes and a table.
package audiofile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"callrecordings/shared/recording"
)

var (
	// ErrUnknown means that the bytes are none of the types that are known here.
	ErrUnknown = errors.New("not audio of a known type (mp3, wav, Ogg with Opus or Vorbis, m4a)")
	// ErrDamaged means that they begin as one of the types and do not go on so.
	ErrDamaged = errors.New("damaged audio")
	// ErrNoTime is not returned of its own: the reader that Probe was given
	// fails with it, or with what wraps it, to have no more of an mp3 read
	// through. If frames were found by then, Probe returns the type, a length
	// that is not Known, and no error; else it returns the reader's error.
	ErrNoTime = errors.New("no time to read the audio through")
)

// errLength means that the type is plain and the length cannot be had.
var errLength = errors.New("the length is not known")

// Info is what the audio says of itself.
type Info struct {
	// ContentType is the media type to store it with.
	ContentType string
	// Extension is the usual end of such a file's name, without a dot.
	Extension string
	// Duration of the sound, at most 31 days; 0 unless Known.
	Duration time.Duration
	// Known reports whether the length was found. Audio of 0 s that is Known
	// holds no sound.
	Known bool
}

// format detects a media type by the first bytes of a file, and reads its
// duration. The other facts about the type are in package recording.
type format struct {
	contentType string
	begins      func(head []byte) bool
	duration    func(s *source) (time.Duration, error)
}

// formats in the order in which they are tried. An mp3 has no magic number of
// its own, so it is the last.
var formats = []format{
	{recording.AudioWAV, isWav, wavDuration},
	{recording.AudioOgg, func(h []byte) bool { return bytes.HasPrefix(h, []byte(oggMagic)) }, oggDuration},
	{recording.AudioMP4, isMP4, mp4Duration},
	{recording.AudioMPEG, func(h []byte) bool {
		_, ok := parseFrame(h)
		return ok || bytes.HasPrefix(h, []byte("ID3"))
	}, mp3Duration},
}

// longest is the longest audio that is believed to be audio: what lasts for
// more has figures that make no sense.
const longest = 31 * 24 * time.Hour

// Probe reads what it needs of the size bytes of r, as the package comment
// says. ReadAt is called from one goroutine, for at most 264 KiB, and while an
// mp3 is read through in order, for at least 256 KiB but at the end. Errors: ErrUnknown, ErrDamaged, what reading
// gives.
func Probe(r io.ReaderAt, size int64) (Info, error) {
	s := &source{r: r, size: max(size, 0), left: maxReads}
	head := make([]byte, min(s.size, 64))
	if _, err := s.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return Info{}, fmt.Errorf("read audio: %w", err)
	}
	for _, f := range formats {
		if !f.begins(head) {
			continue
		}
		d, err := f.duration(s)
		if err == nil && d > longest {
			err = fmt.Errorf("%w: it would last for %d days", ErrDamaged, d/(24*time.Hour))
		}
		info := Info{ContentType: f.contentType, Extension: recording.AudioExtension(f.contentType), Duration: d, Known: true}
		if errors.Is(err, errLength) {
			info.Duration, info.Known = 0, false
		} else if err != nil {
			return Info{}, fmt.Errorf("read %s: %w", f.contentType, err)
		}
		return info, nil
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
