package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

const (
	// scrubChunk is how many pages Scrub reads, and then writes, at a time. Writers
	// wait for at most one chunk, which takes a few milliseconds and a sync of the disk.
	scrubChunk = 64
	// scrubRest is how long Scrub rests after a chunk, as a multiple of the time that
	// the chunk took. So a pass takes at most a fifth of a core.
	scrubRest = 4
	// maxScrubPages limits the size of the file, to 128 GB with pages of 4 KB. An
	// overflow page begins with a page number. In a larger file, the first byte of that
	// number can look like the type of a b-tree page.
	maxScrubPages = 1 << 25
)

var (
	// errTooLarge means that the file has maxScrubPages or more.
	errTooLarge = errors.New("the file is too large")
	// errAutoVacuum means that another program has turned on auto_vacuum. The file then
	// has pages with pointers, which can look like b-tree pages.
	errAutoVacuum = errors.New("the file has auto_vacuum turned on")
)

// The statements of a pass. pagesBetween reads the pages of a chunk; the others read
// and write one page. The virtual table is part of SQLite
// (https://www.sqlite.org/dbpage.html).
const (
	pagesBetween = "WITH RECURSIVE n (page) AS (VALUES (?1) UNION ALL SELECT page + 1 FROM n WHERE page < ?2)" +
		" SELECT page, data FROM n, sqlite_dbpage WHERE pgno = page"
	readPage  = "SELECT data FROM sqlite_dbpage WHERE pgno = ?"
	writePage = "UPDATE sqlite_dbpage SET data = ? WHERE pgno = ?"
)

// written identifies the writes to a file: of other processes, and of this one's
// connection. A value can repeat only after a new connection.
type written struct {
	others, own int64
}

// Pass is what one call of Scrub did.
type Pass struct {
	// Pages is the number of pages that it looked at, and Cleared of those that it
	// changed.
	Pages, Cleared int
}

// Scrub overwrites the copies of rows that SQLite leaves in its pages.
//
// With secure_delete, SQLite clears the place of a row that it deletes. But when it
// moves rows between pages of a table or an index, because some grew or because keys
// come in no order, copies stay behind in the unused space of the old pages. If such a
// row is deleted later, its copy remains. Scrub clears the unused space of all pages,
// in short transactions with rests between them. It does nothing if the file has not
// been written since a pass that found everything clear.
//
// A copy of a row that was deleted before the pass began is gone after it, except where
// a write swaps two neighboring pages during the pass; then the next one finds it. The
// caller then calls Flush, because the -wal file still has the pages as they were.
// Errors: ErrUnavailable, ErrDamaged.
func (s *Store) Scrub(ctx context.Context) (Pass, error) {
	s.scrubbing.Lock()
	defer s.scrubbing.Unlock()
	var p Pass
	begun, err := s.written(ctx)
	if err == nil && (s.scrubbed == nil || *s.scrubbed != begun) {
		err = s.scrub(ctx, &p)
	}
	if err != nil {
		return p, fail("clear the unused space of pages", "", "", err)
	}
	if p.Cleared == 0 {
		s.scrubbed = &begun
	}
	return p, nil
}

// scrub is one pass.
func (s *Store) scrub(ctx context.Context, p *Pass) error {
	var pages, autoVacuum int
	err := s.read.QueryRowContext(ctx, "SELECT page_count, auto_vacuum FROM pragma_page_count, pragma_auto_vacuum").Scan(&pages, &autoVacuum)
	switch {
	case err != nil:
		return err
	case pages >= maxScrubPages:
		return errTooLarge
	case autoVacuum != 0:
		return errAutoVacuum
	}
	for first := 2; first <= pages; first += scrubChunk { // page 1 has the schema
		start := time.Now() //nolint:forbidigo // how long the chunk takes
		last := min(first+scrubChunk-1, pages)
		cleared, err := s.scrubPages(ctx, first, last)
		p.Pages, p.Cleared = last, p.Cleared+cleared
		if err == nil {
			err = rest(ctx, scrubRest*time.Since(start))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// written returns the writes so far.
func (s *Store) written(ctx context.Context) (w written, err error) {
	err = s.write.QueryRowContext(ctx, "SELECT data_version, total_changes() FROM pragma_data_version").Scan(&w.others, &w.own)
	return w, err
}

// rest waits for d. It returns the error of ctx if that ends earlier.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// scrubPages clears the unused space of the pages from first to last, and returns how
// many it changed. It looks for them without holding up writers. A page that another
// write changes in between is read again.
func (s *Store) scrubPages(ctx context.Context, first, last int) (cleared int, err error) {
	unclear, err := s.unclearPages(ctx, first, last)
	if err != nil || len(unclear) == 0 {
		return 0, err
	}
	err = s.change(ctx, func(tx *sql.Tx) error {
		cleared = 0
		for _, page := range unclear {
			var data []byte
			err := tx.QueryRowContext(ctx, readPage, page).Scan(&data)
			if errors.Is(err, sql.ErrNoRows) {
				continue // the file has become shorter
			}
			if err != nil {
				return fmt.Errorf("read page %d: %w", page, err)
			}
			if !clearGap(data) {
				continue
			}
			if _, err := tx.ExecContext(ctx, writePage, data, page); err != nil {
				return fmt.Errorf("write page %d: %w", page, err)
			}
			cleared++
		}
		return nil
	})
	return cleared, err
}

// unclearPages returns the pages from first to last that have something in their
// unused space.
func (s *Store) unclearPages(ctx context.Context, first, last int) ([]int, error) {
	rows, err := s.query(ctx, pagesBetween, first, last)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	var unclear []int
	for rows.Next() {
		var page int
		var data sql.RawBytes
		if err := rows.Scan(&page, &data); err != nil {
			return nil, err
		}
		if from, to := gap(data); !isZero(data[from:to]) {
			unclear = append(unclear, page)
		}
	}
	return unclear, rows.Err()
}

// clearGap zeroes the unused space of a page, and reports whether that changed it.
func clearGap(page []byte) bool {
	from, to := gap(page)
	if isZero(page[from:to]) {
		return false
	}
	clear(page[from:to])
	return true
}

// gap returns the unused space of a b-tree page, between the array of cell pointers and
// the content of the cells (https://www.sqlite.org/fileformat2.html#b_tree_pages).
// It returns an empty range for other pages, and for one that is damaged. page is not
// page 1, which begins with the header of the file.
func gap(page []byte) (from, to int) {
	const leafHeader, interiorHeader = 8, 12
	if len(page) < interiorHeader {
		return 0, 0
	}
	switch page[0] {
	case 2, 5: // the interior of an index, of a table
		from = interiorHeader
	case 10, 13: // a leaf of an index, of a table
		from = leafHeader
	default:
		return 0, 0
	}
	from += 2 * int(binary.BigEndian.Uint16(page[3:]))
	to = int(binary.BigEndian.Uint16(page[5:]))
	if to == 0 {
		to = 1 << 16
	}
	if from > to || to > len(page) {
		return 0, 0
	}
	return from, to
}

// isZero reports whether all bytes are zero.
func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
