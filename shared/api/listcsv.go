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

	text       []byte // of the members around the document
	path, name []byte // of the current member
}

// newCSVList returns an empty list that holds at most limit bytes of text.
func newCSVList(r *request, query parameters, limit int) *csvList {
	l := &csvList{
		request: r, query: query, table: csvtable.New(limit),
		body: listBody{zip: r.acceptsGzip(), limited: true},
	}
	if names, _ := query.first("columns"); !isAbsent(names) {
		l.table.Only(strings.Split(names, ","))
	} else {
		l.table.Arrange(tableLayout())
	}
	return l
}

// startISO is the column with the document's start as a date that people and
// spreadsheets can read. It is the last one, so that the columns before it stay where
// clients expect them.
const startISO = "start_iso"

var startKey = []byte("\x00" + startISO)

// year10000 is the first of January 10000 in Gregorian seconds. RFC 3339 ends there.
const year10000 = 315_569_520_000

// tableLayout has a column for every field of the document, so that all pages of a list
// have the same. Members of objects have theirs at the place of the object, but only in
// pages that use them, because clients choose their names.
var tableLayout = sync.OnceValue(layoutOfTable)

func layoutOfTable() []csvtable.Place {
	column := func(path ...string) csvtable.Place {
		return csvtable.Place{Key: "\x00" + strings.Join(path, "\x00"), Name: strings.Join(path, "_")}
	}
	layout := []csvtable.Place{column("id")}
	for _, f := range recording.PublicFields() {
		if f.Object {
			layout = append(layout, csvtable.Place{Prefix: "\x00" + f.Name + "\x00"})
		} else {
			layout = append(layout, column(f.Name))
		}
	}
	return append(layout, csvtable.Place{}, // what documents of a Kazoo have in addition
		column("_read_only", "content_types"), column("_read_only", "state"), column("_read_only", "reason"), column(startISO))
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
			l.addObject(rec.Document)
		}
		first = false
	}
	if start, ok := rec.Document.Int("start"); ok && start > 0 && start < year10000 {
		l.table.Literal(startKey, []byte(startISO), recording.Seconds(start).Time().Format(time.RFC3339))
	}
	if !l.table.EndRow() {
		return errTooMuch
	}
	return nil
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
	switch raw[0] {
	case '{':
		l.addObject(recording.Document(raw))
	case '"':
		l.table.Text(l.path, l.name, recording.Unquote(raw))
	case '[':
		l.table.Text(l.path, l.name, joined(raw))
	case 'n':
		l.table.Literal(l.path, l.name, "") // null
	default:
		l.table.Literal(l.path, l.name, raw)
	}
	l.path, l.name = l.path[:path], l.name[:name]
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
		h.Set("Link", nextLink(l.request.URL, l.query, p.end))
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
	if name := l.request.Header.Get("X-File-Name"); !isAbsent(name) {
		return name
	}
	if name, _ := l.query.first("file_name"); !isAbsent(name) {
		return name
	}
	return ""
}

// release implements listEncoder.
func (l *csvList) release() { l.body.release() }

// nextLink returns the Link header of a page (RFC 8288): the URL of the request with
// another start_key. It omits a token in the query, because an answer must never
// contain a token.
func nextLink(u *url.URL, query parameters, start string) string {
	var b strings.Builder
	b.WriteByte('<')
	b.WriteString(u.EscapedPath())
	b.WriteByte('?')
	for _, p := range query {
		if p[0] == "start_key" || p[0] == "auth_token" {
			continue
		}
		b.WriteString(url.QueryEscape(p[0]))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(p[1]))
		b.WriteByte('&')
	}
	b.WriteString("start_key=")
	b.WriteString(start)
	b.WriteString(`>; rel="next"`)
	return b.String()
}
