package httpfield

import (
	"math"
	"strconv"
	"strings"
)

// ByteRange is a non-empty range of the bytes of a representation.
type ByteRange struct {
	Offset, Length int64
}

// Extent describes how much of a representation a Range field selects.
type Extent int

// The results of [ParseRange].
const (
	Whole         Extent = iota // answer 200: the range is absent or ignored
	Partial                     // answer 206 with one range
	Unsatisfiable               // answer 416: the range selects no bytes
)

// ParseRange parses a Range field for a representation of size bytes
// (RFC 9110, 14.2). It honors a single range of bytes and cuts its end to size.
// Other units, multiple ranges and malformed fields select the whole representation,
// as the RFC allows. So does "-5" for an empty representation, which has no ranges.
func ParseRange(header string, size int64) (ByteRange, Extent) {
	unit, set, ok := strings.Cut(header, "=")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return ByteRange{}, Whole
	}
	var spec string
	for element := range Elements(set, ',') {
		if spec != "" {
			return ByteRange{}, Whole
		}
		spec = element
	}
	first, last, ok := strings.Cut(spec, "-")
	if !ok {
		return ByteRange{}, Whole
	}
	if first == "" {
		return suffixRange(last, size)
	}
	return intRange(first, last, size)
}

// intRange resolves "first-last", or "first-" if last is empty.
func intRange(first, last string, size int64) (ByteRange, Extent) {
	from, ok := parseOffset(first)
	if !ok {
		return ByteRange{}, Whole
	}
	to := int64(math.MaxInt64)
	if last != "" {
		if to, ok = parseOffset(last); !ok || to < from {
			return ByteRange{}, Whole
		}
	}
	if from >= size {
		return ByteRange{}, Unsatisfiable
	}
	return ByteRange{Offset: from, Length: min(to, size-1) - from + 1}, Partial
}

// suffixRange resolves "-length", the last length bytes.
func suffixRange(length string, size int64) (ByteRange, Extent) {
	n, ok := parseOffset(length)
	switch {
	case !ok:
		return ByteRange{}, Whole
	case n == 0:
		return ByteRange{}, Unsatisfiable
	case size == 0:
		return ByteRange{}, Whole
	}
	n = min(n, size)
	return ByteRange{Offset: size - n, Length: n}, Partial
}

// parseOffset parses a string of digits. A number that needs more than 63 bits
// becomes the largest offset. ok is false if digits holds anything else.
func parseOffset(digits string) (offset int64, ok bool) {
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return math.MaxInt64, true
	}
	return n, true
}

// ContentRange returns the Content-Range of a 206 answer (RFC 9110, 14.4) for a
// representation of size bytes.
func (r ByteRange) ContentRange(size int64) string {
	return "bytes " + strconv.FormatInt(r.Offset, 10) + "-" + strconv.FormatInt(r.Offset+r.Length-1, 10) +
		"/" + strconv.FormatInt(size, 10)
}
