package api

import (
	"math"
	"strconv"
	"strings"

	"callrecordings/shared/media"
)

// extent is how much of a representation a Range header asks for.
type extent int

const (
	extentWhole  extent = iota // no range, or none that is honoured
	extentPart                 // one part of it
	extentBeyond               // nothing of it: 416
)

// parseRange reads a Range header for a representation of size bytes (RFC
// 9110, 14.2). One range of bytes is honoured, its end cut to the size.
// Another unit, several ranges and what is malformed are ignored, as the RFC
// allows. The empty representation has no part: of it "-5" is the whole.
func parseRange(header string, size int64) (media.Part, extent) {
	unit, set, ok := strings.Cut(header, "=")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return media.Part{}, extentWhole
	}
	var spec string
	for element := range fieldsOf(set, ',') {
		if spec != "" {
			return media.Part{}, extentWhole
		}
		spec = element
	}
	first, last, ok := strings.Cut(spec, "-")
	if !ok {
		return media.Part{}, extentWhole
	}
	if first == "" {
		return suffixPart(last, size)
	}
	return intPart(first, last, size)
}

// intPart is "first-last" or, with last empty, "first-".
func intPart(first, last string, size int64) (media.Part, extent) {
	from, ok := parseOffset(first)
	if !ok {
		return media.Part{}, extentWhole
	}
	to := int64(math.MaxInt64)
	if last != "" {
		if to, ok = parseOffset(last); !ok || to < from {
			return media.Part{}, extentWhole
		}
	}
	if from >= size {
		return media.Part{}, extentBeyond
	}
	return media.Part{Offset: from, Length: min(to, size-1) - from + 1}, extentPart
}

// suffixPart is "-length": the last length bytes.
func suffixPart(length string, size int64) (media.Part, extent) {
	n, ok := parseOffset(length)
	switch {
	case !ok:
		return media.Part{}, extentWhole
	case n == 0:
		return media.Part{}, extentBeyond
	case size == 0:
		return media.Part{}, extentWhole
	}
	n = min(n, size)
	return media.Part{Offset: size - n, Length: n}, extentPart
}

// parseOffset reads digits; a number past 63 bits is as far as can be.
func parseOffset(digits string) (int64, bool) {
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return math.MaxInt64, true
	}
	return n, true
}

// contentRange is the Content-Range of a part.
func contentRange(p media.Part, size int64) string {
	return "bytes " + strconv.FormatInt(p.Offset, 10) + "-" + strconv.FormatInt(p.Offset+p.Length-1, 10) +
		"/" + strconv.FormatInt(size, 10)
}
