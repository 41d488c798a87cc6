package store

import (
	"context"
	"math"
	"time"

	"callrecordings/shared/recording"
)

// Reserve is the time before the context's deadline at which a driver stops to
// read on and ends the page early (contract, List: the clock cuts only in an
// emergency).
const Reserve = 2 * time.Second

// Rows that a read of a filtered list asks for: more with every read, so that
// a filter that keeps much costs little and one that keeps little gets far.
const (
	firstRows = 64
	mostRows  = 2000
)

// Assembler puts a page together of the rows that a driver reads in order. It
// is where both drivers get the same page of the same data from: what belongs
// to it, where it ends, and where the next one begins.
//
//	for a := NewAssembler(q); ; {
//		read a.Rows() rows, hand each to a.Add while that returns true
//		if !a.More(ctx, thereMayBeMore) { return a.Page() }
//	}
type Assembler struct {
	q    Query
	page Page
	// last is the row examined last; its ID is "" before the first.
	last Position
	// kept and examined are bytes of documents.
	kept, examined int64
	reads          int
	// full waits for one more row, whose being there makes a next page.
	full, done bool
}

// NewAssembler begins the page that q asks for.
func NewAssembler(q Query) *Assembler {
	q.Limit = min(q.Limit, math.MaxInt32-1) // leaves room to count with
	return &Assembler{q: q}
}

// Rows is how many rows the next read should ask for.
func (a *Assembler) Rows() int {
	missing := a.q.Limit - len(a.page.Recordings) + 1
	switch {
	case a.full:
		return 1
	case a.q.Keep == nil:
		return missing
	}
	return min(max(missing, firstRows)<<min(a.reads, 8), mostRows)
}

// Add takes the next row and reports whether the page has use for another.
func (a *Assembler) Add(r *recording.Recording) bool {
	if a.done {
		return false
	}
	if a.full {
		a.end()
		return false
	}
	if a.last.ID == "" {
		a.page.First = At(r)
	}
	a.last = After(r)
	a.examined += int64(len(r.Document))
	if a.q.Keep == nil || a.q.Keep(r) {
		a.page.Recordings = append(a.page.Recordings, *r)
		a.kept += int64(len(r.Document))
		a.full = len(a.page.Recordings) >= a.q.Limit || a.q.MaxBytes > 0 && a.kept >= a.q.MaxBytes
	}
	if !a.full && a.q.Keep != nil && a.q.Work.Bytes > 0 && a.examined >= a.q.Work.Bytes {
		a.end()
		return false
	}
	return true
}

// More notes the end of a read and reports whether the driver should read on
// behind the last row. mayBeMore is false when the read came to the end of the
// range.
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

// Last is the row examined last, behind which the next read goes on; the
// query's Start before the first.
func (a *Assembler) Last() Position {
	if a.last.ID == "" {
		return a.q.Start
	}
	return a.last
}

// end closes the page; the next one begins behind the last row.
func (a *Assembler) end() {
	next := a.Last()
	a.page.Next = &next
	a.done = true
}

// Page is the page.
func (a *Assembler) Page() Page { return a.page }
