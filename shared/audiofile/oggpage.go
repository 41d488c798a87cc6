package audiofile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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
// all of it.
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
	p.valid = binary.LittleEndian.Uint32(b[oggSum:]) == checksum(b[:end])
	return p, true
}

// oggSum is the offset of the checksum in a page header.
const oggSum = 22

// sums is the table of the checksum: a CRC with the polynomial 0x04c11db7 that
// is neither inverted nor reflected (RFC 3533, 6), which hash/crc32 lacks.
var sums = func() (table [256]uint32) {
	for i := range table {
		sum := uint32(i) << 24
		for range 8 {
			sum = sum<<1 ^ sum>>31*0x04c11db7
		}
		table[i] = sum
	}
	return table
}()

// checksum returns the checksum of a page, for which its own field counts as 0.
func checksum(page []byte) (sum uint32) {
	for i, c := range page {
		if i >= oggSum && i < oggSum+4 {
			c = 0
		}
		sum = sum<<8 ^ sums[byte(sum>>24)^c]
	}
	return sum
}

// pageAt is a page and its offset in the file.
type pageAt struct {
	page
	at int64
}

// maxFalse is the number of bytes of pages with a wrong checksum that are verified
// in one file. It is limited because each checksum takes time.
const maxFalse = 8 << 20

// errTooManyFalse means that a file has more than maxFalse bytes of false pages.
var errTooManyFalse = fmt.Errorf("%w: too many pages with a wrong checksum", ErrDamaged)

// pagesIn finds the complete pages in b, which begins at the offset at of the file.
// Error: errTooManyFalse.
func (s *source) pagesIn(b []byte, at int64) ([]pageAt, error) {
	var all []pageAt
	for {
		n := bytes.Index(b, []byte(oggMagic))
		if n < 0 {
			return all, nil
		}
		b, at = b[n:], at+int64(n)
		step := int64(len(oggMagic))
		p, ok := parsePage(b)
		switch {
		case ok && p.valid:
			all = append(all, pageAt{p, at})
			step = p.length
		case ok:
			if s.falsePages += p.length; s.falsePages > maxFalse {
				return nil, errTooManyFalse
			}
		}
		b, at = b[step:], at+step
	}
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
		if all, err := s.pagesIn(b, at); err != nil || len(all) > 0 {
			return all, err
		}
	}
	return nil, nil
}

// maxHole is the number of bytes without a page after which nextPage stops.
const maxHole = 256 << 10

// nextPage returns the page at the offset or, if that is damaged, the next
// intact one. Error: io.EOF if there is none within maxHole.
func nextPage(s *source, at int64) (pageAt, error) {
	p, err := onePage(s, at)
	if !errors.Is(err, io.EOF) {
		return p, err
	}
	for from := at; from < min(s.size, at+maxHole); from += oggPage {
		pages, err := pagesFrom(s, from)
		if err != nil {
			return pageAt{}, err
		}
		if len(pages) > 0 {
			return pages[0], nil
		}
	}
	return pageAt{}, io.EOF
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
