package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"callrecordings/shared/incoming/importer"
	"callrecordings/shared/recording"
)

// Table is metadata of many files, a row each. The zero value has none.
type Table struct {
	info    fs.FileInfo // of the file that it was read from
	columns []string    // of a CSV
	rows    []row
	// names and bases are the rows by the names that they give, and by what these
	// have behind their last slash.
	names map[string]int
	bases map[string][]int
}

// row is metadata of one file, kept as it was written: there may be millions.
type row struct {
	number int
	values []string // of a CSV, as many as columns
	object string   // of JSON, else
}

// ReadTable reads metadata of files: CSV (.csv) whose first row names its
// columns, a JSON array of objects (.json), or an object a line (.jsonl,
// .ndjson). The column, or member, file (or filename, path) says which file, by
// its name below the folder; by its base name, if no other file and no other row
// has that. All others are what recording.Call.Set takes; what it does not know
// is not looked at. Errors say what is wrong with which row, the first being 1.
func ReadTable(name string) (Table, error) {
	t, err := readTable(name)
	if err != nil {
		return Table{}, fmt.Errorf("read the table %s: %w", name, cause(err))
	}
	return t, nil
}

func readTable(name string) (t Table, err error) {
	read := readers[strings.ToLower(filepath.Ext(name))]
	if read == nil {
		return t, errTableName
	}
	f, err := os.Open(name)
	if err != nil {
		return t, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	if t.info, err = f.Stat(); err != nil {
		return t, err
	}
	b := newBuilder(&t)
	return t, read(f, b)
}

// Len is how many rows there are.
func (t *Table) Len() int { return len(t.rows) }

// is reports whether a file is the one that the table was read from.
func (t *Table) is(info fs.FileInfo) bool { return t.info != nil && os.SameFile(t.info, info) }

// nameOf is what reports call a row.
func (t *Table) nameOf(i int) string {
	return fmt.Sprintf("row %d of %s", t.rows[i].number, t.info.Name())
}

// call is what a row tells.
func (t *Table) call(i int) recording.Call {
	r := t.rows[i]
	if r.object != "" {
		call, _ := recording.ParseCall([]byte(r.object)) // it was read before
		return call
	}
	return ofColumns(t.columns, r.values)
}

func ofColumns(columns, values []string) recording.Call {
	call := recording.Call{}
	for i, column := range columns {
		call.Set(column, values[i])
	}
	return call
}

// fileColumns are the names that the column of files goes by.
var fileColumns = []string{"file", "filename", "path"}

// fileOf is the file that a row is of, "" for none.
func fileOf(call recording.Call) string {
	for _, column := range fileColumns {
		if name := call[column]; name != "" {
			return path.Clean(filepath.ToSlash(name))
		}
	}
	return ""
}

// match says which rows of a table are of which files of a folder.
type match struct {
	*Table
	// whole are the rows that give the whole name of a file; files is how many
	// files without a row of their own have a base name of the table.
	whole map[int]bool
	files map[string]int
}

// match walks the folder for the files that a table names. Error:
// importer.ErrStop. What cannot be read is for the next walk to tell.
func (s Source) match(ctx context.Context) (*match, error) {
	m := &match{Table: &s.Table}
	if len(s.Table.rows) == 0 {
		return m, nil
	}
	m.whole, m.files = map[int]bool{}, map[string]int{}
	for g, err := range s.walk(ctx) {
		if errors.Is(err, importer.ErrStop) {
			return nil, err
		}
		for _, f := range g.files {
			if f.kind == sound {
				m.saw(f.name)
			}
		}
	}
	return m, nil
}

func (m *match) saw(name string) {
	if i, own := m.names[name]; own {
		m.whole[i] = true
	} else if base := path.Base(name); len(m.bases[base]) > 0 {
		m.files[base]++
	}
}

// of is what the table tells of a file; nothing if it has no row of it. Error:
// errAmbiguous.
func (m *match) of(name string) (recording.Call, error) {
	if i, own := m.names[name]; own {
		return m.call(i), nil
	}
	rows := m.bases[path.Base(name)]
	free := slices.IndexFunc(rows, func(i int) bool { return !m.whole[i] })
	switch {
	case free < 0:
		return nil, nil
	case len(rows) > 1, m.files[path.Base(name)] > 1:
		return nil, errAmbiguous
	}
	return m.call(rows[free]), nil
}

// unused are the rows that are of no file.
func (m *match) unused() (rows []int) {
	for i := range m.rows {
		if !m.whole[i] && m.files[path.Base(fileOf(m.call(i)))] == 0 {
			rows = append(rows, i)
		}
	}
	return rows
}
