package kazootest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// epoch is 1970-01-01 in Gregorian seconds, which count from the year 0.
const epoch = 62_167_219_200

// Recording is a recording as Kazoo stores it.
type Recording struct {
	// ID is YYYYMM- and 32 hexadecimal digits, as the recorder creates it (7.1).
	// Other IDs are possible; they are stored in the database of the month of
	// Created.
	ID string
	// Created is pvt_created, the time of saving in Gregorian seconds.
	Created int64
	// Document is the text of a JSON object with the public fields except the ID. It
	// is served unchanged.
	Document string
	// AudioType is the content type of the attachment, or "" if there is none.
	AudioType string
	// Audio is the attachment.
	Audio []byte
}

// entry is a stored recording with its position. It is immutable.
type entry struct {
	Recording
	key      key
	database string
}

// database returns the name of the database that stores a recording: its month, as
// YYYYMM.
func (r *Recording) database() string {
	if monthly(r.ID) {
		return r.ID[:6]
	}
	return monthOf(r.Created).Format("200601")
}

// monthOf returns the start of the month of a time in Gregorian seconds.
func monthOf(at int64) time.Time {
	t := time.Unix(at-epoch, 0).UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// prefixed reports whether an ID has a hyphen at the position after a YYYYMM prefix
// (1.5).
func prefixed(id string) bool { return len(id) > 6 && id[6] == '-' }

// monthly reports whether an ID begins with six digits and a hyphen.
func monthly(id string) bool {
	return prefixed(id) && strings.Trim(id[:6], "0123456789") == ""
}

// archive holds the databases of all accounts.
type archive struct {
	mu       sync.RWMutex
	accounts map[string]*databases
}

// databases holds the recordings of one account.
type databases struct {
	byID map[string]*entry
	// months holds the rows of each database in ascending order of the view's keys
	// (2.1). A database remains when it becomes empty.
	months map[string][]*entry
}

// add saves recordings.
func (a *archive) add(account string, rs []Recording) {
	a.mu.Lock()
	defer a.mu.Unlock()
	dbs := a.accounts[account]
	if dbs == nil {
		dbs = &databases{byID: map[string]*entry{}, months: map[string][]*entry{}}
		a.accounts[account] = dbs
	}
	touched := map[string]bool{}
	for _, r := range rs {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(r.Document), &fields); err != nil || fields == nil {
			panic(fmt.Sprintf("kazootest: the document of %s is not a JSON object: %v", r.ID, err))
		}
		dbs.remove(r.ID)
		e := &entry{Recording: r, key: key{kind: keyRow, created: r.Created, text: r.ID}, database: r.database()}
		dbs.byID[r.ID] = e
		dbs.months[e.database] = append(dbs.months[e.database], e)
		touched[e.database] = true
	}
	for month := range touched {
		slices.SortFunc(dbs.months[month], func(a, b *entry) int { return a.key.compare(b.key) })
	}
}

// remove deletes a recording if it exists.
func (a *archive) remove(account, id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if dbs := a.accounts[account]; dbs != nil {
		dbs.remove(id)
	}
}

// remove deletes a recording if it exists. It does not use binary search, because add
// calls it before the rows are sorted.
func (dbs *databases) remove(id string) {
	e := dbs.byID[id]
	if e == nil {
		return
	}
	delete(dbs.byID, id)
	dbs.months[e.database] = slices.DeleteFunc(dbs.months[e.database], func(o *entry) bool { return o == e })
}

// find returns a recording by its ID, or nil if it does not exist.
func (a *archive) find(account, id string) *entry {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if dbs := a.accounts[account]; dbs != nil {
		return dbs.byID[id]
	}
	return nil
}

// question holds the parameters of a list.
type question struct {
	account string
	// from and to are the ends of the window in Gregorian seconds.
	from, to   int64
	descending bool
	// start and end are the keys between which each database is read, in the order
	// of the list.
	start, end key
	// size is the number of rows in a page, or 0 for all rows.
	size int
}

// page implements crossbar_view's algorithm (3.4). It reads the databases of the
// window one after another, each from the same start key, until it has one row more
// than fits into the page. The key of that row starts the next page. next is nil on
// the last page.
func (a *archive) page(q question) (rows []*entry, next *key) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	dbs := a.accounts[q.account]
	if dbs == nil {
		return nil, nil
	}
	for _, month := range q.months() {
		limit := len(dbs.months[month])
		if q.size > 0 {
			limit = q.size - len(rows) + 1
		}
		found := scan(dbs.months[month], q, limit)
		if q.size > 0 && len(found) == limit {
			last := len(found) - 1
			return append(rows, found[:last]...), &found[last].key
		}
		rows = append(rows, found...)
	}
	return rows, nil
}

// months returns the names of the databases in the window, in the order in which a
// list reads them.
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

// scan returns at most limit rows of a database, in the order of the list.
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
