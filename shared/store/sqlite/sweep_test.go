package sqlite

import (
	"bytes"
	"crypto/rand"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// deletedAt stores a recording, deletes it and marks it as purged.
func deletedAt(t *testing.T, s *Store, id string) {
	t.Helper()
	if err := s.Put(t.Context(), sample(id)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(t.Context(), "a", "202601-"+id, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Purged(t.Context(), "a", "202601-"+id, ""); err != nil {
		t.Fatal(err)
	}
}

// If the clock is years ahead, at a start or for some days, no tombstone is removed.
// If the clock is right, an expired tombstone is removed, even after a long downtime.
func TestAClockFarAheadKeepsTombstones(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	right := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := right
	start := func() *Store {
		s, err := open(t.Context(), path, Options{Now: func() time.Time { return now }, Random: rand.Reader}, busyTimeout)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	s := start()
	deletedAt(t, s, "a")
	wantTombstone := func(when string, want error) {
		t.Helper()
		if _, err := s.Tombstone(t.Context(), "a", "202601-a"); !errors.Is(err, want) {
			t.Fatalf("Tombstone %s = %v, want %v", when, err, want)
		}
	}
	for range 100 { // restarts
		now = right.AddDate(73, 0, 0)
		s = start()
		wantTombstone("after a start in 2099", nil)
		_ = s.Close()
	}
	s = start()
	for day := range 14 {
		now = right.AddDate(73, 0, day)
		if err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wantTombstone("after two weeks in 2099", nil)
	now = right.AddDate(0, 0, 1)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantTombstone("with the right clock", nil)
	now = right.AddDate(0, 0, store.TombstoneDays+1) // off for more than a year
	for range 60 {
		now = now.AddDate(0, 0, 1)
		if err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wantTombstone("after its time", store.ErrNotFound)
}

// A file of the previous version keeps its tombstones even if the clock is far
// ahead at the start that migrates the file.
func TestMigrationWithAClockFarAheadKeepsTombstones(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	s, err := open(t.Context(), path, Options{Now: clock, Random: rand.Reader}, busyTimeout)
	if err != nil {
		t.Fatal(err)
	}
	deletedAt(t, s, "a")
	revert(t, s)
	_ = s.Close()
	now = now.AddDate(73, 0, 0)
	if s, err = open(t.Context(), path, Options{Now: clock, Random: rand.Reader}, busyTimeout); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := s.Tombstone(t.Context(), "a", "202601-a"); err != nil {
		t.Errorf("Tombstone = %v, want nil", err)
	}
}

// The sweeps' time moves on twenty hours after it last did, and not earlier.
func TestASweepMovesOnAfterAPause(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	const start = recording.Seconds(63937071000)
	for _, step := range []struct{ now, want recording.Seconds }{
		{start, start}, {start + 71999, start}, {start + 72000, start + 72000}, {start + 72001, start + 72000},
	} {
		err := s.change(t.Context(), func(tx *sql.Tx) error {
			got, err := advanceSweep(t.Context(), tx, step.now)
			if got != step.want {
				t.Errorf("at %d the sweeps have reached %d, want %d", step.now, got, step.want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A sweep removes all that has expired, in transactions of bounded size: the -wal file
// stays short. A start removes some of it.
func TestASweepIsBounded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	o := Options{Now: func() time.Time { return now }, Random: rand.Reader}
	s, err := open(t.Context(), path, o, busyTimeout)
	if err != nil {
		t.Fatal(err)
	}
	const n = 5*sweepBatch + 1
	for first := 0; first < n; first += 100 {
		var writes []store.EntryWrite
		for i := first; i < min(first+100, n); i++ {
			key := store.EntryKey{Partition: "p", Key: strconv.Itoa(i)}
			value := []byte(`"` + strings.Repeat("x", 3000) + `"`)
			writes = append(writes, store.EntryWrite{Entry: store.Entry{EntryKey: key, Value: value, Expires: recording.SecondsOf(now) + 60}})
		}
		if err := s.WriteEntries(t.Context(), writes...); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	now = now.Add(48 * time.Hour)
	if s, err = open(t.Context(), path, o, busyTimeout); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	count := func() (rows int) {
		t.Helper()
		if err := s.read.QueryRowContext(t.Context(), "SELECT count(*) FROM entries").Scan(&rows); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	if got, want := count(), n-sweepBatch; got != want {
		t.Errorf("after a start: %d entries, want %d", got, want)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := count(); got != 0 {
		t.Errorf("after a sweep: %d entries, want none", got)
	}
	// SQLite moves the pages to the database after every 1,000, so at most that many and
	// those of one transaction are in the file.
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() > LogLimit+8192*sweepBatch {
		t.Errorf("-wal after a sweep: %d bytes, %v", info.Size(), err)
	}
}

// A tombstone keeps only the fields of the recording that a purge needs, and not
// the caller, the owner or the announced upload.
func TestATombstoneKeepsNoDocument(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	s := openWithTimeout(t, path, busyTimeout)
	r := sample("a")
	r.Owner, r.Made, r.Document = "secret-owner", "secret-made", `{"from":"secret-number"}`
	r.Upload = recording.Upload{ContentType: "secret/type", Size: 7, SHA256: "secret-sum"}
	if err := s.Put(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(t.Context(), "a", r.ID, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	var owner, document, made, kind, sum string
	var size int64
	err := s.read.QueryRowContext(t.Context(), "SELECT owner, doc, made, upload_type, upload_size, upload_sha256 FROM recordings").
		Scan(&owner, &document, &made, &kind, &size, &sum)
	if err != nil || owner+made+kind+sum != "" || size != 0 || document != "{}" {
		t.Errorf("the row holds %q %q %q %q %d %q, %v, want nothing of the recording", owner, document, made, kind, size, sum, err)
	}
}

// A start does not rewrite the whole file. That would take as much space again.
func TestAStartDoesNotRewriteTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	free := func(s *Store) (pages int) {
		t.Helper()
		if err := s.read.QueryRowContext(t.Context(), "PRAGMA freelist_count").Scan(&pages); err != nil {
			t.Fatal(err)
		}
		return pages
	}
	s := openWithTimeout(t, path, busyTimeout)
	for _, statement := range []string{
		"INSERT INTO queue (name, body) VALUES ('changes', '" + strings.Repeat("x", 100_000) + "')", "DELETE FROM queue",
	} {
		if _, err := s.write.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	before := free(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if after := free(openWithTimeout(t, path, busyTimeout)); before == 0 || after != before {
		t.Errorf("%d free pages after a start, want %d as before, and more than none", after, before)
	}
}

// Close leaves an empty -wal file and the -shm file, so that the database can be
// opened on a full disk. The database alone is complete.
func TestCloseKeepsTheSpaceForTheNextStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	s := openWithTimeout(t, path, busyTimeout)
	if err := s.Put(t.Context(), sample("a")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, empty := range map[string]bool{"-wal": true, "-shm": false} {
		if info, err := os.Stat(path + name); err != nil || (info.Size() == 0) != empty {
			t.Errorf("%s after Close: %v, %v, want it to be there, empty: %t", name, info, err, empty)
		}
	}
	alone := filepath.Join(t.TempDir(), "copy.db")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(alone, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openWithTimeout(t, alone, busyTimeout).Get(t.Context(), "a", "202601-a"); err != nil {
		t.Errorf("Get from a copy of the database alone = %v, want nil", err)
	}
}

// damaged writes a copy of a file that is damaged from one byte up to another, and returns its path.
func damaged(t *testing.T, data []byte, from, to int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "damaged.db")
	text := bytes.Clone(data)
	for i := from; i < to; i++ {
		text[i] = 'x'
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// An error of a damaged file is ErrDamaged in every statement, and no other error is.
func TestErrorsOfDamagedFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	if err := openWithTimeout(t, path, busyTimeout).Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		from, to  int
		statement string
		damaged   bool
	}{
		{"header", 0, 100, "SELECT count(*) FROM recordings", true},
		{"pages", 4096, len(data), "SELECT count(*) FROM recordings", true},
		{"nothing", 0, 0, "SELECT nothing FROM recordings", false},
	} {
		db, err := sql.Open("sqlite", damaged(t, data, c.from, c.to))
		if err != nil {
			t.Fatal(err)
		}
		var n int
		failed := db.QueryRowContext(t.Context(), c.statement).Scan(&n)
		if failed == nil || errors.Is(fail("count", "a", "", failed), ErrDamaged) != c.damaged {
			t.Errorf("damaged %s: %v, want ErrDamaged: %t", c.name, failed, c.damaged)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// An error of a damaged file is ErrDamaged, at the start and later.
func TestDamagedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	s := openWithTimeout(t, path, busyTimeout)
	for i := range 200 {
		if err := s.Put(t.Context(), sample(strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]int{"header": 0, "pages": 4096} {
		s, err := open(t.Context(), damaged(t, data, from, len(data)), Options{Now: time.Now, Random: rand.Reader}, busyTimeout)
		if err == nil {
			_, err = s.Get(t.Context(), "a", "202601-1")
			_ = s.Close()
		}
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("with damaged %s: %v, want ErrDamaged", name, err)
		}
	}
}
