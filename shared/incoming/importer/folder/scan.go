package folder

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"callrecordings/shared/incoming/importer"
	"callrecordings/shared/store"
)

// maxPage ends a page with the documents that reach so many bytes.
const maxPage = 4 << 20

// scan is one walk under way, or one after another.
type scan struct {
	Source
	yield func([]importer.Item, error) bool
	watch *watch // nil where the folder is not watched
	rows  *match

	page  []importer.Item
	bytes int
}

// run walks the tree once; false if nothing else is wanted.
func (sc *scan) run(ctx context.Context) bool {
	sc.watch.begin()
	var err error
	if sc.rows, err = sc.match(ctx); err != nil {
		return sc.fail(err)
	}
	for g, err := range sc.walk(ctx) {
		if err == nil && sc.watch.due(&g) {
			before := len(sc.page)
			err = sc.take(ctx, &g)
			sc.watch.follow(&g, sc.page[before:])
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

// fail tells of a part that could not be read, while watching once only; false
// if nothing else is wanted.
func (sc *scan) fail(err error) bool {
	if !sc.watch.news(err) {
		return true
	}
	return sc.flush() && sc.yield(nil, err) && !errors.Is(err, importer.ErrStop)
}

func (sc *scan) add(it importer.Item) {
	sc.page = append(sc.page, it)
	sc.bytes += len(it.Document)
}

func (sc *scan) full() bool { return len(sc.page) >= store.MaxFind || sc.bytes >= maxPage }

// flush yields what is gathered; false if nothing else is wanted.
func (sc *scan) flush() bool {
	all := sc.page
	sc.page, sc.bytes = nil, 0
	for page := range slices.Chunk(all, store.MaxFind) { // one group alone may have more
		if !sc.yield(page, nil) {
			return false
		}
	}
	return true
}

// refused is an item that cannot be taken.
func (s Source) refused(name string, why error) importer.Item {
	return importer.Item{Name: name, Account: s.Account, Fault: why}
}

// Why a file is not taken.
var (
	errNotAudio  = fmt.Errorf("%w: not audio by its name", importer.ErrRefused)
	errNoAudio   = fmt.Errorf("%w: metadata without audio beside it", importer.ErrRefused)
	errNoFile    = fmt.Errorf("%w: metadata of a file that is not there", importer.ErrRefused)
	errBadTable  = fmt.Errorf("%w: metadata are one JSON object of at most %d bytes", importer.ErrRefused, maxBeside)
	errTwice     = fmt.Errorf("%w: there are other metadata of that name", importer.ErrRefused)
	errSecond    = fmt.Errorf("%w: it would be the same recording as the file of the same name with another extension", importer.ErrRefused)
	errVouched   = fmt.Errorf("%w: the document beside it is of other audio", importer.ErrRefused)
	errAmbiguous = fmt.Errorf("%w: more than one row of the table, or more than one file, has that name", importer.ErrRefused)
	errBadID     = fmt.Errorf("%w: its id is none of a recording (want YYYYMM- and 1 to 128 of A-Z, a-z, 0-9, _ . @ -)", importer.ErrRefused)
)
