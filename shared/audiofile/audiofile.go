// Package audiofile detects the type and the duration of audio from its bytes:
// mp3 (layer III of all MPEG versions, any bit rate), wav (any format with a
// constant rate, and mp3 inside a wav), Ogg with Opus or Vorbis, and the audio of
// an mp4 (m4a, whole or fragmented). File names and headers of a request are not
// considered.
//
// Recorders and editors leave files that break the rules of their format, and
// players play most of them. Probe accepts such files too. ID3v2 tags may precede
// any type except mp4. Other bytes may precede the first frame of an mp3: the rest
// of a frame, zeros in place of an Info header, a line break, an APE tag. The first
// four frames must follow each other, so that text and noise are not mistaken for
// audio. Files of other containers that hold mp3 frames, such as AVI and zip, are
// not supported.
//
// The duration agrees with ffprobe's within 50 ms. It includes the samples that an
// mp3 encoder adds at the beginning, up to 0.15 s at 8 kHz. It excludes those of an
// mp4 encoder if the edit list excludes them. It excludes the frame of an Info
// header, which ffprobe includes if bytes other than a tag precede the frame. For
// an mp3 without a Xing or VBRI header, ffprobe only estimates, so the duration is
// compared with the audio that ffmpeg decodes. See matrix_test.go.
//
// # Which parts of a file are read
//
// The audio may be on the other side of a network, where each read at a new
// offset costs a request. Probe therefore reads a few spans of 32 to 256 KiB: at
// the beginning, at the end, and at the offsets that the file itself gives. Most
// files need 1 to 5 spans and 64 to 330 KiB. The limit is 128 spans. Memory use is
// constant. By type:
//
//   - mp3: the first frame after the tags, and the tags at the end, if a Xing,
//     Info or VBRI header counts the frames and its byte count is that of the
//     file. Otherwise the file is read in order, 256 KiB at a time, and its
//     frames are counted. The first frame is searched for in 64 KiB, to which
//     tags and up to 1 MiB of zeros do not count.
//   - wav: the headers of its chunks.
//   - Ogg: the first pages, the last ones, and three places between, to detect
//     chained streams. The boundaries of chained streams are found by bisection.
//     A file of at most 256 KiB is read completely.
//   - mp4: the headers of its boxes and the content of a few of them. Of a
//     fragmented file, the first and the last fragment, or up to 128 of them.
//
// # Limits
//
// These limits keep a malicious file from taking much time. If one of them is
// reached after audio was found, the duration is unknown, and Probe succeeds:
//
//   - Probe reads for 5 seconds. A reader may stop it earlier, with ErrNoTime.
//   - An mp3 is read in order up to 256 MiB.
//   - Up to 1 MiB between the frames of an mp3 is skipped, not counting tags.
//   - Up to 8 MiB of Ogg pages may have wrong checksums.
//
// # Damaged and truncated files
//
// Only bytes that exist count. If a wav header declares more audio than the file
// has, the rest is ignored. If the length of an mp3 differs from its header, its
// frames are counted. In an Ogg the last complete page counts, in a fragmented mp4
// the last complete fragment. The duration of an mp4 without fragments is in its
// header only, so it is unknown if the file is truncated.
//
// An Ogg needs the headers of its first Opus or Vorbis stream. Other streams,
// such as Skeleton and Theora, may precede it. A page that is missing or has a
// wrong checksum is skipped. These rules do not depend on the size. In an Ogg
// above 256 KiB, chained streams that share a serial number, which violates RFC
// 3533, are detected only if the three places between show them.
//
// # Libraries
//
// Libraries parse wav formats, Opus headers and mp4 boxes. Each gets no more than
// a few KiB. Ogg pages are parsed here, as a library stops at the first that is
// damaged. The frames of an mp3 are parsed here: the libraries that decode mp3
// reject the 8 to 12 kHz of telephony (MPEG 2.5), and a frame's length only takes
// four bytes and a table.
package audiofile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/callrecordings/api/shared/recording"
)

var (
	// ErrUnknown means that the bytes are not of a supported type.
	ErrUnknown = errors.New("not audio of a known type (mp3, wav, Ogg with Opus or Vorbis, m4a)")
	// ErrDamaged means that the bytes begin like a supported type but are not
	// valid.
	ErrDamaged = errors.New("damaged audio")
	// ErrNoTime is returned by the reader that Probe gets, possibly wrapped, to
	// stop a file from being read further. Probe itself stops after 5 seconds. If
	// Probe has found audio by then, it returns the type, a duration that is not
	// Known, and no error. Otherwise it returns ErrNoTime.
	ErrNoTime = errors.New("no time to read the audio through")
)

// errNoDuration means that the type is certain but the duration cannot be
// determined.
var errNoDuration = errors.New("the duration is unknown")

// Info is the result of Probe.
type Info struct {
	// ContentType is the media type, such as "audio/mpeg".
	ContentType string
	// Extension is the usual extension of such a file, without a dot.
	Extension string
	// Duration is at most 31 days. It is 0 unless Known.
	Duration time.Duration
	// Known reports whether the duration was found. If it is true and Duration
	// is 0, the file contains no audio data.
	Known bool
}

// format detects a media type by the first bytes of a file, and reads its
// duration. The other facts about the type are in package recording.
type format struct {
	contentType string
	matches     func(head []byte) bool
	duration    func(s *source) (time.Duration, error)
}

// formats are tried in this order. An mp3 has no magic number, so it comes
// last.
var formats = []format{
	{recording.AudioWAV, isWav, wavDuration},
	{recording.AudioOgg, func(h []byte) bool { return bytes.HasPrefix(h, []byte(oggMagic)) }, oggDuration},
	{recording.AudioMP4, isMP4, mp4Duration},
	{recording.AudioMPEG, func(h []byte) bool { return !isOtherContainer(h) }, mp3Duration},
}

// isOtherContainer recognizes files that may contain the frames of an mp3 and
// yet are not played as one: RIFF other than wav (AVI), QuickTime, Matroska,
// AIFF, CAF, MPEG program streams, and the archives zip, rar and tar.
func isOtherContainer(h []byte) bool {
	for _, magic := range []string{"RIFF", "RF64", "BW64", "riff", "\x1A\x45\xDF\xA3", "FORM", "caff", "\x00\x00\x01\xBA", "PK\x03\x04", "Rar!"} {
		if bytes.HasPrefix(h, []byte(magic)) {
			return true
		}
	}
	if len(h) >= 8 {
		switch string(h[4:8]) {
		case "ftyp", "moov", "mdat", "wide", "free", "skip":
			return true
		}
	}
	return len(h) >= headLength && string(h[257:262]) == "ustar"
}

// headLength is the number of bytes by which types are detected. A tar has its
// magic number at the end of its first header.
const headLength = 512

// maxDuration is the longest duration that is plausible. A file that claims
// more is damaged.
const maxDuration = 31 * 24 * time.Hour

// Probe detects the type and the duration of the audio in the first size bytes of
// r. The package comment describes which parts it reads. It calls ReadAt from one
// goroutine, for at most 264 KiB per call. While it reads an mp3 in order, each
// call except at the end is for at least 256 KiB. Errors: ErrUnknown, ErrDamaged,
// ErrNoTime, and those of r.
func Probe(r io.ReaderAt, size int64) (Info, error) {
	s := newSource(r, size)
	if err := s.skipTags(); err != nil {
		return Info{}, fmt.Errorf("read audio: %w", err)
	}
	head, err := s.readUpTo(0, headLength)
	if err != nil {
		return Info{}, fmt.Errorf("read audio: %w", err)
	}
	for _, f := range formats {
		if !f.matches(head) {
			continue
		}
		d, err := f.duration(s)
		if err == nil && s.tags > 0 && f.contentType == recording.AudioMP4 {
			err = fmt.Errorf("%w: a tag in front of an mp4 moves its audio", ErrDamaged)
		}
		if err == nil && d > maxDuration {
			err = fmt.Errorf("%w: a duration of %d days", ErrDamaged, d/(24*time.Hour))
		}
		info := Info{ContentType: f.contentType, Extension: recording.AudioExtension(f.contentType), Duration: d, Known: true}
		if errors.Is(err, errNoDuration) || s.found && errors.Is(err, ErrNoTime) {
			info.Duration, info.Known = 0, false
		} else if errors.Is(err, errNotMP3) {
			break
		} else if err != nil {
			return Info{}, fmt.Errorf("read %s: %w", f.contentType, err)
		}
		return info, nil
	}
	return Info{}, ErrUnknown
}

// seconds returns n/rate as a duration, without overflow where n nanoseconds
// would. Durations of centuries are capped.
func seconds(n, rate int64) time.Duration {
	if n/rate >= int64(math.MaxInt64/time.Second) {
		return math.MaxInt64
	}
	return time.Duration(n/rate)*time.Second + time.Duration(n%rate)*time.Second/time.Duration(rate)
}
