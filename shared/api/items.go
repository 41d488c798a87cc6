package api

import (
	"bytes"
	"encoding/json"

	"callrecordings/shared/recording"
)

// items writes a list's envelope: the opening, one recording after another,
// the closing. It appends to one buffer and copies documents as they are
// stored; nothing is encoded anew.
type items struct {
	buf    []byte
	pretty bool
	count  int
	// limit is the most bytes of items, escaped; 0 for none.
	limit int
	// counted items, buf[:upTo], take used bytes when escaped.
	used, upTo int
}

// The openings of the envelope, and what stands before an item when indented.
const (
	itemsOpening       = `{"data":[`
	itemsOpeningPretty = "{\n" + indent + `"data": [`
	itemPrefix         = indent + indent
)

// newItems begins the envelope in buf, which is empty.
func newItems(buf []byte, pretty bool, limit int) *items {
	opening := itemsOpening
	if pretty {
		opening = itemsOpeningPretty
	}
	buf = append(buf, opening...)
	return &items{buf: buf, pretty: pretty, limit: limit, upTo: len(buf)}
}

// add appends rec, unless the items would pass the limit; the first goes in
// whatever its size.
func (l *items) add(rec *recording.Recording) bool {
	before := len(l.buf)
	if l.count > 0 {
		l.buf = append(l.buf, ',')
	}
	if l.pretty {
		l.buf = append(l.buf, '\n')
		l.buf = append(l.buf, itemPrefix...)
		l.buf = append(l.buf, indentedItem(rec)...)
	} else {
		l.buf = rec.AppendJSON(l.buf, false)
	}
	if l.count > 0 && l.limit > 0 && l.exceeds() {
		l.buf = l.buf[:before]
		return false
	}
	l.count++
	return true
}

// exceeds reports whether the items pass the limit. JSON holds no raw control
// characters but line breaks, so no byte of it takes more than two when
// escaped, and bytes are looked at one by one only near the limit.
func (l *items) exceeds() bool {
	if l.used+2*(len(l.buf)-l.upTo) <= l.limit {
		return false
	}
	l.used += recording.EscapedLen(l.buf[l.upTo:])
	l.upTo = len(l.buf)
	return l.used > l.limit
}

// close ends the envelope; p is nil for a list without paging keys.
func (l *items) close(r *request, p *paging) []byte {
	if !l.pretty {
		return r.appendClosing(append(l.buf, ']'), extras{paging: p})
	}
	if l.count > 0 {
		l.buf = append(l.buf, "\n"+indent...)
	}
	// The rest is indented behind an empty list, which is then left out.
	rest := indented(r.appendClosing([]byte(itemsOpening+"]"), extras{paging: p}))
	return append(l.buf, rest[len(itemsOpeningPretty):]...)
}

// indentedItem is rec as it stands in an indented list.
func indentedItem(rec *recording.Recording) []byte {
	var out bytes.Buffer
	raw := rec.AppendJSON(nil, false)
	if err := json.Indent(&out, raw, itemPrefix, indent); err != nil {
		return raw
	}
	return out.Bytes()
}
