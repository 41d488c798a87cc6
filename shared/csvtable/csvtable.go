// Package csvtable collects rows whose columns are not known in advance, and writes the
// rows as CSV (RFC 4180) that is safe to open in a spreadsheet.
package csvtable

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Table is a table in memory. Its columns are those of its layout and of all rows.
// Columns that the layout does not place come in the order of their first appearance.
// Every line of the output has all columns.
type Table struct {
	limit   int
	columns map[string]int // index by key
	keys    []string       // the keys of columns, in order
	header  []string       // the escaped names, in order
	rows    [][]byte       // cells as column, length and text; see add
	size    int            // bytes of all names and cells
	layout  []Place
	only    bool // columns are found by their names
	closed  bool // rows add no columns

	row        []byte // cells of the current row
	oldColumns int    // number of columns before the current row
	oldSize    int    // size before the current row
}

// New returns an empty table. Its output, as a JSON string, takes at most limit
// bytes; JSON escapes quotes and line breaks with a second byte.
func New(limit int) *Table {
	return &Table{limit: limit, columns: map[string]int{}}
}

// Place is an element of a table's layout. With a Key it is a column. The output has this column
// even if no row does. With a Prefix it is the place of the columns with keys that begin with
// Prefix, in the order of their first appearance; "" is the place of all others.
type Place struct {
	Key, Name string
	Prefix    string
}

// Arrange sets the layout of an empty table. If it consists of columns alone, the table
// has exactly those, and cells of other columns are dropped.
func (t *Table) Arrange(layout []Place) {
	t.layout, t.closed = layout, len(layout) > 0
	for _, p := range layout {
		if p.Key != "" {
			t.column(p.Key, p.Name)
		} else {
			t.closed = false
		}
	}
	t.oldColumns, t.oldSize = len(t.keys), t.size
}

// Only gives an empty table exactly the columns with these names, in this order. Cells of
// other columns are dropped. Of several cells of a row with one name, the last counts.
func (t *Table) Only(names []string) {
	for _, name := range names {
		if _, ok := t.columns[name]; !ok {
			t.column(name, name)
		}
	}
	t.only, t.closed = true, true
	t.oldColumns, t.oldSize = len(t.keys), t.size
}

// column adds a column and returns its index.
func (t *Table) column(key, name string) int {
	column := len(t.keys)
	t.columns[key] = column
	t.keys = append(t.keys, key)
	name = Defuse(name)
	name = string(appendEscaped(nil, name, escapedLen(name)))
	t.header = append(t.header, name)
	t.size += len(name)
	return column
}

// order returns the columns in the order of the output.
func (t *Table) order() []int {
	places := make([][]int, len(t.layout)+1) // the columns of each rank
	for column, key := range t.keys {
		rank := t.rank(key)
		places[rank] = append(places[rank], column)
	}
	return slices.Concat(places...)
}

// rank returns the index in the layout of the place of a column.
func (t *Table) rank(key string) int {
	rest := len(t.layout)
	for i, p := range t.layout {
		switch {
		case p.Key == key, p.Prefix != "" && strings.HasPrefix(key, p.Prefix):
			return i
		case p.Key == "" && p.Prefix == "":
			rest = i
		}
	}
	return rest
}

// Text adds a cell to the current row, defused by [Defuse]. key identifies the
// column. name becomes the header of a new column, also defused. Both are copied, so
// that a caller can build them in the same memory for every cell. It returns false if
// the cell was dropped, because the table has a fixed set of columns without this one.
func (t *Table) Text(key, name []byte, text string) bool { return t.add(key, name, Defuse(text)) }

// Literal adds a cell, like [Table.Text], but without defusing it. Use it for
// numbers and other text that cannot be a formula.
func (t *Table) Literal(key, name []byte, text string) bool { return t.add(key, name, text) }

func (t *Table) add(key, name []byte, text string) bool {
	if t.only {
		key = name
	}
	column, ok := t.columns[string(key)]
	if !ok && t.closed {
		return false
	}
	if !ok {
		column = t.column(string(key), string(name))
	}
	length := escapedLen(text)
	t.size += length
	t.row = binary.AppendUvarint(t.row, uint64(column))
	t.row = binary.AppendUvarint(t.row, uint64(length))
	t.row = appendEscaped(t.row, text, length)
	return true
}

// EndRow completes the current row. If the table would exceed its limit, it
// drops the row and the columns that only that row has, and returns false. The
// first row always fits.
func (t *Table) EndRow() bool {
	// A byte of text takes at most two bytes when escaped. Each row adds commas and a line
	// break.
	rows := len(t.rows) + 1
	fits := rows == 1 || 2*t.size+rows*(len(t.keys)+4) <= t.limit
	if fits {
		t.rows = append(t.rows, append([]byte(nil), t.row...))
		t.oldColumns, t.oldSize = len(t.keys), t.size
	} else {
		for _, key := range t.keys[t.oldColumns:] {
			delete(t.columns, key)
		}
		t.keys, t.header, t.size = t.keys[:t.oldColumns], t.header[:t.oldColumns], t.oldSize
	}
	t.row = t.row[:0]
	return fits
}

// Lines passes the header and the rows to write, one line at a time, and returns
// its first error. A line is valid only during the call. A table without columns has
// no lines.
func (t *Table) Lines(write func(line []byte) error) error {
	if len(t.keys) == 0 {
		return nil
	}
	order := t.order()
	var line []byte
	for i, column := range order {
		if i > 0 {
			line = append(line, ',')
		}
		line = append(line, t.header[column]...)
	}
	if err := write(append(line, "\r\n"...)); err != nil {
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
		for i, column := range order {
			if i > 0 {
				line = append(line, ',')
			}
			line = append(line, cells[column]...)
		}
		if err := write(append(line, "\r\n"...)); err != nil {
			return err
		}
	}
	return nil
}
