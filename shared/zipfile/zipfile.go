// Package zipfile writes a ZIP file in pieces that different processes can write, one
// after another. The writer of package archive/zip keeps the directory in memory until the
// end, so a process that is killed loses the file. Here the caller stores the [Record] of
// each entry, and writes the directory from the records at the end.
//
// Entries are stored without compression, because audio does not compress. The format is
// that of PKWARE's APPNOTE 6.3.9, with the ZIP64 extensions where they are needed: sizes
// and offsets of 4 GB and more, and more than 65,535 entries. Names are UTF-8.
package zipfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"time"
)

// Signatures and versions (APPNOTE 4.3 and 4.4.3.2).
const (
	localSignature      = 0x04034b50
	descriptorSignature = 0x08074b50
	recordSignature     = 0x02014b50
	end64Signature      = 0x06064b50
	locatorSignature    = 0x07064b50
	endSignature        = 0x06054b50

	version20, version45 = 20, 45
	// madeBy is Unix with version 4.5, so that the external attributes are a file mode.
	madeBy = 3<<8 | version45
	// flags: bit 3, a descriptor follows the bytes; bit 11, the name is UTF-8.
	flags = 1<<3 | 1<<11
	// fileMode is that of a regular file, -rw-r--r--.
	fileMode = 0o100644 << 16
	// extra64 is the ID of the ZIP64 extra field.
	extra64 = 1

	max16, max32 = math.MaxUint16, math.MaxUint32
	maxName      = 1000
)

// ErrSize means that an entry has another size than it was announced with.
var ErrSize = errors.New("zip: the entry has another size than announced")

// Record describes an entry that was written. The directory is made of records.
type Record struct {
	Name string `json:"n"`
	// Modified is in Unix seconds. The file has it in UTC, in steps of 2 seconds.
	Modified int64 `json:"m"`
	// CRC is the CRC-32 of the bytes.
	CRC uint32 `json:"c"`
	// Size is the number of bytes, and Offset where the entry begins in the file.
	Size   int64 `json:"s"`
	Offset int64 `json:"o"`
}

func (r *Record) large() bool { return r.Size >= max32 || r.Offset >= max32 }

// dos returns the time and the date in the format of MS-DOS. It has no years before 1980.
func (r *Record) dos() (clock, date uint16) {
	t := time.Unix(r.Modified, 0).UTC()
	if t.Year() < 1980 {
		t = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if t.Year() > 2107 {
		t = time.Date(2107, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	return uint16(t.Hour()<<11 | t.Minute()<<5 | t.Second()/2), uint16((t.Year()-1980)<<9 | int(t.Month())<<5 | t.Day())
}

// Write writes an entry with size bytes of body to w, at an offset of the file, and
// returns its record and the number of bytes that it takes. Errors: ErrSize, and those of
// w and body.
func Write(w io.Writer, name string, modified time.Time, offset, size int64, body io.Reader) (Record, int64, error) {
	r := Record{Name: name, Modified: modified.Unix(), Size: size, Offset: offset}
	if len(name) == 0 || len(name) > maxName || size < 0 || offset < 0 {
		return r, 0, fmt.Errorf("zip: invalid entry with a name of %d bytes, size %d and offset %d", len(name), size, offset)
	}
	clock, date := r.dos()
	needs := uint16(version20)
	if size >= max32 {
		needs = version45
	}
	head := record(nil, uint32(localSignature), needs, uint16(flags), uint16(0), clock, date,
		uint32(0), uint32(0), uint32(0), uint16(len(name)), uint16(0))
	head = append(head, name...)
	if _, err := w.Write(head); err != nil {
		return r, 0, err
	}
	sum := &summer{w: w, crc: crc32.NewIEEE()}
	switch n, err := io.Copy(sum, io.LimitReader(body, size)); {
	case err != nil:
		return r, 0, err
	case n < size:
		return r, 0, ErrSize
	}
	if n, _ := io.ReadFull(body, make([]byte, 1)); n > 0 {
		return r, 0, ErrSize
	}
	r.CRC = sum.crc.Sum32()
	tail := record(nil, uint32(descriptorSignature), r.CRC)
	if size >= max32 {
		tail = record(tail, uint64(size), uint64(size))
	} else {
		tail = record(tail, uint32(size), uint32(size))
	}
	if _, err := w.Write(tail); err != nil {
		return r, 0, err
	}
	return r, int64(len(head)) + size + int64(len(tail)), nil
}

// summer computes a checksum of the bytes that it passes on.
type summer struct {
	w   io.Writer
	crc hash.Hash32
}

// Write implements io.Writer.
func (s *summer) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	_, _ = s.crc.Write(p[:n]) // it never fails
	return n, err
}

// Directory writes the directory that ends a file.
type Directory struct {
	w       io.Writer
	start   int64
	size    int64
	entries int64
}

// NewDirectory returns a directory that begins at an offset of the file, after all
// entries.
func NewDirectory(w io.Writer, offset int64) *Directory { return &Directory{w: w, start: offset} }

// Add adds the record of an entry.
func (d *Directory) Add(r Record) error {
	clock, date := r.dos()
	needs := uint16(version20)
	size, offset := uint32(min(r.Size, max32)), uint32(min(r.Offset, max32))
	var extra []byte
	if r.large() {
		needs = version45
		size, offset = max32, max32
		extra = record(nil, uint16(extra64), uint16(24), uint64(r.Size), uint64(r.Size), uint64(r.Offset))
	}
	b := record(nil, uint32(recordSignature), uint16(madeBy), needs, uint16(flags), uint16(0), clock, date,
		r.CRC, size, size, uint16(len(r.Name)), uint16(len(extra)), uint16(0), uint16(0), uint16(0), uint32(fileMode), offset)
	b = append(append(b, r.Name...), extra...)
	if _, err := d.w.Write(b); err != nil {
		return err
	}
	d.entries++
	d.size += int64(len(b))
	return nil
}

// Close writes the end of the directory.
func (d *Directory) Close() error {
	var b []byte
	if d.entries >= max16 || d.size >= max32 || d.start >= max32 {
		b = record(b, uint32(end64Signature), uint64(44), uint16(madeBy), uint16(version45), uint32(0), uint32(0),
			uint64(d.entries), uint64(d.entries), uint64(d.size), uint64(d.start),
			uint32(locatorSignature), uint32(0), uint64(d.start+d.size), uint32(1))
	}
	n := uint16(min(d.entries, max16))
	b = record(b, uint32(endSignature), uint16(0), uint16(0), n, n, uint32(min(d.size, max32)), uint32(min(d.start, max32)), uint16(0))
	_, err := d.w.Write(b)
	return err
}

// record appends numbers in the byte order of the format.
func record(b []byte, numbers ...any) []byte {
	for _, n := range numbers {
		switch v := n.(type) {
		case uint16:
			b = binary.LittleEndian.AppendUint16(b, v)
		case uint32:
			b = binary.LittleEndian.AppendUint32(b, v)
		case uint64:
			b = binary.LittleEndian.AppendUint64(b, v)
		}
	}
	return b
}
