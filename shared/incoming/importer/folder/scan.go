package folder

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/store"
)

// maxPage is the size of documents that fills a page, in bytes.
const maxPage = 4 << 20

// scan is one walk of the folder or, with a watch, a series of walks.
type scan struct {
	Source
	yield func([]importer.Item, error) bool
	watch *watch // nil if the folder is not watched
	rows  *match

	page  []importer.Item
	bytes int
}

// run walks the folder once. It returns false if the caller wants no more pages.
func (sc *scan) run(ctx context.Context) bool {
	sc.watch.begin()
	var err error
	if sc.rows, err = sc.match(ctx); err != nil {
		return sc.fail(err)
	}
	for g, err := range sc.walk(ctx) {
		if err == nil && sc.watch.due(&g) {
			before := len(sc.page)
			err = sc.addGroup(ctx, &g)
			sc.watch.trackRetries(&g, sc.page[before:])
		}
		if err != nil && !sc.fail(err) || sc.full() && !sc.flush() {
			return false
		}
	}
	if ctx.Err() != nil {
		return false
	}
	sc.watch.end()
	if sc.watch == nil {
		for _, row := range sc.rows.unused() {
			sc.add(sc.refused(sc.Table.nameOf(row), errNoFile))
			if sc.full() && !sc.flush() {
				return false
			}
		}
	}
	return sc.flush()
}

// fail yields an error. If the folder is watched, it yields a lasting error only
// once. It returns false if the caller wants no more pages.
func (sc *scan) fail(err error) bool {
	if !sc.watch.isNew(err) {
		return true
	}
	return sc.flush() && sc.yield(nil, err) && !errors.Is(err, importer.ErrStop)
}

func (sc *scan) add(it importer.Item) {
	sc.page = append(sc.page, it)
	sc.bytes += len(it.Document)
}

func (sc *scan) full() bool { return len(sc.page) >= store.MaxFind || sc.bytes >= maxPage }

// flush yields the gathered items. It returns false if the caller wants no more
// pages.
func (sc *scan) flush() bool {
	all := sc.page
	sc.page, sc.bytes = nil, 0
	for page := range slices.Chunk(all, store.MaxFind) { // one group may exceed the limit
		if !sc.yield(page, nil) {
			return false
		}
	}
	return true
}

// refused returns an item that cannot be imported.
func (s Source) refused(name string, why error) importer.Item {
	return importer.Item{Name: name, Account: s.Account, Fault: why}
}

// Reasons why a file is not imported.
var (
	errIrregular     = fmt.Errorf("%w: not a regular file", importer.ErrRefused)
	errNotAudio      = fmt.Errorf("%w: its name is not that of an audio file", importer.ErrRefused)
	errNoAudio       = fmt.Errorf("%w: metadata without audio beside it", importer.ErrRefused)
	errNoFile        = fmt.Errorf("%w: metadata of a file that does not exist", importer.ErrRefused)
	errBadSidecar    = fmt.Errorf("%w: metadata must be one JSON object of at most %d bytes", importer.ErrRefused, incoming.MaxSidecar)
	errSecondSidecar = fmt.Errorf("%w: there is another metadata file with that name", importer.ErrRefused)
	errSameRecording = fmt.Errorf("%w: it would be the same recording as the file of the same name with another extension", importer.ErrRefused)
	errOtherAudio    = fmt.Errorf("%w: the document beside it belongs to other audio", importer.ErrRefused)
	errAmbiguous     = fmt.Errorf("%w: more than one row of the table, or more than one file, has that name", importer.ErrRefused)
	errBadStart      = fmt.Errorf("%w: its start is not a time (want 2026-01-31T09:30:00Z, 2026-01-31 09:30:00, or Unix or Gregorian seconds)", importer.ErrRefused)
	errBadID         = fmt.Errorf("%w: invalid recording ID (want YYYYMM- and 1 to 128 of A-Z, a-z, 0-9, _ . @ -)", importer.ErrRefused)
)
