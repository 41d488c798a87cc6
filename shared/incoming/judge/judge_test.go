package judge

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
)

// field returns a file from the tests of package audiofile.
func field(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../../audiofile/testdata/field/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Audio that breaks the rules of its format and still plays is accepted as the
// type that was announced.
func TestJudgeAcceptsWhatPlays(t *testing.T) {
	t.Parallel()
	for name, announced := range map[string]string{
		"mp3-zero-first-frame-8k.mp3": "audio/mpeg",
		"wav-id3-front.wav":           "audio/x-wav",
		"wav-ulaw-bits0.wav":          "audio/wav",
		"vorbis-skeleton.ogg":         "application/ogg",
		"opus-small-mid-crc.opus":     "audio/opus",
	} {
		s := &stream{body: field(t, name)}
		got, err := Judge{Audio: s, MaxBytes: 1 << 20}.Object(t.Context(), "k", media.Object{ETag: "tag", Size: int64(len(s.body))}, recording.Upload{ContentType: announced})
		if err != nil || !got.Accepted() || !got.Known || got.Duration < 3*time.Second {
			t.Errorf("Object(%s announced as %s) = %+v, %v, want it accepted with its duration", name, announced, got, err)
		}
		if s.open != 0 || len(s.parts) > 8 {
			t.Errorf("Object(%s) made %d requests, %d bodies are open", name, len(s.parts), s.open)
		}
	}
}

// An mp3 of few frames and many other bytes is accepted after a few megabytes.
// Its duration is unknown, which is not the same as empty.
func TestJudgeReadsLittleOfJunk(t *testing.T) {
	t.Parallel()
	frame := append([]byte("\xFF\xE3\x18\xC4"), make([]byte, 68)...)
	unit := append(bytes.Repeat(frame, 10), bytes.Repeat([]byte("\xFF\xE3\x18\xC4 "), 100_000)...)
	s := &stream{body: bytes.Repeat(unit, 64)}
	got, err := Judge{Audio: s, MaxBytes: 1 << 30}.Object(t.Context(), "k", media.Object{ETag: "tag", Size: int64(len(s.body))}, recording.Upload{})
	if err != nil || !got.Accepted() || got.Known || got.ContentType != "audio/mpeg" {
		t.Errorf("Object = %+v, %v, want audio/mpeg of unknown duration", got, err)
	}
	if state := got.Audio("k").State; state == recording.Empty || state == recording.Failed {
		t.Errorf("the audio is %v, want it ready", state)
	}
	read := int64(0)
	for _, p := range s.parts {
		read += p.Length
	}
	if read > 16<<20 || s.open != 0 {
		t.Errorf("Object requested %d bytes, %d bodies are open", read, s.open)
	}
}
