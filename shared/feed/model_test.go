package feed_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// table is a table of recordings in memory, with a stream of changes.
type table struct {
	random *mathrand.Rand
	now    func() time.Time
	images map[string]*store.Image // by account/ID
	stream []store.Change          // the last changes
	// writes counts the writes, and events those that belong in the feed.
	writes, events int
}

// write makes one random write.
func (w *table) write() {
	w.writes++
	account, id := "a"+strconv.Itoa(w.random.IntN(3)), fmt.Sprintf("202601-%d", w.random.IntN(40))
	before := w.images[account+"/"+id]
	after := &store.Image{Recording: recording.Recording{
		Account: account, ID: id, Revision: fmt.Sprintf("r%d", w.writes), Owner: "o" + strconv.Itoa(w.random.IntN(2)),
		Created: 63_900_000_000, Modified: recording.SecondsOf(w.now()),
	}}
	if before != nil && !before.Deleted && w.random.IntN(4) == 0 {
		after.Deleted, after.Recording.Owner = true, ""
	}
	w.images[account+"/"+id] = after
	w.stream = append(w.stream, store.Change{Before: before, After: after, At: w.now()})
	if _, ok := notify.Of(w.stream[len(w.stream)-1]); ok {
		w.events++
	}
}

// living returns the revisions of the recordings that are not deleted.
func (w *table) living() map[string]string {
	found := map[string]string{}
	for key, i := range w.images {
		if !i.Deleted {
			found[key] = i.Recording.Revision
		}
	}
	return found
}

// client knows only the feed. It stores its copy and its cursor together.
type client struct {
	account string
	cursor  feed.Cursor
	copy    map[string]string
	seen    map[string]bool
	entries int
}

// read reads one page, and stores it unless the client is killed.
func (c *client) read(t *testing.T, f *feed.Feed, limit int, killed bool) error {
	t.Helper()
	page, err := f.Page(t.Context(), c.account, c.cursor, limit)
	if err != nil || killed {
		return err
	}
	if page.Next.Sequence != c.cursor.Sequence+int64(len(page.Entries)) {
		t.Errorf("a page of %d entries after %d ends at %d", len(page.Entries), c.cursor.Sequence, page.Next.Sequence)
	}
	for n, e := range page.Entries {
		if want := c.cursor.Sequence + int64(n) + 1; e.Sequence != want {
			t.Errorf("entry %d comes where %d belongs", e.Sequence, want)
		}
		if write := e.ID + " " + e.Revision; c.seen[write] {
			t.Errorf("%s is in the feed twice", write)
		} else {
			c.seen[write] = true
		}
		if c.copy[c.account+"/"+e.ID] = e.Revision; e.Kind == feed.Deleted {
			delete(c.copy, c.account+"/"+e.ID)
		}
	}
	c.cursor, c.entries = page.Next, c.entries+len(page.Entries)
	return nil
}

// follow appends batches of a stream that delivers again from any place that is not done,
// and now and then from the beginning of a batch that is.
func follow(t *testing.T, f *feed.Feed, random *mathrand.Rand, stream []store.Change) {
	t.Helper()
	for at := 0; at < len(stream); {
		batch := stream[at:min(len(stream), at+1+random.IntN(100))]
		done, err := f.Append(t.Context(), batch)
		if (done == len(batch)) != (err == nil) {
			t.Fatalf("Append = %d of %d, %v", done, len(batch), err)
		}
		if err != nil && !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrConflict) {
			t.Fatal(err)
		}
		if random.IntN(5) > 0 { // else it was killed before it could report
			at += done
		}
	}
}

// errKilled is the error of a call that was cut off.
var errKilled = fmt.Errorf("%w: killed", store.ErrUnavailable)

// equality makes writes changes, and checks that a client that knows only the feed has the
// table at the end.
func equality(t *testing.T, entries faultstore.Driver, now func() time.Time, writes int) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := mathrand.New(mathrand.NewPCG(seed, 1))
	var mu sync.Mutex
	faulty := faultstore.NewWith(entries, func(int) faultstore.Fault {
		mu.Lock()
		defer mu.Unlock()
		switch random.IntN(20) {
		case 0:
			return faultstore.Fault{Err: errKilled, When: faultstore.Before}
		case 1:
			return faultstore.Fault{Err: errKilled, When: faultstore.After}
		}
		return faultstore.Fault{}
	})
	locked := mathrand.New(mathrand.NewPCG(seed, 2))
	w := &table{random: locked, now: now, images: map[string]*store.Image{}}
	f := feed.New(faulty, now)
	clients := []*client{}
	for n := range 3 {
		clients = append(clients, &client{account: "a" + strconv.Itoa(n), copy: map[string]string{}, seen: map[string]bool{}})
	}
	for w.writes < writes {
		w.stream = w.stream[max(0, len(w.stream)-500):]
		first := len(w.stream)
		for range min(1+locked.IntN(200), writes-w.writes) {
			w.write()
		}
		follow(t, f, locked, w.stream[first:])
		for _, c := range clients {
			if err := c.read(t, f, 1+locked.IntN(150), locked.IntN(4) == 0); err != nil && !errors.Is(err, store.ErrUnavailable) {
				t.Fatal(err)
			}
		}
	}
	sound, read, copied := feed.New(entries, now), 0, map[string]string{}
	if done, err := sound.Append(t.Context(), w.stream[max(0, len(w.stream)-500):]); err != nil { // all of it is known
		t.Fatal(done, err)
	}
	for _, c := range clients {
		for more := true; more; {
			before := c.cursor
			if err := c.read(t, sound, 1000, false); err != nil {
				t.Fatal(err)
			}
			more = c.cursor != before
		}
		read += c.entries
		for key, revision := range c.copy {
			copied[key] = revision
		}
	}
	if diff := gocmp.Diff(w.living(), copied); diff != "" {
		t.Errorf("the copy of the clients (-table +copy):\n%s", diff)
	}
	if read != w.events {
		t.Errorf("%d entries for %d changes", read, w.events)
	}
}

// writesOf returns how many changes a test makes: FEED_CHANGES, or else few.
func writesOf(t *testing.T, few int) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("FEED_CHANGES"), strconv.Itoa(few)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestClientEqualsTheTable makes random changes, and kills the follower and the clients.
func TestClientEqualsTheTable(t *testing.T) {
	t.Parallel()
	clock := time.Now
	equality(t, openStore(t, clock), clock, writesOf(t, 1000))
}

// openStore returns an empty store that queues its changes.
func openStore(t *testing.T, now func() time.Time) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"),
		sqlite.Options{Now: now, Random: rand.Reader, QueueChanges: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// queued returns the changes in the queue of s, and removes them.
func queued(t *testing.T, s *sqlite.Store) []store.Change {
	t.Helper()
	due, err := s.Due(t.Context(), sqlite.Changes, 1000)
	if err != nil {
		t.Fatal(err)
	}
	changes := make([]store.Change, len(due))
	for i, m := range due {
		if err := json.Unmarshal(m.Body, &changes[i]); err != nil {
			t.Fatal(err)
		}
		if err := s.Done(context.WithoutCancel(t.Context()), m.Number); err != nil {
			t.Fatal(err)
		}
	}
	return changes
}
