package store

import (
	"context"
	"math"
	"time"

	"github.com/callrecordings/api/shared/recording"
)

// Reserve is how long before the context's deadline a driver stops reading and
// ends the page early (contract, List: the clock ends a page only in an
// emergency).
const Reserve = 2 * time.Second

// The first read of a filtered list asks for at least minRows rows. Each further read
// asks for as many as the page should need, by the share that Keep has accepted so far,
// up to four times as many as the read before. While Keep has accepted none, it asks for
// twice as many each time. The recordings that a filter keeps may lie far apart, so from
// the fourth read on each read asks for many rows, even if the share is high. No read asks
// for more than maxRows.
const (
	minRows = 64
	maxRows = 2000
)

// Assembler builds a page from the rows that a driver reads in order. It decides
// which recordings belong on the page, where the page ends and where the next one
// begins. Both drivers use it, so the same data gives the same page, except where the
// budget of a filtered page ends it: the drivers count different bytes.
//
//	for a := NewAssembler(q); ; {
//		read a.Rows() rows, pass each to a.Add while that returns true
//		if !a.More(ctx, thereMayBeMore) { return a.Page() }
//	}
type Assembler struct {
	q    Query
	page Page
	// last is the last row examined; its ID is "" before the first.
	last Position
	// kept counts bytes of documents, and examined bytes of items as the driver reads
	// them.
	kept, examined int64
	rows, reads    int
	// full means that the page has reached its limits. One more row, if any,
	// proves that there is a next page.
	full, done bool
}

// NewAssembler starts the page that q asks for.
func NewAssembler(q Query) *Assembler {
	q.Limit = min(q.Limit, math.MaxInt32-1) // Rows adds 1 without overflow
	return &Assembler{q: q}
}

// Rows returns how many rows the next read should ask for.
func (a *Assembler) Rows() int {
	missing := a.q.Limit - a.found() + 1
	switch {
	case a.full:
		return 1
	case a.q.Keep == nil:
		return missing
	}
	return a.filteredRows(missing)
}

// filteredRows returns how many rows the next read of a filtered list should ask for
// if the page lacks so many recordings.
func (a *Assembler) filteredRows(missing int) int {
	n := min(max(missing, minRows)<<min(a.reads, 8), maxRows)
	if kept := a.found(); kept > 0 {
		const margin = 8 // an eighth more, so that chance rarely makes it one read more
		expected := (missing*a.rows + kept - 1) / kept
		least := minRows / 4 << min(3*max(a.reads-2, 0), 9)
		most := max(a.q.Limit+1, minRows) << min(2*a.reads, 8)
		n = min(max(min(expected+expected/margin, most), least), maxRows)
	}
	if a.q.Work.Bytes > 0 && a.rows > 0 { // rows beyond the budget would be read for nothing
		within := (a.q.Work.Bytes-a.examined)*int64(a.rows)/max(a.examined, 1) + 1
		n = int(min(int64(n), within))
	}
	return n
}

// Full reports whether the page has reached its limits, so that one more row would only
// prove that there is a next page.
func (a *Assembler) Full() bool { return a.full }

// Add examines the next row and reports whether the page needs another row. size is
// how many bytes the driver read for it; see [Work].
func (a *Assembler) Add(r *recording.Recording, size int) bool {
	return a.add(r, size, At(r), func() {
		if a.page.Recordings == nil {
			a.page.Recordings = make([]recording.Recording, 0, min(a.q.Limit, minRows))
		}
		a.page.Recordings = append(a.page.Recordings, *r)
	})
}

// AddTombstone is Add for a list of restorable tombstones. Query.Keep sees the recording
// as it was.
func (a *Assembler) AddTombstone(t *Tombstone, size int) bool {
	return a.add(t.Recording, size, Position{Created: t.Until, ID: t.ID}, func() {
		a.page.Tombstones = append(a.page.Tombstones, *t)
	})
}

// add examines the row of r at a position. keep puts it on the page.
func (a *Assembler) add(r *recording.Recording, size int, at Position, keep func()) bool {
	if a.done {
		return false
	}
	if a.full {
		a.end()
		return false
	}
	if a.last.ID == "" {
		a.page.First = at
	}
	a.last = at
	a.last.After = true
	a.rows++
	a.examined += int64(size)
	if a.q.Keep == nil || a.q.Keep(r) {
		keep()
		a.kept += int64(len(r.Document))
		a.full = a.found() >= a.q.Limit || a.q.MaxBytes > 0 && a.kept >= a.q.MaxBytes
	}
	if !a.full && a.q.Keep != nil && a.q.Work.Bytes > 0 && a.examined >= a.q.Work.Bytes {
		a.end()
		return false
	}
	return true
}

// More ends a read and reports whether the driver should do another one after
// the last row. mayBeMore is false if the read reached the end of the range.
func (a *Assembler) More(ctx context.Context, mayBeMore bool) bool {
	a.reads++
	switch {
	case a.done || !mayBeMore:
		return false
	case a.q.Keep != nil && a.q.Work.Calls > 0 && a.reads >= a.q.Work.Calls, nearDeadline(ctx):
		a.end()
		return false
	}
	return true
}

// nearDeadline reports whether less than Reserve remains.
func nearDeadline(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < Reserve
}

// Last returns the position after the last row examined, where the next read
// begins. Before the first row it is the query's Start.
func (a *Assembler) Last() Position {
	if a.last.ID == "" {
		return a.q.Start
	}
	return a.last
}

// end closes the page; the next one begins after the last row.
func (a *Assembler) end() {
	next := a.Last()
	a.page.Next = &next
	a.done = true
}

// found returns how many recordings or tombstones are on the page.
func (a *Assembler) found() int { return len(a.page.Recordings) + len(a.page.Tombstones) }

// Page returns the page as built so far.
func (a *Assembler) Page() Page {
	p := a.page
	p.Examined = a.examined
	return p
}
