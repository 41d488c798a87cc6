package feed_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo/dynamotest"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// BenchmarkSQLite measures pages of the feed after RECORDINGS changes in SQLite.
func BenchmarkSQLite(b *testing.B) {
	n := changesOf(b, "RECORDINGS", 2000)
	path := filepath.Join(b.TempDir(), "recordings.db")
	fillFile(b, path, n)
	measure(b, openFile(b, path), n)
}

// BenchmarkDynamoDB measures pages of the feed after DYNAMODB_RECORDINGS changes on
// DynamoDB Local. It fails if one takes more calls or units than its budget.
func BenchmarkDynamoDB(b *testing.B) {
	n := changesOf(b, "DYNAMODB_RECORDINGS", 500)
	s := dynamotest.Open(b, time.Now)
	fill(b, s, n)
	measure(b, s, n)
}

// changesOf returns the number in a variable of the environment, or few.
func changesOf(b *testing.B, variable string, few int) int {
	b.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv(variable), strconv.Itoa(few)))
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// fill appends n changes of an account.
func fill(b *testing.B, entries store.Entries, n int) {
	b.Helper()
	f := feed.New(entries, time.Now)
	for first := 0; first < n; first += many {
		changes := puts(account, first, min(many, n-first))
		for tries := 0; len(changes) > 0; tries++ {
			done, err := f.Append(b.Context(), changes)
			if changes = changes[done:]; err != nil && tries == 10 {
				b.Fatal(err)
			}
		}
	}
}

// many is how many changes are appended, or written by SQL, at once.
const many = 4500

// fillFile makes a file with n changes. It writes rows by SQL, without waiting for the disk.
func fillFile(b *testing.B, path string, n int) {
	b.Helper()
	if err := openFile(b, path).Close(); err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err = db.ExecContext(b.Context(), "PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY"); err != nil {
		b.Fatal(err)
	}
	c := &collector{ends: map[store.EntryKey]store.Entry{}}
	f := feed.New(c, time.Now)
	for first := 0; first < n; first += many {
		_, err := f.Append(b.Context(), puts(account, first, min(many, n-first)))
		if err == nil {
			err = c.flush(b.Context(), db)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	for _, e := range c.ends {
		c.rest = append(c.rest, e)
	}
	if err := errors.Join(c.flush(b.Context(), db), db.Close()); err != nil {
		b.Fatal(err)
	}
}

// collector keeps the entries of a feed in memory: the latest of those that change, such
// as the head, and the rest until flush.
type collector struct {
	ends map[store.EntryKey]store.Entry
	rest []store.Entry
}

func (c *collector) Entries(_ context.Context, keys ...store.EntryKey) ([]store.Entry, error) {
	var found []store.Entry
	for _, key := range keys {
		if e, ok := c.ends[key]; ok {
			found = append(found, e)
		}
	}
	return found, nil
}

func (c *collector) PageEntries(context.Context, store.EntryQuery) (store.EntryPage, error) {
	return store.EntryPage{}, errors.ErrUnsupported
}

func (c *collector) WriteEntries(_ context.Context, writes ...store.EntryWrite) error {
	for i := range writes {
		e := writes[i].Entry
		e.Revision = "1-00000000"
		if writes[i].If == store.Always {
			c.rest = append(c.rest, e)
		} else {
			c.ends[e.EntryKey] = e
		}
	}
	return nil
}

// flush writes and forgets the rest.
func (c *collector) flush(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after an error
	add, err := tx.PrepareContext(ctx, "INSERT INTO entries (partition, key, value, revision, expires) VALUES (?,?,?,?,?)")
	if err != nil {
		return err
	}
	for _, e := range c.rest {
		if _, err := add.ExecContext(ctx, e.Partition, e.Key, e.Value, e.Revision, e.Expires); err != nil {
			return err
		}
	}
	c.rest = c.rest[:0]
	return tx.Commit()
}

func openFile(b *testing.B, path string) *sqlite.Store {
	b.Helper()
	s, err := sqlite.Open(b.Context(), path, sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// measure reads pages of a feed with n entries.
func measure(b *testing.B, entries store.Entries, n int) {
	b.Helper()
	const size = 50
	f := feed.New(entries, time.Now)
	page := func(ctx context.Context, after feed.Cursor, want int) error {
		p, err := f.Page(ctx, account, after, size)
		if err == nil && len(p.Entries) != want {
			err = fmt.Errorf("a page of %d entries after %+v, want %d", len(p.Entries), after, want)
		}
		return err
	}
	for _, c := range []struct {
		name  string
		calls int
		units float64
		run   func(ctx context.Context, k int) error
	}{
		{"from the start", 3, 6, func(ctx context.Context, _ int) error { return page(ctx, feed.Cursor{}, size) }},
		{"from now", 2, 2, func(ctx context.Context, _ int) error {
			at, err := f.Now(ctx, account)
			if err == nil && at.Sequence != int64(n) {
				err = fmt.Errorf("the feed ends at %d, want %d", at.Sequence, n)
			}
			return err
		}},
		{"following", 2, 6, func(ctx context.Context, k int) error {
			return page(ctx, feed.Cursor{Epoch: 1, Sequence: int64(n/2 + size*(k%4))}, size)
		}},
		{"following, nothing new", 1, 2, func(ctx context.Context, _ int) error {
			return page(ctx, feed.Cursor{Epoch: 1, Sequence: int64(n)}, 0)
		}},
		{"a look while waiting", 1, 1, func(ctx context.Context, _ int) error {
			_, err := f.Ahead(ctx, account, feed.Cursor{Epoch: 1, Sequence: int64(n)})
			return err
		}},
	} {
		b.Run(c.name, func(b *testing.B) { figures(b, c.calls, c.units, c.run) })
	}
}

// figures makes a request again and again, and reports the 95th percentile of its time,
// and the means of its calls and read units. Each must keep within the budget; SQLite
// has no units, and counts each key as a call.
func figures(b *testing.B, calls int, units float64, run func(ctx context.Context, k int) error) {
	b.Helper()
	var times []time.Duration
	var sum requestlog.Entry
	for b.Loop() {
		var log requestlog.Entry
		begun := time.Now()
		if err := run(requestlog.With(b.Context(), &log), len(times)); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(begun))
		if log.ReadUnits > 0 && log.Calls > calls || log.ReadUnits > units {
			b.Fatalf("%d calls and %v read units, want at most %d and %v", log.Calls, log.ReadUnits, calls, units)
		}
		sum.Calls, sum.ReadUnits = sum.Calls+log.Calls, sum.ReadUnits+log.ReadUnits
	}
	slices.Sort(times)
	n := float64(len(times))
	b.ReportMetric(float64(times[(len(times)*95+99)/100-1].Microseconds())/1000, "p95-ms")
	b.ReportMetric(float64(sum.Calls)/n, "calls/op")
	b.ReportMetric(sum.ReadUnits/n, "read-units/op")
}
