package api

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/csvtable"
	"github.com/callrecordings/api/shared/httpfield"
	"github.com/callrecordings/api/shared/recording"
)

const (
	// csvType has no parameter, as in Kazoo; the text is UTF-8 (RFC 7111).
	csvType = "text/csv"
	// tableBytes is the most text that an unpaged list may have as CSV. The
	// header comes first and needs the columns of every row, so the table is held
	// in memory. Compressed to a tenth, as is usual for CSV, it fits one answer.
	tableBytes = 48_000_000
)

// csvList encodes a list as a CSV file.
type csvList struct {
	request *request
	query   parameters
	body    listBody
	table   *csvtable.Table

	// members gives each member of an object a cell of its own, as Kazoo does. objects
	// gives each object one cell, with JSON, and one to all fields without a column.
	members, objects bool

	text       []byte // of the members around the document
	path, name []byte // of the current member
	other      []byte // the fields without a column, as members of a JSON object
}

// newCSVList returns an empty list that holds at most limit bytes of text. A page has
// the same columns as every other page. A list without pages is complete, so it can have
// the columns that its recordings need. With the parameter columns, the client chooses
// from both kinds.
func newCSVList(r *request, query parameters, unpaged bool, limit int) *csvList {
	l := &csvList{
		request: r, query: query, table: csvtable.New(limit),
		body: listBody{zip: r.acceptsGzip(), limited: true},
	}
	names, _ := query.first("columns")
	if recording.IsAbsent(names) {
		names, _ = query.first("fields")
	}
	if !recording.IsAbsent(names) {
		l.members, l.objects = true, true
		l.table.Only(strings.Split(names, ","))
	} else {
		l.members, l.objects = unpaged, !unpaged
		l.table.Arrange(layoutOf(unpaged))
	}
	return l
}

// startISO is the column with the document's start as a date that people and
// spreadsheets can read. It is the last one, so that the columns before it stay where
// clients expect them.
const startISO = "start_iso"

// startKey and otherKey are the keys of columns that documents have no values for. Those
// of their fields begin with a NUL.
var startKey, otherKey = []byte(startISO), []byte(otherFields)

// otherFields is the column of a page with the fields that documents of a Kazoo have in
// addition to the public ones, as a JSON object.
const otherFields = "other_fields"

// year10000 is the first of January 10000 in Gregorian seconds. RFC 3339 ends there.
const year10000 = 315_569_520_000

// pageLayout and unpagedLayout begin and end with the same columns. They differ in the
// objects and in the fields that are not public.
var (
	pageLayout    = sync.OnceValue(func() []csvtable.Place { return makeLayout(false) })
	unpagedLayout = sync.OnceValue(func() []csvtable.Place { return makeLayout(true) })
)

func layoutOf(unpaged bool) []csvtable.Place {
	if unpaged {
		return unpagedLayout()
	}
	return pageLayout()
}

// makeLayout returns a layout with a column for every public field. For members, it has
// places where the columns of an object's members and of other fields go. Otherwise it
// has a column for each object and one for all other fields.
func makeLayout(members bool) []csvtable.Place {
	layout := []csvtable.Place{columnOf("id")}
	for _, f := range recording.PublicFields() {
		if f.Object && members {
			layout = append(layout, csvtable.Place{Prefix: "\x00" + f.Name + "\x00"})
		} else {
			layout = append(layout, columnOf(f.Name))
		}
	}
	if members {
		layout = append(layout, csvtable.Place{})
	} else {
		layout = append(layout, csvtable.Place{Key: otherFields, Name: otherFields})
	}
	return append(layout, columnOf("_read_only", "content_types"), columnOf("_read_only", "state"), columnOf("_read_only", "reason"),
		csvtable.Place{Key: startISO, Name: startISO})
}

// columnOf returns the place of the column of a member.
func columnOf(path ...string) csvtable.Place {
	return csvtable.Place{Key: "\x00" + strings.Join(path, "\x00"), Name: strings.Join(path, "_")}
}

// add implements listEncoder. The cells are those of AppendJSON, but the stored document
// passes to the table without becoming part of another text first.
func (l *csvList) add(rec *recording.Recording) error {
	around := *rec
	around.Document = "" // AppendJSON adds members before and after the document
	l.text = around.AppendJSON(l.text[:0], false)
	first := true
	for member, raw := range recording.Document(l.text).Fields() {
		l.addMember(member, raw)
		if first {
			l.addDocument(rec.Document)
		}
		first = false
	}
	if start, ok := rec.Document.Int("start"); ok && start > 0 && start < year10000 {
		l.table.Literal(startKey, startKey, recording.Seconds(start).Time().Format(time.RFC3339))
	}
	if !l.table.EndRow() {
		return errTooMuch
	}
	return nil
}

// addDocument adds the fields of a document as cells.
func (l *csvList) addDocument(doc recording.Document) {
	l.other = l.other[:0]
	for field, raw := range doc.Fields() {
		switch {
		case !l.objects:
			l.addMember(field, raw)
		case !l.members:
			if !l.addWhole(field, raw) {
				l.addOther(field, raw)
			}
		default: // all names that a client may know
			l.addMember(field, raw)
			if raw[0] == '{' {
				l.addWhole(field, raw)
			}
			if !recording.IsPublicField(field) {
				l.addOther(field, raw)
			}
		}
	}
	if len(l.other) > 0 {
		l.table.Literal(otherKey, otherKey, string(append(l.other, '}')))
	}
}

// addWhole adds a field as one cell. It returns false if the table has no column for it.
func (l *csvList) addWhole(field, raw string) bool {
	l.path, l.name = append(append(l.path[:0], 0), field...), append(l.name[:0], field...)
	added := l.addValue(raw)
	l.path, l.name = l.path[:0], l.name[:0]
	return added
}

// addOther adds a field to those without a column.
func (l *csvList) addOther(field, raw string) {
	if len(l.other) == 0 {
		l.other = append(l.other, '{')
	} else {
		l.other = append(l.other, ',')
	}
	l.other = append(append(append(l.other, recording.Quote(field)...), ':'), raw...)
}

// addObject adds the members of an object as cells.
func (l *csvList) addObject(members recording.Document) {
	for member, raw := range members.Fields() {
		l.addMember(member, raw)
	}
}

// addMember adds a member of the object at l.path as cells. Like Kazoo, it joins the
// names of nested members with "_". The key of a column is its path, with a NUL
// before each step, because two paths may have the same joined name.
func (l *csvList) addMember(member, raw string) {
	path, name := len(l.path), len(l.name)
	l.path = append(append(l.path, 0), member...)
	if name > 0 {
		l.name = append(l.name, '_')
	}
	l.name = append(l.name, member...)
	if raw[0] == '{' {
		l.addObject(recording.Document(raw))
	} else {
		l.addValue(raw)
	}
	l.path, l.name = l.path[:path], l.name[:name]
}

// addValue adds a value as the cell at l.path. It returns false if the table has no
// column for it.
func (l *csvList) addValue(raw string) bool {
	switch raw[0] {
	case '"':
		return l.table.Text(l.path, l.name, recording.Unquote(raw))
	case '[':
		return l.table.Text(l.path, l.name, joined(raw))
	case 'n':
		return l.table.Literal(l.path, l.name, "") // null
	default:
		return l.table.Literal(l.path, l.name, raw)
	}
}

// joined returns the members of a JSON array, separated by ";". An array that
// holds arrays or objects stays as it is.
func joined(array string) string {
	var one [1]string // most arrays have a single member
	texts := one[:0]
	for raw := range recording.Elements(array) {
		if raw[0] == '{' || raw[0] == '[' {
			return array
		}
		texts = append(texts, recording.Unquote(raw))
	}
	return strings.Join(texts, ";")
}

// answer implements listEncoder.
func (l *csvList) answer(w http.ResponseWriter, p paging) error {
	h := w.Header()
	if p.end != "" {
		h.Set("Link", nextLink(l.request.URL, l.query, "start_key", p.end))
	}
	h.Set("Content-Type", csvType)
	h.Set("Content-Disposition", httpfield.ContentDisposition(false, csvFileName(l.wantedName())))
	buf := takeBuffer()
	defer putBuffer(buf)
	*buf = (*buf)[:0]
	if bom, _ := l.query.first("bom"); bom == "true" {
		*buf = append(*buf, "\ufeff"...) // Excel takes a table without it for another encoding than UTF-8
	}
	err := l.table.Lines(func(line []byte) error {
		*buf = append(*buf, line...)
		if len(*buf) < flushBytes {
			return nil
		}
		err := l.body.write(*buf)
		*buf = (*buf)[:0]
		return err
	})
	if err != nil {
		return err
	}
	return l.body.send(w, *buf)
}

// wantedName returns the file name that the client asks for: X-File-Name, else
// file_name, else "".
func (l *csvList) wantedName() string {
	if name := l.request.Header.Get("X-File-Name"); !recording.IsAbsent(name) {
		return name
	}
	if name, _ := l.query.first("file_name"); !recording.IsAbsent(name) {
		return name
	}
	return ""
}

// release implements listEncoder.
func (l *csvList) release() { l.body.release() }

// nextLink returns the Link header of a page (RFC 8288): the URL of the request with
// another value of the parameter that has the cursor. It omits a token in the query, because an answer must never
// contain a token.
func nextLink(u *url.URL, query parameters, parameter, start string) string {
	var b strings.Builder
	b.WriteByte('<')
	b.WriteString(u.EscapedPath())
	b.WriteByte('?')
	for _, p := range query {
		if p[0] == parameter || p[0] == "auth_token" {
			continue
		}
		b.WriteString(url.QueryEscape(p[0]))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(p[1]))
		b.WriteByte('&')
	}
	b.WriteString(parameter)
	b.WriteByte('=')
	b.WriteString(start)
	b.WriteString(`>; rel="next"`)
	return b.String()
}
