package audiofile

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/pion/webrtc/v4/pkg/media/oggreader"
)

const (
	oggMagic = "OggS"
	// oggHeader is the length of a page header without its segment table. The
	// last byte is the length of that table (RFC 3533, 6).
	oggHeader = 27
	// oggPage is the maximum length of a page.
	oggPage = oggHeader + 255 + 255*255
)

// page is a page of an Ogg (RFC 3533, 6).
type page struct {
	serial, number uint32
	position       int64
	begins         bool // the first page of a stream
	sizes, payload []byte
	length         int64 // in bytes, including the header
	valid          bool  // the checksum is right
}

// parsePage parses the page at the beginning of b. ok is false unless b holds
// all of it. The library parses it again, to verify the checksum.
func parsePage(b []byte) (_ page, ok bool) {
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
	p.valid = err == nil
	return p, true
}

// pageAt is a page and its offset in the file.
type pageAt struct {
	page
	at int64
}

// maxFalse limits the places in a window that begin like a page but have a
// wrong checksum, as each checksum takes time.
const maxFalse = 16

// pagesIn finds the complete pages in b. The offset of b in the file is at.
func pagesIn(b []byte, at int64) []pageAt {
	var all []pageAt
	for wrong := 0; wrong < maxFalse; {
		n := bytes.Index(b, []byte(oggMagic))
		if n < 0 {
			break
		}
		b, at = b[n:], at+int64(n)
		step := int64(len(oggMagic))
		if p, ok := parsePage(b); ok && p.valid {
			all = append(all, pageAt{p, at})
			step = p.length
		} else {
			wrong++
		}
		b, at = b[step:], at+step
	}
	return all
}

// windows are tried in this order until a page is found. Most pages are small.
// The second window always contains a complete page.
var windows = [...]int64{32 << 10, 2 * oggPage}

// pagesFrom finds pages at the offset or shortly after it. The result is empty
// if there are none.
func pagesFrom(s *source, at int64) ([]pageAt, error) {
	for _, n := range windows {
		b, err := s.readUpTo(at, n)
		if err != nil {
			return nil, err
		}
		if all := pagesIn(b, at); len(all) > 0 {
			return all, nil
		}
	}
	return nil, nil
}

// onePage reads the page at the offset. Error: io.EOF if no complete page
// begins there.
func onePage(s *source, at int64) (pageAt, error) {
	b, err := s.readUpTo(at, oggHeader+255)
	if err != nil {
		return pageAt{}, err
	}
	if len(b) < oggHeader {
		return pageAt{}, io.EOF
	}
	n := int64(oggHeader) + int64(b[oggHeader-1])
	for _, size := range b[oggHeader:min(n, int64(len(b)))] {
		n += int64(size)
	}
	if b, err = s.readUpTo(at, n); err != nil {
		return pageAt{}, err
	}
	if p, ok := parsePage(b); ok && p.valid {
		return pageAt{p, at}, nil
	}
	return pageAt{}, io.EOF
}
