package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"callrecordings/shared/csvtable"
	"callrecordings/shared/httpfield"
	"callrecordings/shared/recording"
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
}

// newCSVList returns an empty list that holds at most limit bytes of text.
func newCSVList(r *request, query parameters, limit int) *csvList {
	return &csvList{
		request: r, query: query, table: csvtable.New(limit),
		body: listBody{zip: r.acceptsGzip(), limited: true},
	}
}

// add implements listEncoder.
func (l *csvList) add(rec *recording.Recording) error {
	addObject(l.table, "", "", recording.Document(rec.AppendJSON(nil, false)))
	if !l.table.EndRow() {
		return errTooMuch
	}
	return nil
}

// addObject adds the members of an object as cells. Like Kazoo, it joins the
// names of nested members with "_". The key of a column is its path, with a NUL
// before each step, because two paths may have the same joined name.
func addObject(t *csvtable.Table, path, name string, members recording.Document) {
	for member, raw := range members.Fields() {
		p, n := path+"\x00"+member, member
		if name != "" {
			n = name + "_" + member
		}
		switch raw[0] {
		case '{':
			addObject(t, p, n, recording.Document(raw))
		case '"':
			t.Text(p, n, unquoted(raw))
		case '[':
			t.Text(p, n, joined(raw))
		case 'n':
			t.Literal(p, n, "") // null
		default:
			t.Literal(p, n, raw)
		}
	}
}

// joined returns the members of a JSON array, separated by ";". An array that
// holds arrays or objects stays as it is.
func joined(array string) string {
	var members []json.RawMessage
	if err := json.Unmarshal([]byte(array), &members); err != nil {
		return array
	}
	texts := make([]string, len(members))
	for i, m := range members {
		switch m[0] {
		case '{', '[':
			return array
		case '"':
			texts[i] = unquoted(string(m))
		default:
			texts[i] = string(m)
		}
	}
	return strings.Join(texts, ";")
}

// unquoted decodes a JSON string.
func unquoted(raw string) string {
	var text string
	if err := json.Unmarshal([]byte(raw), &text); err != nil {
		return raw
	}
	return text
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
