package api

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/callrecordings/api/shared/recording"
)

// jsonList encodes a list as the JSON envelope. It appends documents to one
// buffer as they are stored, without encoding them again.
type jsonList struct {
	request *request
	body    listBody
	pretty  bool
	fields  recording.Choice
	count   int
	// limit is the maximum size of the items of a page, in bytes of escaped text. It is 0
	// for an unpaged list: its items go to body as they come.
	limit int

	pooled *[]byte
	buf    []byte // text that is not in body yet
	// The items in buf[:measured] take escaped bytes when escaped.
	escaped, measured int
}

// The start of the envelope, plain and indented, and the indentation of an item.
const (
	listOpening       = `{"data":[`
	listOpeningPretty = "{\n" + indent + `"data": [`
	itemPrefix        = indent + indent
)

// newJSONList starts the envelope. See jsonList for limit.
func newJSONList(r *request, limit int, fields recording.Choice) *jsonList {
	l := &jsonList{
		request: r, body: listBody{zip: r.acceptsGzip(), limited: limit == 0}, pretty: r.pretty(), fields: fields, limit: limit,
	}
	l.pooled = takeBuffer()
	opening := listOpening
	if l.pretty {
		opening = listOpeningPretty
	}
	l.buf = append((*l.pooled)[:0], opening...)
	l.measured = len(l.buf)
	return l
}

// add implements listEncoder.
func (l *jsonList) add(rec *recording.Recording) error {
	before := len(l.buf)
	if l.count > 0 {
		l.buf = append(l.buf, ',')
	}
	if l.pretty {
		l.buf = append(l.buf, '\n')
		l.buf = append(l.buf, itemPrefix...)
		l.buf = append(l.buf, indentedItem(rec, l.fields)...)
	} else {
		l.buf = rec.AppendChosen(l.buf, l.fields)
	}
	if l.count > 0 && l.limit > 0 && l.exceeds() {
		l.buf = l.buf[:before]
		return errTooMuch
	}
	l.count++
	if l.limit == 0 && len(l.buf) >= flushBytes {
		err := l.body.write(l.buf)
		l.buf = l.buf[:0]
		return err
	}
	return nil
}

// exceeds reports whether the items exceed the limit. The only control
// characters in JSON are line breaks, so a byte takes at most two when escaped.
// The exact length is counted only near the limit.
func (l *jsonList) exceeds() bool {
	if l.escaped+2*(len(l.buf)-l.measured) <= l.limit {
		return false
	}
	l.escaped += recording.EscapedLen(l.buf[l.measured:])
	l.measured = len(l.buf)
	return l.escaped > l.limit
}

// answer implements listEncoder.
func (l *jsonList) answer(w http.ResponseWriter, p paging) error {
	if l.pretty {
		if l.count > 0 {
			l.buf = append(l.buf, "\n"+indent...)
		}
		// Indent the rest after an empty list, then remove that list.
		rest := indented(l.request.appendClosing([]byte(listOpening+"]"), extras{paging: p}))
		l.buf = append(l.buf, rest[len(listOpeningPretty):]...)
	} else {
		l.buf = l.request.appendClosing(append(l.buf, ']'), extras{paging: p})
	}
	w.Header().Set("Content-Type", jsonType)
	return l.body.send(w, l.buf)
}

// release implements listEncoder.
func (l *jsonList) release() {
	l.body.release()
	*l.pooled = l.buf
	putBuffer(l.pooled)
}

// indentedItem returns the chosen fields of rec as an item of an indented list.
func indentedItem(rec *recording.Recording, fields recording.Choice) []byte {
	var out bytes.Buffer
	raw := rec.AppendChosen(nil, fields)
	if err := json.Indent(&out, raw, itemPrefix, indent); err != nil {
		return raw
	}
	return out.Bytes()
}
