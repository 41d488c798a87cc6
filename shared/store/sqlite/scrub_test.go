package sqlite_test

import (
	"context"
	crand "crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// calls is a load of calls, each with a name of its own: in the document and the audio
// key of a recording, and in the keys and values of entries.
type calls struct {
	t    *testing.T
	s    *sqlite.Store
	r    *rand.Rand
	ids  []string       // by the number of the call
	live map[int]bool   // by the number of the call
	docs map[int]string // of live calls
}

// names finds the names of calls.
var names = regexp.MustCompile(`Zaphod-(\d{6})`)

func nameOf(i int) string { return fmt.Sprintf("Zaphod-%06d", i) }

// terms returns the keys of the entries of a call, far apart as those of index terms.
func (c *calls) terms(i int) (keys []store.EntryKey) {
	for n := range 4 {
		keys = append(keys, store.EntryKey{Partition: "index/a", Key: fmt.Sprintf("%08x/%s/%d", uint32(i*2654435761*(n+1)), nameOf(i), n)})
	}
	return keys
}

// document returns a document of some length. Some need overflow pages.
func (c *calls) document(i int) string {
	length := c.r.IntN(1500)
	if c.r.IntN(10) == 0 {
		length = c.r.IntN(20_000)
	}
	return fmt.Sprintf(`{"from":"%s","x":"%s","to":"%[1]s"}`, nameOf(i), strings.Repeat("x", length))
}

func (c *calls) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *calls) add() {
	i := len(c.ids)
	c.ids = append(c.ids, fmt.Sprintf("202601-%08x", c.r.Uint32()))
	c.live[i], c.docs[i] = true, c.document(i)
	c.must(c.s.Put(c.t.Context(), &recording.Recording{
		Account: "a", ID: c.ids[i], Created: recording.Seconds(c.r.IntN(100_000)), Document: recording.Document(c.docs[i]),
		Audio: recording.Audio{Place: recording.Managed, Key: "inbox/a/in-" + nameOf(i) + ".wav"},
	}))
	c.write(i, false)
}

// write stores the entries of a call, or removes them.
func (c *calls) write(i int, remove bool) {
	var writes []store.EntryWrite
	for _, k := range c.terms(i) {
		writes = append(writes, store.EntryWrite{Entry: store.Entry{EntryKey: k, Value: []byte(c.document(i))}, Delete: remove})
	}
	c.must(c.s.WriteEntries(c.t.Context(), writes...))
}

// pick returns a live call.
func (c *calls) pick() int { return slices.Sorted(maps.Keys(c.live))[c.r.IntN(len(c.live))] }

func (c *calls) change() {
	i := c.pick()
	c.docs[i] = c.document(i)
	_, err := c.s.Update(c.t.Context(), "a", c.ids[i], func(r *recording.Recording) error {
		r.Document = recording.Document(c.docs[i])
		return nil
	})
	c.must(err)
	c.write(i, false)
}

func (c *calls) remove() {
	i := c.pick()
	delete(c.live, i)
	delete(c.docs, i)
	_, err := c.s.Delete(c.t.Context(), "a", c.ids[i], store.Deletion{})
	c.must(err)
	c.must(c.s.Purged(c.t.Context(), "a", c.ids[i], ""))
	c.write(i, true)
}

// run adds, changes and deletes n times.
func (c *calls) run(n int) {
	for range n {
		switch k := c.r.IntN(10); {
		case k < 5 || len(c.live) == 0:
			c.add()
		case k < 8:
			c.change()
		default:
			c.remove()
		}
	}
}

// settle empties the queues and the log, as the server does after writes.
func (c *calls) settle() {
	for _, q := range []sqlite.Queue{sqlite.Changes, sqlite.Index} {
		due, err := c.s.Due(c.t.Context(), q, 1_000_000)
		c.must(err)
		for part := range slices.Chunk(due, 50) {
			var numbers []int64
			for _, m := range part {
				numbers = append(numbers, m.Number)
			}
			c.must(c.s.Done(c.t.Context(), numbers...))
		}
	}
	c.must(c.s.Flush(c.t.Context()))
}

// traces returns how often the files have names of deleted calls.
func (c *calls) traces(path string) (n int, first string) {
	c.t.Helper()
	for _, name := range []string{path, path + "-wal"} {
		text, err := os.ReadFile(name)
		c.must(err)
		for _, m := range names.FindAllSubmatchIndex(text, -1) {
			if i, _ := strconv.Atoi(string(text[m[2]:m[3]])); !c.live[i] {
				if n++; n == 1 {
					first = fmt.Sprintf("%s: page %d at %d: %q", filepath.Base(name), m[0]/4096+1, m[0]%4096, text[max(0, m[0]-30):m[1]+10])
				}
			}
		}
	}
	return n, first
}

// check compares the recordings and entries with those of the load, and the file with
// the rules of SQLite.
func (c *calls) check(path string) {
	c.t.Helper()
	for i, id := range c.ids {
		r, err := c.s.Get(c.t.Context(), "a", id)
		if c.live[i] && (err != nil || string(r.Document) != c.docs[i]) || !c.live[i] && !errors.Is(err, store.ErrNotFound) {
			c.t.Errorf("call %d, live %v: %v", i, c.live[i], err)
		}
		entries, err := c.s.Entries(c.t.Context(), c.terms(i)...)
		if want := len(c.terms(i)); err != nil || c.live[i] && len(entries) != want || !c.live[i] && len(entries) > 0 {
			c.t.Errorf("call %d, live %v: %d entries, %v", i, c.live[i], len(entries), err)
		}
	}
	wantIntact(c.t, path)
}

// wantIntact checks that SQLite finds the file and its indexes in order.
func wantIntact(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // it was only read
	var verdict string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity_check: %s, %v", verdict, err)
	}
}

// newCalls opens a store for a load.
func newCalls(t *testing.T, path string, seed uint64) *calls {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now, Random: crand.Reader, QueueChanges: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &calls{t: t, s: s, r: rand.New(rand.NewPCG(seed, 0)), live: map[int]bool{}, docs: map[int]string{}}
}

// After Scrub and Flush, the file has no name of a deleted call, and everything else
// as it was. Without Scrub it has some, in pages from which SQLite moved rows.
func TestScrubClearsCopiesOfMovedRows(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	missed := 0
	for seed := range uint64(2) {
		path := filepath.Join(t.TempDir(), "recordings.db")
		c := newCalls(t, path, seed)
		for range 3 {
			c.run(300)
			c.settle()
			n, _ := c.traces(path)
			missed += n
			pass, err := c.s.Scrub(t.Context())
			c.must(err)
			c.must(c.s.Flush(t.Context()))
			if n, first := c.traces(path); n > 0 {
				t.Errorf("seed %d: after Scrub (%+v), the file has %d names of deleted calls: %s", seed, pass, n, first)
			}
			c.check(path)
		}
	}
	if missed == 0 {
		t.Error("the file has no traces before Scrub, so this test shows nothing")
	}
}

// Scrub does nothing if all pages are clear and nothing was written since, by this
// process or another one.
func TestScrubRestsWhenNothingIsWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	c := newCalls(t, path, 1)
	other := open(t, path)
	c.run(200)
	scrub := func() sqlite.Pass {
		t.Helper()
		p, err := c.s.Scrub(t.Context())
		c.must(err)
		return p
	}
	first := scrub()
	if first.Pages == 0 || first.Cleared <= 0 {
		t.Errorf("the first pass: %+v, want pages cleared", first)
	}
	if p := scrub(); p.Pages != first.Pages || p.Cleared > 0 {
		t.Errorf("the second pass: %+v, want it to find %d pages clear", p, first.Pages)
	}
	if p := scrub(); p != (sqlite.Pass{}) {
		t.Errorf("a pass after no write: %+v, want none", p)
	}
	for name, write := range map[string]func() error{
		"this process": func() error { c.add(); return nil },
		"another process": func() error {
			return other.Put(t.Context(), &recording.Recording{Account: "b", ID: "202601-1", Document: "{}"})
		},
	} {
		c.must(write())
		if p := scrub(); p.Pages == 0 {
			t.Errorf("no pass ran after a write by %s", name)
		}
		scrub()
		if p := scrub(); p != (sqlite.Pass{}) {
			t.Errorf("after the writes by %s: %+v, want no more passes", name, p)
		}
	}
}

// Writers and readers that run during a pass lose nothing, and wait a short time.
func TestScrubDuringWrites(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	c := newCalls(t, path, 2)
	c.run(200)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	var passes atomic.Int64
	other := open(t, path) // as another process
	for _, s := range []*sqlite.Store{c.s, other} {
		go func() {
			for ctx.Err() == nil {
				_, err := s.Scrub(ctx)
				if errors.Is(err, store.ErrUnavailable) {
					continue // the writers had the file for too long
				}
				if err != nil && ctx.Err() == nil {
					ended <- err
					return
				}
				passes.Add(1)
			}
			ended <- nil
		}()
	}
	for begun := time.Now(); passes.Load() < 10 && time.Since(begun) < time.Minute; {
		c.run(20)
	}
	stop()
	for range 2 {
		if err := <-ended; err != nil {
			t.Errorf("Scrub = %v", err)
		}
	}
	c.settle()
	for range 2 { // a page that moved behind the first pass
		if _, err := c.s.Scrub(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c.must(c.s.Flush(t.Context()))
	if n, first := c.traces(path); n > 0 {
		t.Errorf("%d names of deleted calls: %s", n, first)
	}
	c.check(path)
}

// A process that is killed during a pass loses nothing, and the next pass finishes.
func TestScrubSurvivesKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	c := newCalls(t, path, 3)
	for range 5 {
		c.run(80)
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), "SQLITE_TEST_SCRUB="+path)
		out, err := child.StdoutPipe()
		c.must(err)
		c.must(child.Start())
		_, _ = out.Read(make([]byte, 1)) // the pass begins
		time.Sleep(time.Duration(c.r.IntN(15)) * time.Millisecond)
		c.must(child.Process.Kill())
		_ = child.Wait()
		wantIntact(t, path)
	}
	c.settle()
	_, err := c.s.Scrub(t.Context())
	c.must(err)
	c.must(c.s.Flush(t.Context()))
	if n, first := c.traces(path); n > 0 {
		t.Errorf("%d names of deleted calls: %s", n, first)
	}
	c.check(path)
}

// scrubUntilKilled runs passes until the process is killed.
func scrubUntilKilled(path string) {
	s, err := sqlite.Open(context.Background(), path, sqlite.Options{Now: time.Now, Random: crand.Reader})
	for fmt.Println("begun"); err == nil; {
		_, err = s.Scrub(context.Background())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// A file with auto_vacuum has pages with pointers, whose first byte looks like the type
// of a b-tree page. A pass leaves such a file alone.
func TestScrubLeavesAutoVacuumAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"PRAGMA auto_vacuum = FULL", "CREATE TABLE other (x)", "DROP TABLE other"} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	c := newCalls(t, path, 3)
	c.run(50)
	if p, err := c.s.Scrub(t.Context()); p.Pages != 0 || err == nil || !strings.Contains(err.Error(), "auto_vacuum") {
		t.Errorf("Scrub = %+v, %v, want an error about auto_vacuum", p, err)
	}
}
