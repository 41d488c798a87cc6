package kazootest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// epoch is the distance in seconds from the year 0 to 1970.
const epoch = 62_167_219_200

// Recording is one of an account, as Kazoo keeps it.
type Recording struct {
	// ID is YYYYMM- and 32 hexadecimal digits, as the recorder makes it (7.1);
	// another will do, and is then kept in the database of the month of Created.
	ID string
	// Created is pvt_created, when it was saved, in Gregorian seconds.
	Created int64
	// Document is the text of a JSON object, which is shown as it is: the public
	// fields but for the id.
	Document string
	// AudioType is the type of its attachment, "" if there is none.
	AudioType string
	// Audio is the attachment.
	Audio []byte
}

// entry is a recording where it lies, and is never changed.
type entry struct {
	Recording
	key      key
	database string
}

// database is the month's, as YYYYMM, that a recording is kept in.
func (r *Recording) database() string {
	if monthly(r.ID) {
		return r.ID[:6]
	}
	return monthOf(r.Created).Format("200601")
}

// monthOf is the first second of the month that holds a Gregorian second.
func monthOf(at int64) time.Time {
	t := time.Unix(at-epoch, 0).UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// prefixed tells whether an id looks as if it began with a month (1.5).
func prefixed(id string) bool { return len(id) > 6 && id[6] == '-' }

// monthly tells whether it does begin with one.
func monthly(id string) bool {
	return prefixed(id) && strings.Trim(id[:6], "0123456789") == ""
}

// archive are the databases of all accounts.
type archive struct {
	mu      sync.RWMutex
	shelves map[string]*shelf
}

// shelf is what one account has.
type shelf struct {
	byID map[string]*entry
	// months are the databases, each in ascending order of its view's keys (2.1).
	// One that was there stays there when it is empty.
	months map[string][]*entry
}

// add saves recordings.
func (a *archive) add(account string, rs []Recording) {
	a.mu.Lock()
	defer a.mu.Unlock()
	sh := a.shelves[account]
	if sh == nil {
		sh = &shelf{byID: map[string]*entry{}, months: map[string][]*entry{}}
		a.shelves[account] = sh
	}
	touched := map[string]bool{}
	for _, r := range rs {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(r.Document), &fields); err != nil || fields == nil {
			panic(fmt.Sprintf("kazootest: the document of %s is no JSON object: %v", r.ID, err))
		}
		sh.remove(r.ID)
		e := &entry{Recording: r, key: key{kind: keyRow, created: r.Created, text: r.ID}, database: r.database()}
		sh.byID[r.ID] = e
		sh.months[e.database] = append(sh.months[e.database], e)
		touched[e.database] = true
	}
	for month := range touched {
		slices.SortFunc(sh.months[month], func(a, b *entry) int { return a.key.compare(b.key) })
	}
}

// remove takes a recording away.
func (a *archive) remove(account, id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if sh := a.shelves[account]; sh != nil {
		sh.remove(id)
	}
}

// remove looks through one database: the one that it is called for may not be in
// order yet.
func (sh *shelf) remove(id string) {
	e := sh.byID[id]
	if e == nil {
		return
	}
	delete(sh.byID, id)
	sh.months[e.database] = slices.DeleteFunc(sh.months[e.database], func(o *entry) bool { return o == e })
}

// find is a recording by its id, nil if there is none.
func (a *archive) find(account, id string) *entry {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if sh := a.shelves[account]; sh != nil {
		return sh.byID[id]
	}
	return nil
}

// question is what a list asks for.
type question struct {
	account string
	// from and to are the window, in Gregorian seconds.
	from, to   int64
	descending bool
	// start and end are the keys between which each database is read, in the
	// direction of the walk.
	start, end key
	// size of the page; 0 for everything.
	size int
}

// page is crossbar_view's algorithm (3.4): the databases of the window one after
// the other, each from the same start, up to one row more than fits. That row's
// key is where the next page begins, nil if there is none.
func (a *archive) page(q question) (rows []*entry, next *key) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	sh := a.shelves[q.account]
	if sh == nil {
		return nil, nil
	}
	for _, month := range q.months() {
		limit := len(sh.months[month])
		if q.size > 0 {
			limit = q.size - len(rows) + 1
		}
		found := scan(sh.months[month], q, limit)
		if q.size > 0 && len(found) == limit {
			last := len(found) - 1
			return append(rows, found[:last]...), &found[last].key
		}
		rows = append(rows, found...)
	}
	return rows, nil
}

// months are the names of the databases that the window touches, in the order in
// which they are read.
func (q *question) months() []string {
	var out []string
	last := monthOf(q.to)
	for m := monthOf(q.from); !m.After(last); m = m.AddDate(0, 1, 0) {
		out = append(out, m.Format("200601"))
	}
	if q.descending {
		slices.Reverse(out)
	}
	return out
}

// scan reads at most limit rows of a database.
func scan(db []*entry, q question, limit int) []*entry {
	at, found := slices.BinarySearchFunc(db, q.start, func(e *entry, k key) int { return e.key.compare(k) })
	step := 1
	if q.descending {
		step = -1
		if !found {
			at--
		}
	}
	var out []*entry
	for ; at >= 0 && at < len(db) && len(out) < limit; at += step {
		if past := db[at].key.compare(q.end); past == step {
			break
		}
		out = append(out, db[at])
	}
	return out
}
