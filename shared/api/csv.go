package api

import (
	"encoding/binary"
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"

	"callrecordings/shared/recording"
)

const (
	// csvType has no parameter, as in Kazoo; the text is UTF-8 (RFC 7111).
	csvType = "text/csv"
	// tableBytes is the most text that an unpaged table may take, which is
	// held in memory: the header comes first and knows all columns. Ten to
	// one, which CSV reaches easily, it fits into one compressed answer.
	tableBytes = 48_000_000
	// csvName is what a file is called that has no better name.
	csvName = "recordings.csv"
)

// table collects recordings as rows of CSV (RFC 4180). Its columns are the
// paths that any of them has, in the order in which they turned up; every row
// is as long as the header.
type table struct {
	limit   int
	columns map[string]int // by path, its steps behind a NUL each
	paths   []string       // the keys of columns, in order
	header  []string       // the names as they are written
	rows    [][]byte       // cells as column, length and text; see add
	size    int            // bytes of all names and cells
	row     []byte         // the row in the making
}

// newTable makes an empty table that takes rows as long as all its text,
// escaped, stays within limit bytes.
func newTable(limit int) *table {
	return &table{limit: limit, columns: map[string]int{}}
}

// add takes rec into the table, unless the table would pass its limit; the
// first row goes in whatever its size.
func (t *table) add(rec *recording.Recording) bool {
	columns, size := len(t.paths), t.size
	t.row = t.row[:0]
	t.object("", "", recording.Document(rec.AppendJSON(nil, false)))
	// Quotes and line breaks take two bytes when escaped, and so on; commas
	// and line ends come to each row.
	if rows := len(t.rows) + 1; rows > 1 && 2*t.size+rows*(len(t.paths)+4) > t.limit {
		for _, p := range t.paths[columns:] {
			delete(t.columns, p)
		}
		t.paths, t.header, t.size = t.paths[:columns], t.header[:columns], size
		return false
	}
	t.rows = append(t.rows, append([]byte(nil), t.row...))
	return true
}

// object adds the members of an object as cells, nested ones under names that
// are joined by "_" (as Kazoo does).
func (t *table) object(path, name string, members recording.Document) {
	for key, raw := range members.Fields() {
		p, n := path+"\x00"+key, key
		if name != "" {
			n = name + "_" + key
		}
		if raw[0] == '{' {
			t.object(p, n, recording.Document(raw))
			continue
		}
		t.cell(p, n, cellText(raw))
	}
}

// cell adds one cell to the row in the making.
func (t *table) cell(path, name, text string) {
	column, ok := t.columns[path]
	if !ok {
		column = len(t.paths)
		t.columns[path] = column
		t.paths = append(t.paths, path)
		name = csvCell(defused(name))
		t.header = append(t.header, name)
		t.size += len(name)
	}
	text = csvCell(text)
	t.size += len(text)
	t.row = binary.AppendUvarint(t.row, uint64(column))
	t.row = binary.AppendUvarint(t.row, uint64(len(text)))
	t.row = append(t.row, text...)
}

// lines writes the table, a line at a time. An empty one has no lines.
func (t *table) lines(write func(line []byte) error) error {
	if len(t.rows) == 0 {
		return nil
	}
	line := []byte(strings.Join(t.header, ",") + "\r\n")
	if err := write(line); err != nil {
		return err
	}
	cells := make([][]byte, len(t.header))
	for _, row := range t.rows {
		clear(cells)
		for len(row) > 0 {
			column, n := binary.Uvarint(row)
			length, m := binary.Uvarint(row[n:])
			row = row[n+m:]
			cells[column], row = row[:length], row[length:]
		}
		line = line[:0]
		for i, cell := range cells {
			if i > 0 {
				line = append(line, ',')
			}
			line = append(line, cell...)
		}
		if err := write(append(line, "\r\n"...)); err != nil {
			return err
		}
	}
	return nil
}

// writeTable answers with t as a file.
func (r *request) writeTable(w http.ResponseWriter, t *table, query parameters) error {
	h := w.Header()
	h.Set("Content-Type", csvType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Disposition", disposition(false, r.csvFile(query)))
	body := &sink{zip: r.acceptsGzip()}
	defer body.release()
	var text []byte
	err := t.lines(func(line []byte) error {
		text = append(text, line...)
		if len(text) < flushBytes {
			return nil
		}
		err := body.write(text)
		text = text[:0]
		return err
	})
	if err != nil {
		return err
	}
	return body.send(w, text)
}

// csvFile is the name of the file: X-File-Name, else file_name, made safe and
// with the ending of what it is.
func (r *request) csvFile(query parameters) string {
	asked := r.Header.Get("X-File-Name")
	if isAbsent(asked) {
		asked, _ = query.first("file_name")
	}
	name := ""
	if !isAbsent(asked) {
		name = safeName(asked)
	}
	if name == "" {
		return csvName
	}
	if !strings.HasSuffix(strings.ToLower(name), ".csv") {
		name += ".csv"
	}
	if len(name) > maxFileName {
		name = cutUTF8(name, maxFileName-len(".csv")) + ".csv"
	}
	return name
}

// cellText is a JSON value as the text of a cell: a list of scalars is its
// members joined by ";", any other list its JSON, null nothing. Only strings
// can be formulas.
func cellText(raw string) string {
	switch raw[0] {
	case '"':
		return defused(stringOf(raw))
	case '[':
		return defused(listText(raw))
	case 'n':
		return ""
	}
	return raw
}

// listText joins the members of a list of scalars.
func listText(raw string) string {
	var members []json.RawMessage
	if err := json.Unmarshal([]byte(raw), &members); err != nil {
		return raw
	}
	texts := make([]string, len(members))
	for i, m := range members {
		switch m[0] {
		case '{', '[':
			return raw
		case '"':
			texts[i] = stringOf(string(m))
		default:
			texts[i] = string(m)
		}
	}
	return strings.Join(texts, ";")
}

// stringOf is the text of a JSON string.
func stringOf(raw string) string {
	var text string
	if err := json.Unmarshal([]byte(raw), &text); err != nil {
		return raw
	}
	return text
}

// defused keeps spreadsheets from running text as a formula: what begins like
// one gets a ' in front (OWASP, CSV injection). A number with a sign, such as
// a telephone number in E.164, computes nothing and stays as it is.
func defused(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if !strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) || first == utf8.RuneError {
		return text
	}
	if (first == '+' || first == '-') && isDecimal(text[size:]) {
		return text
	}
	return "'" + text
}

// isDecimal reports whether s is digits, with at most one point among them.
func isDecimal(s string) bool {
	whole, fraction, dotted := strings.Cut(s, ".")
	return isDigits(whole) && (!dotted || isDigits(fraction))
}

// csvCell quotes text where it has to be, and where a spreadsheet of another
// country would take a character of it for the end of the cell.
func csvCell(text string) string {
	if text == "" || !strings.ContainsAny(text, "\",;\t\r\n|") && text[0] != ' ' && text[len(text)-1] != ' ' {
		return text
	}
	return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
}
