package audiofile_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/audiofile"
)

// links is an Ogg Opus file of chained links, each with a serial number and a
// duration in seconds. It has a page of linkPage bytes for each second. In each
// link a page with the headers precedes them.
type links []struct {
	serial  uint32
	seconds int64
}

const linkPage = 4096

func (l links) size() (n int64) {
	for _, one := range l {
		n += (one.seconds + 1) * linkPage
	}
	return n
}

// duration returns the sum, less the time that precedes the first packet of
// each link: that packet has 10 ms and ends at 1 s.
func (l links) duration() (d time.Duration) {
	for _, one := range l {
		d += time.Duration(one.seconds-1)*time.Second + 10*time.Millisecond
	}
	return d
}

func (l links) ReadAt(p []byte, at int64) (int, error) {
	done := 0
	for done < len(p) && at < l.size() {
		n := copy(p[done:], l.block(at / linkPage)[at%linkPage:])
		done, at = done+n, at+int64(n)
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}

// block makes the n-th linkPage bytes of the file.
func (l links) block(n int64) []byte {
	i := 0
	for ; n > l[i].seconds; i++ {
		n -= l[i].seconds + 1
	}
	filled := func(position uint64, number uint32, size int) []byte {
		const segments = 16
		payload := make([]byte, size-27-segments)
		sizes := append(bytes.Repeat([]byte{255}, segments-1), byte(len(payload)-255*(segments-1)))
		return numbered(0, position, l[i].serial, number, sizes, payload)
	}
	if n > 0 {
		return filled(uint64(n)*48000, uint32(n+1), linkPage)
	}
	head := append([]byte("OpusHead\x01\x01"), make([]byte, 9)...)
	first := numbered(2, 0, l[i].serial, 0, []byte{byte(len(head))}, head)
	return append(first, filled(0, 1, linkPage-len(first))...)
}

// Few pages of a large Ogg are read. More are needed to find the boundaries of
// links.
func TestProbeReadsLittleOfLargeOggs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		links       links
		reads, most int64
	}{
		{"one", links{{1, 1_300_000}}, mostReads, mostBytes}, // 5 GB
		{"one hour", links{{1, 3600}}, mostReads, mostBytes},
		{"one, just above the limit", links{{1, 70}}, mostReads, mostBytes},
		{"long and short", links{{1, 1_300_000}, {2, 3}}, 30, 2 << 20},
		{"short and long", links{{1, 3}, {2, 1_300_000}}, 40, 3 << 20},
		{"three", links{{1, 1000}, {2, 1}, {9, 5000}}, 50, 3 << 20},
		{"the same link twice", links{{1, 1000}, {1, 1000}}, 50, 3 << 20},
		{"repeated serial number", links{{1, 1000}, {1, 700}, {2, 1500}, {1, 4000}}, 80, 5 << 20},
		{"many", links{{1, 100}, {2, 200}, {3, 300}, {4, 200}, {5, 100}, {6, 200}}, 80, 5 << 20},
	} {
		rec := &recorder{r: c.links, size: c.links.size()}
		got, err := audiofile.Probe(rec, rec.size)
		if err != nil || !got.Known || (got.Duration-c.links.duration()).Abs() > time.Millisecond {
			t.Errorf("Probe(%s) = %+v, %v, want %s", c.name, got, err, c.links.duration())
		}
		if int64(rec.reads) > c.reads || rec.bytes > c.most {
			t.Errorf("Probe(%s) took %v, want at most %d of %d", c.name, rec, c.reads, c.most)
		}
		t.Logf("%-24s %v", c.name, rec)
	}
}

// The duration is unknown if there are too many links, or if something else
// follows them.
func TestProbeOfUnsupportedOggs(t *testing.T) {
	t.Parallel()
	var many links
	for i := range uint32(500) {
		many = append(many, links{{i, 10}}...)
	}
	tail := links{{1, 1000}}
	for _, c := range []struct {
		name string
		r    io.ReaderAt
		size int64
	}{
		{"500 links", many, many.size()},
		{"zeros at the end", sparse{0: all(t, tail)}, huge},
	} {
		rec := &recorder{r: c.r, size: c.size}
		got, err := audiofile.Probe(rec, rec.size)
		if err != nil || got.Known || got.Duration != 0 || got.ContentType != "audio/ogg" {
			t.Errorf("Probe(%s) = %+v, %v, want audio/ogg of unknown duration", c.name, got, err)
		}
		if rec.reads > 128 || rec.bytes > 16<<20 {
			t.Errorf("Probe(%s) took %v", c.name, rec)
		}
	}
}

// A truncated page at the end does not count.
func TestProbeOfATruncatedOgg(t *testing.T) {
	t.Parallel()
	l := links{{1, 1000}}
	got, err := audiofile.Probe(l, l.size()-linkPage*100-7)
	if want := l.duration() - 101*time.Second; err != nil || !got.Known || got.Duration != want {
		t.Errorf("Probe(truncated) = %+v, %v, want %s", got, err, want)
	}
}

func all(t *testing.T, l links) []byte {
	t.Helper()
	b := make([]byte, l.size())
	if _, err := l.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

// The duration is the sum of the links, or unknown. It is known for up to three
// links with different serial numbers.
func TestProbeAddsUpLinks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var l links
		for i := range rapid.IntRange(1, 8).Draw(t, "links") {
			l = append(l, links{{uint32(i), rapid.Int64Range(1, 3000).Draw(t, "seconds")}}...)
		}
		got, err := audiofile.Probe(l, l.size())
		if err != nil || got.Known && got.Duration != l.duration() || !got.Known && len(l) < 4 {
			t.Fatalf("Probe(%v) = %+v, %v, want %s", l, got, err, l.duration())
		}
	})
}
