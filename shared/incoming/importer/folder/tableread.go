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

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/recording"
)

// readers maps the extensions of tables to their readers.
var readers = map[string]func(io.Reader, *builder) error{
	".csv":    readCSV,
	".json":   readArray,
	".jsonl":  readLines,
	".ndjson": readLines,
}

// Faults of a table.
var (
	errTableName = errors.New("want a name in .csv, .json, .jsonl or .ndjson")
	errColumn    = errors.New("there is no column file, filename or path; columns are separated by commas")
	errArray     = errors.New("want an array of objects")
	errTrailing  = errors.New("something follows the array")
	errNoName    = errors.New("it names no file")
	errRowSize   = fmt.Errorf("it has more than %d bytes", incoming.MaxSidecar)
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

// add adds a row with the metadata in call.
func (b *builder) add(r row, call recording.Call) error {
	name, id := fileOf(call), call["id"]
	i := len(b.rows)
	if name == "" {
		return rowError(r.number, errNoName)
	}
	if _, err := call.ID(); err != nil {
		return rowError(r.number, err)
	}
	if other, twice := b.names[name]; twice {
		return rowError(r.number, fmt.Errorf("it names the same file as row %d", b.rows[other].number))
	}
	if other, twice := b.ids[id]; twice && id != "" {
		return rowError(r.number, fmt.Errorf("it has the same ID as row %d", b.rows[other].number))
	}
	base := path.Base(name)
	b.rows = append(b.rows, r)
	b.names[name], b.ids[id] = i, i
	b.bases[base] = append(b.bases[base], i)
	return nil
}

// rowError adds the number of the row to an error.
func rowError(number int, err error) error { return fmt.Errorf("row %d: %w", number, err) }

// skipBOM skips the byte order mark that some programs write before UTF-8.
func skipBOM(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	if head, err := b.Peek(3); err == nil && string(head) == "\ufeff" {
		_, _ = b.Discard(len(head)) // they were peeked
	}
	return b
}

// readCSV reads CSV (RFC 4180).
func readCSV(r io.Reader, b *builder) error {
	c := csv.NewReader(skipBOM(r))
	for number := 1; ; number++ {
		values, err := c.Read()
		var syntax *csv.ParseError
		switch {
		case errors.Is(err, io.EOF) && number > 1:
			return nil
		case errors.Is(err, io.EOF):
			return errColumn
		case errors.As(err, &syntax):
			return rowError(number, syntax.Err)
		case err != nil:
			return err
		case size(values) > incoming.MaxSidecar:
			return rowError(number, errRowSize)
		}
		if number == 1 {
			if b.columns = values; fileOf(callOf(values, values)) == "" {
				return errColumn
			}
			continue
		}
		if err := b.add(row{number: number, values: values}, callOf(b.columns, values)); err != nil {
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
	d := json.NewDecoder(skipBOM(r))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return errArray
	}
	number := 1
	for ; d.More(); number++ {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return rowError(number, err)
		}
		if err := b.object(number, raw); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return rowError(number, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}

// readLines reads one object per line.
func readLines(r io.Reader, b *builder) error {
	lines := bufio.NewScanner(skipBOM(r))
	lines.Buffer(nil, incoming.MaxSidecar+len("\r\n"))
	number := 1
	for ; lines.Scan(); number++ {
		if raw := bytes.TrimSpace(lines.Bytes()); len(raw) > 0 {
			if err := b.object(number, slices.Clone(raw)); err != nil {
				return err
			}
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return rowError(number, errRowSize)
	}
	return lines.Err()
}

// object adds a row from a JSON object.
func (b *builder) object(number int, raw []byte) error {
	if len(raw) > incoming.MaxSidecar {
		return rowError(number, errRowSize)
	}
	call, err := recording.ParseCall(raw)
	if err != nil {
		return rowError(number, err)
	}
	return b.add(row{number: number, object: strings.TrimSpace(string(raw))}, call)
}
