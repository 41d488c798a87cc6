package audiofile_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/audiofile"
)

// sizes are Oggs that are read completely and in parts. The same rules hold for
// both.
var sizes = map[string]links{"small": {{1, 20}}, "large": {{1, 400}}}

// pageOf returns the bytes of the n-th page of audio.
func pageOf(ogg []byte, n int) []byte { return ogg[n*linkPage:][:linkPage] }

// An Ogg is ready if players play it: they skip damaged and missing pages. Only
// the headers must be intact.
func TestProbeOfADamagedOgg(t *testing.T) {
	t.Parallel()
	const flipped = 3000
	for name, c := range map[string]struct {
		change func(ogg []byte) []byte
		// less is how much shorter the audio is.
		less time.Duration
		want error
	}{
		"a wrong checksum":          {change: func(b []byte) []byte { pageOf(b, 10)[flipped] ^= 1; return b }},
		"a wrong checksum at first": {change: func(b []byte) []byte { pageOf(b, 1)[flipped] ^= 1; return b }, less: 990 * time.Millisecond},
		"a wrong checksum at last":  {change: func(b []byte) []byte { b[len(b)-flipped] ^= 1; return b }, less: time.Second},
		"many wrong checksums": {change: func(b []byte) []byte {
			for n := 2; n*linkPage < len(b)-linkPage; n += 3 {
				pageOf(b, n)[flipped] ^= 1
			}
			return b
		}},
		"a missing page": {change: func(b []byte) []byte { return slices.Delete(b, 10*linkPage, 11*linkPage) }},
		"a hole":         {change: func(b []byte) []byte { return slices.Delete(b, 10*linkPage+100, 12*linkPage-100) }},
		"zeros":          {change: func(b []byte) []byte { clear(b[5*linkPage+100 : 15*linkPage]); return b }},
		"other bytes":    {change: func(b []byte) []byte { return slices.Insert(b, 10*linkPage, bytes.Repeat([]byte("OggS\x00"), 500)...) }},
		"a tag at last":  {change: func(b []byte) []byte { return append(b, "TAG"+string(make([]byte, 125))...) }},
		"a damaged first page": {
			change: func(b []byte) []byte { b[30] ^= 1; return b },
			want:   audiofile.ErrDamaged,
		},
		"a damaged second page": {
			change: func(b []byte) []byte { b[flipped] ^= 1; return b },
			want:   audiofile.ErrDamaged,
		},
		"no intact page of audio": {
			change: func(b []byte) []byte {
				for n := 1; n*linkPage < len(b); n++ {
					pageOf(b, n)[flipped] ^= 1
				}
				return b
			},
			want: audiofile.ErrDamaged,
		},
	} {
		for size, l := range sizes {
			got, err := probe(c.change(all(t, l)))
			if c.want != nil {
				if !errors.Is(err, c.want) {
					t.Errorf("Probe(%s in a %s Ogg) = %+v, %v, want %v", name, size, got, err, c.want)
				}
				continue
			}
			want := l.duration() - c.less
			if err != nil || !got.Known || got.ContentType != "audio/ogg" || (got.Duration-want).Abs() > 20*time.Millisecond {
				t.Errorf("Probe(%s in a %s Ogg) = %+v, %v, want %s", name, size, got, err, want)
			}
		}
	}
}

// multiplexed puts the pages of another stream in front of an Ogg and among its
// pages.
func multiplexed(ogg []byte, first string) []byte {
	const serial = 77
	head := ogg[:bytes.Index(ogg[4:], []byte("OggS"))+4]
	out := numbered(2, 0, serial, 0, []byte{byte(len(first))}, []byte(first))
	out = append(out, head...)
	for number := uint32(1); number <= 3; number++ { // its header pages
		out = append(out, numbered(0, 0, serial, number, []byte{9}, []byte("\x81headers!"))...)
	}
	for n, rest := uint32(4), ogg[len(head):]; len(rest) > 0; n++ {
		one := rest[:min(linkPage, len(rest))]
		if n == 4 { // the rest of the first block
			one = rest[:linkPage-len(head)]
		}
		out = append(append(out, one...), numbered(0, uint64(n)<<6, serial, n, []byte{99}, make([]byte, 99))...)
		rest = rest[len(one):]
	}
	return out
}

// The audio need not be the first stream.
func TestProbeOfAMultiplexedOgg(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]string{
		"Skeleton": "fishead\x00\x03\x00\x00\x00" + string(make([]byte, 52)),
		"Theora":   "\x80theora\x03\x02\x01" + string(make([]byte, 32)),
		"FLAC":     "\x7FFLAC\x01\x00" + string(make([]byte, 44)),
		"unknown":  "something else",
	} {
		for size, l := range sizes {
			data := multiplexed(all(t, l), first)
			got, err := probe(data)
			if err != nil || !got.Known || got.Duration != l.duration() {
				t.Errorf("Probe(%s and a %s Opus) = %+v, %v, want %s", name, size, got, err, l.duration())
			}
			data[30] ^= 1 // damages the other stream
			if got, err := probe(data); err != nil || got.Duration != l.duration() {
				t.Errorf("Probe(damaged %s and a %s Opus) = %+v, %v, want %s", name, size, got, err, l.duration())
			}
		}
	}
}

// An Ogg of any size needs Opus or Vorbis in its first link. A later link does
// not help, as players do not get there.
func TestProbeOfAnOggWithoutAudio(t *testing.T) {
	t.Parallel()
	for size, l := range sizes {
		data := bytes.ReplaceAll(all(t, l), []byte("OpusHead"), []byte("Speex   "))
		first := data[:bytes.Index(data[4:], []byte("OggS"))+4]
		copy(first, numbered(2, 0, l[0].serial, 0, []byte{19}, first[28:]))
		for name, data := range map[string][]byte{"Speex": data, "Speex, then Opus": append(bytes.Clone(data), all(t, links{{2, 20}})...)} {
			if got, err := probe(data); !errors.Is(err, audiofile.ErrUnknown) {
				t.Errorf("Probe(%s, %s) = %+v, %v, want %v", size, name, got, err, audiofile.ErrUnknown)
			}
		}
	}
}

// An Ogg with headers only is empty. One that ends in the first page after them
// is damaged.
func TestProbeOfOggHeaders(t *testing.T) {
	t.Parallel()
	data := all(t, sizes["small"])
	if got, err := probe(data[:linkPage]); err != nil || !got.Known || got.Duration != 0 {
		t.Errorf("Probe(headers) = %+v, %v, want 0 s", got, err)
	}
	if got, err := probe(data[:linkPage+100]); !errors.Is(err, audiofile.ErrDamaged) {
		t.Errorf("Probe(headers and half a page) = %+v, %v, want %v", got, err, audiofile.ErrDamaged)
	}
}
