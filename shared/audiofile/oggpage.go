package audiofile

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/pion/webrtc/v4/pkg/media/oggreader"
)

const (
	oggMagic = "OggS"
	// oggHeader is the length of a page's header without its segment table,
	// whose length is the last byte (RFC 3533, 6).
	oggHeader = 27
	// oggPage is the most that a page can have.
	oggPage = oggHeader + 255 + 255*255
)

// page is a page of an Ogg (RFC 3533, 6).
type page struct {
	serial, number uint32
	position       int64
	begins         bool // a stream
	sizes, payload []byte
	length         int64 // of all of it
	sound          bool  // its checksum is right
}

// parsePage reads the page that b begins with, and reports whether all of it
// is there. The library reads it again, for the checksum.
func parsePage(b []byte) (page, bool) {
	if len(b) < oggHeader || !bytes.HasPrefix(b, []byte(oggMagic)) {
		return page{}, false
	}
	head := oggHeader + int(b[oggHeader-1])
	if len(b) < head {
		return page{}, false
	}
	p := page{
		begins:   b[5]&2 != 0,
		position: int64(binary.LittleEndian.Uint64(b[6:])),
		serial:   binary.LittleEndian.Uint32(b[14:]),
		number:   binary.LittleEndian.Uint32(b[18:]),
		sizes:    b[oggHeader:head],
	}
	end := head
	for _, n := range p.sizes {
		end += int(n)
	}
	if len(b) < end {
		return page{}, false
	}
	p.length, p.payload = int64(end), b[head:end]
	pages, err := oggreader.NewWithOptions(bytes.NewReader(b[:end]))
	if err == nil {
		_, _, err = pages.ParseNextPage()
	}
	p.sound = err == nil
	return p, true
}

// placed is a page and where it begins in the file.
type placed struct {
	page
	at int64
}

// maxFalse is how many places that look like a page and are none are tried in
// a window: the checksum of each takes a while.
const maxFalse = 16

// pagesIn finds the whole pages that begin in b, which lies at the place.
func pagesIn(b []byte, at int64) []placed {
	var all []placed
	for wrong := 0; wrong < maxFalse; {
		n := bytes.Index(b, []byte(oggMagic))
		if n < 0 {
			break
		}
		b, at = b[n:], at+int64(n)
		step := int64(len(oggMagic))
		if p, ok := parsePage(b); ok && p.sound {
			all = append(all, placed{p, at})
			step = p.length
		} else {
			wrong++
		}
		b, at = b[step:], at+step
	}
	return all
}

// windows are tried one after another until a page is found. Pages are mostly
// small; the second window has a whole page wherever it begins.
var windows = [...]int64{32 << 10, 2 * oggPage}

// pagesFrom finds pages that begin at the place or soon behind it; none, if
// there are none.
func pagesFrom(s *source, at int64) ([]placed, error) {
	for _, n := range windows {
		b, err := s.some(at, n)
		if err != nil {
			return nil, err
		}
		if all := pagesIn(b, at); len(all) > 0 {
			return all, nil
		}
	}
	return nil, nil
}

// onePage reads the page that begins at the place. io.EOF means that no whole
// page does.
func onePage(s *source, at int64) (placed, error) {
	b, err := s.some(at, oggHeader+255)
	if err != nil {
		return placed{}, err
	}
	if len(b) < oggHeader {
		return placed{}, io.EOF
	}
	n := int64(oggHeader) + int64(b[oggHeader-1])
	for _, size := range b[oggHeader:min(n, int64(len(b)))] {
		n += int64(size)
	}
	if b, err = s.some(at, n); err != nil {
		return placed{}, err
	}
	if p, ok := parsePage(b); ok && p.sound {
		return placed{p, at}, nil
	}
	return placed{}, io.EOF
}
