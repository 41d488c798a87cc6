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

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
)

// Table holds the metadata of many files, one row per file. The zero value has no
// rows.
type Table struct {
	info    fs.FileInfo // of the table's own file
	columns []string    // of CSV
	rows    []row
	// names maps whole file names to rows, and bases maps base names to rows.
	names map[string]int
	bases map[string][]int
}

// row is the metadata of one file, unparsed to save memory, since there may be
// millions of rows.
type row struct {
	number int
	values []string // of a CSV row, one for each column
	object string   // of a JSON row
}

// ReadTable reads the metadata of files: CSV (.csv) whose first row names the
// columns, a JSON array of objects (.json), or one object per line (.jsonl,
// .ndjson). The column or member "file" (or "filename", "path") names the file by
// its path in the folder. A base name is enough if no other file and no other row
// has the same base name. The other columns are fields as recording.Call.Report
// accepts them; unknown columns are ignored. Errors name the faulty row, counted
// from 1, and the fault.
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
	defer f.Close() //nolint:errcheck // read-only
	if t.info, err = f.Stat(); err != nil {
		return t, err
	}
	b := newBuilder(&t)
	return t, read(f, b)
}

// Len returns the number of rows.
func (t *Table) Len() int { return len(t.rows) }

// isFile reports whether the table was read from the given file.
func (t *Table) isFile(info fs.FileInfo) bool { return t.info != nil && os.SameFile(t.info, info) }

// nameOf returns the name of a row in reports.
func (t *Table) nameOf(i int) string {
	return fmt.Sprintf("row %d of %s", t.rows[i].number, t.info.Name())
}

// call returns the metadata in a row.
func (t *Table) call(i int) recording.Call {
	r := t.rows[i]
	if r.object != "" {
		call, _ := recording.ParseCall([]byte(r.object)) // parsed once already
		return call
	}
	return callOf(t.columns, r.values)
}

func callOf(columns, values []string) recording.Call {
	call := recording.Call{}
	for i, column := range columns {
		call.Report(column, values[i])
	}
	return call
}

// fileColumns are the possible names of the column with the file's name.
var fileColumns = []string{"file", "filename", "path"}

// fileOf returns the name of the file that a row describes, or "" if the row names no
// file.
func fileOf(call recording.Call) string {
	for _, column := range fileColumns {
		if name := call[column]; name != "" {
			return path.Clean(filepath.ToSlash(name))
		}
	}
	return ""
}

// match assigns the rows of a table to the files of a folder.
type match struct {
	*Table
	// whole holds the rows that contain the whole name of a file. files counts the
	// files without such a row, by base name.
	whole map[int]bool
	files map[string]int
}

// match walks the folder to find the files that the table names. It skips folders
// that cannot be read; the next walk reports them. Error: importer.ErrStop.
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
			if f.kind == audioFile {
				m.addFile(f.name)
			}
		}
	}
	return m, nil
}

func (m *match) addFile(name string) {
	if i, own := m.names[name]; own {
		m.whole[i] = true
	} else if base := path.Base(name); len(m.bases[base]) > 0 {
		m.files[base]++
	}
}

// forFile returns the metadata of a file in the table, or nil. Error:
// errAmbiguous.
func (m *match) forFile(name string) (recording.Call, error) {
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

// unused returns the rows that match no file.
func (m *match) unused() (rows []int) {
	for i := range m.rows {
		if !m.whole[i] && m.files[path.Base(fileOf(m.call(i)))] == 0 {
			rows = append(rows, i)
		}
	}
	return rows
}
