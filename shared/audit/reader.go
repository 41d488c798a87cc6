package audit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/store"
)

// maxExamined is the most entries that a page examines, so that a filter that fits few
// entries does not take longer than a request may.
const maxExamined = 2000

// pageDays is how many days without entries in their range a page looks through. Days
// outside the range of a query are not read.
const pageDays = 50

// Query selects entries of an account's trail, the newest first.
type Query struct {
	// Account is the account.
	Account string
	// Actor keeps only entries of this owner or subject, Action only those with this value,
	// and Recording only those about this recording; "" keeps all.
	Actor     string
	Action    access.Action
	Recording string
	// From and To bound the time, both inclusive; a zero time leaves that end open.
	From, To time.Time
	// Start is where the page begins; the zero Position is the newest entry.
	Start Position
	// Limit is the maximum number of entries, 1 or more.
	Limit int
}

// Position is a place in a trail: after the entry with this day and key.
type Position struct{ Day, Key string }

// Page is one page of a trail.
type Page struct {
	Entries []Entry
	// Next is where the next page begins; nil if this is the last one. A page may be
	// empty and have a next one.
	Next *Position
}

// Reader reads trails.
type Reader struct{ entries store.EntryReader }

// NewReader returns a reader of the trails in entries.
func NewReader(entries store.EntryReader) *Reader { return &Reader{entries: entries} }

// Exists reports whether an account has a trail: entries that have not expired. Errors:
// those of the store.
func (r *Reader) Exists(ctx context.Context, account string) (bool, error) {
	days, err := r.days(ctx, &Query{Account: account})
	return len(days) > 0, err
}

// keeps reports whether e is one of those that q selects.
func (q *Query) keeps(e *Entry) bool {
	return (q.Actor == "" || q.Actor == e.Actor.Owner || q.Actor == e.Actor.Subject) &&
		(q.Action == "" || q.Action == e.Action) && (q.Recording == "" || q.Recording == e.Recording || slices.Contains(e.Recordings, q.Recording)) &&
		(q.From.IsZero() || !e.Time.Before(q.From)) && (q.To.IsZero() || !e.Time.After(q.To))
}

// about returns the entry as the trail of one recording shows it: without the others that it
// concerned. recordingID "" stands for the trail of the account.
func (e Entry) about(recordingID string) Entry {
	if recordingID != "" {
		e.Recording, e.Recordings = recordingID, nil
	}
	return e
}

// Page returns one page of a trail. Errors: those of the store.
func (r *Reader) Page(ctx context.Context, q Query) (Page, error) {
	var p Page
	days, err := r.days(ctx, &q)
	if err != nil {
		return p, err
	}
	examined := 0
	for i, day := range days {
		if i == pageDays {
			p.Next = &Position{Day: day}
			break
		}
		n, done, err := r.day(ctx, &q, day, maxExamined-examined, &p)
		if err != nil || done {
			return p, err
		}
		examined += n
		q.Start = Position{}
	}
	return p, nil
}

// days returns the days that q may have entries on, the newest first: at most pageDays+1.
func (r *Reader) days(ctx context.Context, q *Query) ([]string, error) {
	newest := "9999-12-31"
	if !q.To.IsZero() {
		newest = q.To.UTC().Format(dayFormat)
	}
	if q.Start.Day != "" {
		newest = min(newest, q.Start.Day)
	}
	page, err := r.entries.PageEntries(ctx, store.EntryQuery{
		Partition: daysPartition + q.Account, After: newest + "~", Descending: true, Limit: pageDays + 1,
	})
	if err != nil {
		return nil, fmt.Errorf("days of the audit trail: %w", err)
	}
	var days []string
	for _, e := range page.Entries {
		if !q.From.IsZero() && e.Key < q.From.UTC().Format(dayFormat) {
			break
		}
		days = append(days, e.Key)
	}
	return days, nil
}

// day adds the entries of a day to p. It returns the number of entries examined, and
// done if the page ends within the day.
func (r *Reader) day(ctx context.Context, q *Query, day string, most int, p *Page) (examined int, done bool, err error) {
	after := ""
	if q.Start.Day == day {
		after = q.Start.Key
	}
	for {
		got, err := r.entries.PageEntries(ctx, store.EntryQuery{
			Partition: partition(q.Account, day), After: after, Descending: true, Limit: min(most, max(q.Limit, 100)),
		})
		if err != nil {
			return examined, false, fmt.Errorf("audit trail of %s: %w", day, err)
		}
		for i := range got.Entries {
			_, e, err := decode(q.Account, &got.Entries[i])
			if err != nil {
				return examined, false, err
			}
			examined++
			if q.keeps(&e.Entry) {
				p.Entries = append(p.Entries, e.about(q.Recording))
			}
			if len(p.Entries) == q.Limit || examined == most {
				p.Next = &Position{Day: day, Key: got.Entries[i].Key}
				return examined, true, nil
			}
		}
		if after = got.Next; after == "" {
			return examined, false, nil
		}
	}
}
