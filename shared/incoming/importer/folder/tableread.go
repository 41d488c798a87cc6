package folder

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"callrecordings/shared/recording"
)

// readers read a table, by the extension of its file.
var readers = map[string]func(io.Reader, *builder) error{
	".csv":    readCSV,
	".json":   readArray,
	".jsonl":  readLines,
	".ndjson": readLines,
}

// What is wrong with a table.
var (
	errTableName = errors.New("want a name in .csv, .json, .jsonl or .ndjson")
	errColumn    = errors.New("there is no column file, filename or path; commas part columns")
	errArray     = errors.New("want an array of objects")
	errBehind    = errors.New("something follows the array")
	errUnsaid    = errors.New("it names no file")
	errWide      = fmt.Errorf("it has more than %d bytes", maxBeside)
)

// builder adds rows to a table.
type builder struct {
	*Table
	ids map[string]int
}

func newBuilder(t *Table) *builder {
	t.names, t.bases = map[string]int{}, map[string][]int{}
	return &builder{t, map[string]int{}}
}

// add takes a row that tells call.
func (b *builder) add(r row, call recording.Call) error {
	name, id := fileOf(call), call["id"]
	i := len(b.rows)
	if name == "" {
		return wrong(r.number, errUnsaid)
	}
	if _, err := call.ID(); err != nil {
		return wrong(r.number, err)
	}
	if other, twice := b.names[name]; twice {
		return wrong(r.number, fmt.Errorf("it is of the same file as row %d", b.rows[other].number))
	}
	if other, twice := b.ids[id]; twice && id != "" {
		return wrong(r.number, fmt.Errorf("it has the same id as row %d", b.rows[other].number))
	}
	base := path.Base(name)
	b.rows = append(b.rows, r)
	b.names[name], b.ids[id] = i, i
	b.bases[base] = append(b.bases[base], i)
	return nil
}

// wrong says which row is wrong.
func wrong(number int, err error) error { return fmt.Errorf("row %d: %w", number, err) }

// unmarked is r without the mark that some programs write in front of UTF-8.
func unmarked(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	if head, err := b.Peek(3); err == nil && string(head) == "\ufeff" {
		_, _ = b.Discard(len(head)) // they are there
	}
	return b
}

// readCSV reads CSV as RFC 4180 has it.
func readCSV(r io.Reader, b *builder) error {
	c := csv.NewReader(unmarked(r))
	for number := 1; ; number++ {
		values, err := c.Read()
		var syntax *csv.ParseError
		switch {
		case errors.Is(err, io.EOF) && number > 1:
			return nil
		case errors.Is(err, io.EOF):
			return errColumn
		case errors.As(err, &syntax):
			return wrong(number, syntax.Err)
		case err != nil:
			return err
		case size(values) > maxBeside:
			return wrong(number, errWide)
		}
		if number == 1 {
			if b.columns = values; fileOf(ofColumns(values, values)) == "" {
				return errColumn
			}
			continue
		}
		if err := b.add(row{number: number, values: values}, ofColumns(b.columns, values)); err != nil {
			return err
		}
	}
}

func size(values []string) (n int) {
	for _, v := range values {
		n += len(v)
	}
	return n
}

// readArray reads a JSON array of objects.
func readArray(r io.Reader, b *builder) error {
	d := json.NewDecoder(unmarked(r))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return errArray
	}
	number := 1
	for ; d.More(); number++ {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return wrong(number, err)
		}
		if err := b.object(number, raw); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return wrong(number, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errBehind
	}
	return nil
}

// readLines reads an object a line.
func readLines(r io.Reader, b *builder) error {
	lines := bufio.NewScanner(unmarked(r))
	lines.Buffer(nil, maxBeside+len("\r\n"))
	number := 1
	for ; lines.Scan(); number++ {
		if raw := bytes.TrimSpace(lines.Bytes()); len(raw) > 0 {
			if err := b.object(number, slices.Clone(raw)); err != nil {
				return err
			}
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return wrong(number, errWide)
	}
	return lines.Err()
}

// object takes a row of JSON.
func (b *builder) object(number int, raw []byte) error {
	if len(raw) > maxBeside {
		return wrong(number, errWide)
	}
	call, err := recording.ParseCall(raw)
	if err != nil {
		return wrong(number, err)
	}
	return b.add(row{number: number, object: strings.TrimSpace(string(raw))}, call)
}
