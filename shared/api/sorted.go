package api

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// maxSorted is the maximum number of recordings in a sorted list without pages. It
	// is the number that fits into one answer.
	maxSorted = 10_000
	// sortBytes limits the bytes that a sorted page reads: the table has no index in that
	// order, so each page reads the whole range.
	sortBytes = 32 << 20
	// minRead is the least number of bytes that a read counts, so that the number of reads
	// is limited, too.
	minRead = 64 << 10
	// maxSortText is how many bytes of a text count for the order. Cursors hold them.
	maxSortText = 64
)

// sortKey returns the function for the order of a list by field; nil for a field that a
// list cannot be sorted by, or created. Its keys order recordings by bytes, and are "" for
// a recording without such a value.
func sortKey(field string) func(*recording.Recording) string {
	switch field {
	case "start", "duration":
		return func(r *recording.Recording) string { return numberKey(r, field) }
	case "from", "to":
		return func(r *recording.Recording) string { return textKey(r, field) }
	}
	return nil
}

// sortNames are the values of sort, for the error about another one.
var sortNames = []string{"created", "start", "duration", "from", "to"}

func numberKey(r *recording.Recording, field string) string {
	n, ok := r.Document.Int(field)
	if !ok {
		return ""
	}
	return string(binary.BigEndian.AppendUint64(nil, uint64(n)^1<<63)) // negative numbers first
}

func textKey(r *recording.Recording, field string) string {
	text, _ := r.Document.Text(field)
	return text[:min(len(text), maxSortText)]
}

// parseSort parses the field that a list is sorted by into to.
func parseSort(to *string, value string) error {
	switch {
	case recording.IsAbsent(value), value == "created":
		return nil
	case sortKey(value) == nil:
		return recording.FieldError{
			Code: "enum", Message: "Value not found in enumerated list of values", Target: sortNames,
			Value: []byte(recording.Quote(value)),
		}
	}
	*to = value
	return nil
}

// checkSort checks that the range of a sorted list is at most that of a list without
// pages. A search needs no range, because it reads only what it finds.
func (q *listQuery) checkSort(now recording.Seconds) error {
	to := cmp.Or(q.to, now)
	switch {
	case q.sort == "":
		return nil
	case q.deleted:
		return invalid("sort", "enum", "A list of deleted recordings has only one order", map[string]any{"target": sortNames[:1], "value": q.sort})
	case !q.search.IsZero(), q.from != 0 && to-q.from <= unpagedWindow:
		return nil
	}
	return invalid("sort", "date_range",
		"Sorting by "+q.sort+" needs created_from, at most "+strconv.Itoa(unpagedWindow)+" seconds before created_to",
		map[string]any{"target": unpagedWindow})
}

// place is where a recording stands in a sorted list.
type place struct {
	key string
	at  store.Position
}

// The kinds of a place in a cursor. The length of the key (one byte), the key, the
// created (varint) and the ID of a row follow.
const (
	atPlace    = afterRow + 1
	afterPlace = afterRow + 2
)

// appendPlace appends the encoding of p. Equal places have equal encodings.
func appendPlace(dst []byte, p place) []byte {
	if p.at.IsZero() {
		return append(dst, atBeginning)
	}
	kind := byte(atPlace)
	if p.at.After {
		kind = afterPlace
	}
	dst = append(append(dst, kind, byte(len(p.key))), p.key...)
	dst = binary.AppendVarint(dst, int64(p.at.Created))
	return append(dst, p.at.ID...)
}

// parsePlace decodes a place. ok is false for data that appendPlace does not produce.
func parsePlace(data []byte) (p place, ok bool) {
	if len(data) == 1 && data[0] == atBeginning {
		return place{}, true
	}
	if len(data) < 2 || data[0] != atPlace && data[0] != afterPlace || len(data) < 2+int(data[1]) {
		return place{}, false
	}
	end := 2 + int(data[1])
	key, rest := data[2:end], data[end:]
	created, n := binary.Varint(rest)
	if n <= 0 || len(rest) == n {
		return place{}, false
	}
	p = place{string(key), store.Position{Created: recording.Seconds(created), ID: string(rest[n:]), After: data[0] == afterPlace}}
	return p, bytes.Equal(appendPlace(make([]byte, 0, len(data)), p), data)
}

// ranking keeps the recordings of one page of a sorted list: the first ones after start
// among all that are offered.
type ranking struct {
	key       func(*recording.Recording) string
	ascending bool
	start     place
	// limit is the maximum number of recordings. The page is full when its documents have
	// bytes in total; 0 means no limit.
	limit int
	bytes int64

	rows []ranked         // in order
	at   map[string]place // of the rows, by ID
	size int64            // of the documents in rows
	more bool             // recordings of later pages were offered
}

type ranked struct {
	place
	rec *recording.Recording
}

// offer adds rec to the page if it belongs there. A recording that changes its owner or its
// created meanwhile is read twice, and the later one replaces the other.
func (k *ranking) offer(rec *recording.Recording) {
	row := ranked{place{k.key(rec), store.At(rec)}, rec}
	if was, ok := k.at[rec.ID]; ok {
		i, _ := k.find(was)
		k.remove(i)
	}
	if !k.start.at.IsZero() && k.compare(row.place, k.start) < 0 {
		return
	}
	if k.at == nil {
		k.at = map[string]place{}
	}
	i, _ := k.find(row.place)
	k.rows, k.at[rec.ID] = slices.Insert(k.rows, i, row), row.place
	k.size += row.bytes()
	for n := len(k.rows) - 1; n >= k.limit || n > 0 && k.bytes > 0 && k.size-k.rows[n].bytes() >= k.bytes; n-- {
		k.remove(n)
		k.more = true
	}
}

// find returns the index in rows of the row at p, or where it belongs.
func (k *ranking) find(p place) (i int, found bool) {
	return slices.BinarySearchFunc(k.rows, p, func(r ranked, p place) int { return k.compare(r.place, p) })
}

// remove removes a row.
func (k *ranking) remove(i int) {
	k.size -= k.rows[i].bytes()
	delete(k.at, k.rows[i].rec.ID)
	k.rows = slices.Delete(k.rows, i, i+1)
}

// bytes returns the size of the document.
func (r *ranked) bytes() int64 { return int64(len(r.rec.Document)) }

// compare compares two places in the order of the list.
func (k *ranking) compare(a, b place) int {
	order := cmp.Or(strings.Compare(a.key, b.key), cmp.Compare(a.at.Created, b.at.Created), strings.Compare(a.at.ID, b.at.ID))
	if !k.ascending {
		order = -order
	}
	return cmp.Or(order, cmp.Compare(boolInt(a.at.After), boolInt(b.at.After)))
}

// readSorted adds a sorted page, or a sorted list without pages, to e and returns the
// keys of the page. It returns errUnsortable if the range holds too much to be sorted.
func (l *lister) readSorted(r *request, q *listQuery, e listEncoder) (paging, error) {
	k := &ranking{key: sortKey(q.sort), ascending: q.ascending, limit: q.size, bytes: pageBytes}
	if q.unpaged {
		k.limit, k.bytes = maxSorted, 0
	}
	binding := q.binding(r.account, r.user)
	if q.start != "" && !q.unpaged {
		sealed, err := l.sealer.Open(binding, q.start)
		if err != nil {
			return paging{}, err
		}
		var ok bool
		if k.start, ok = parsePlace(sealed); !ok {
			return paging{}, cursor.ErrInvalid
		}
	}
	if err := l.rank(r, q, k); err != nil {
		return paging{}, err
	}
	if q.unpaged && k.more {
		return paging{}, errTooMuch
	}
	size, err := k.fill(e)
	if err != nil || q.unpaged {
		return paging{}, err
	}
	keys := paging{size: size, start: q.start, counted: q.counts()}
	for i := range k.rows[:size] {
		keys.bytes += managedBytes(k.rows[i].rec)
	}
	if keys.start == "" {
		first := place{}
		if len(k.rows) > 0 {
			first = k.rows[0].place
		}
		keys.start = l.sealPlace(binding, first)
	}
	if size < len(k.rows) || k.more {
		next := k.rows[size-1].place
		next.at.After = true
		keys.end = l.sealPlace(binding, next)
	}
	return keys, nil
}

// rank offers all recordings in the range of q to k. It reads the indexes of several owners
// one after the other, since it needs no order.
func (l *lister) rank(r *request, q *listQuery, k *ranking) error {
	left := int64(sortBytes)
	if len(q.owners) < 2 || !q.search.IsZero() {
		return l.rankPart(r, q, k, &left)
	}
	for i := range q.owners {
		part := *q
		part.owners = q.owners[i : i+1]
		if err := l.rankPart(r, &part, k, &left); err != nil {
			return err
		}
	}
	return nil
}

// rankPart offers the recordings of one index, or of a search, to k. It subtracts the bytes
// that it reads from left, and returns errUnsortable if that is not enough.
func (l *lister) rankPart(r *request, q *listQuery, k *ranking, left *int64) error {
	ask := q.storeQuery(r.account, recording.SecondsOf(r.env.Now()))
	ask.Limit, ask.MaxBytes = readSize, readBytes
	if ask.Keep != nil || !q.search.IsZero() {
		ask.Work = store.Work{Calls: filterCalls, Bytes: filterBytes}
	}
	for *left > 0 {
		page, err := l.pageOf(r, ask, q)
		if err != nil {
			return err
		}
		for i := range page.Recordings {
			k.offer(&page.Recordings[i])
		}
		if *left -= max(page.Examined, minRead); page.Next == nil {
			return nil
		}
		if outOfTime(r.Context(), answerReserve) {
			break
		}
		ask.Start = *page.Next
	}
	return errUnsortable
}

// fill adds the rows to e until one does not fit, and returns the number added.
func (k *ranking) fill(e listEncoder) (size int, err error) {
	for i := range k.rows {
		switch err := e.add(k.rows[i].rec); {
		case errors.Is(err, errTooMuch) && i > 0 && k.bytes > 0:
			return i, nil
		case err != nil:
			return i, err
		}
	}
	return len(k.rows), nil
}

// sealPlace returns the encrypted cursor for a place.
func (l *lister) sealPlace(binding []byte, p place) string {
	var room [256]byte
	return l.sealer.Seal(binding, appendPlace(room[:0], p))
}
