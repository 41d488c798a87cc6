package main

import (
	"bytes"
	"context"
	"database/sql"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming/upload"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// remove deletes a recording from the table. The purge stays pending.
func remove(t *testing.T, b *box, r *recording.Recording) {
	t.Helper()
	if _, err := b.store.Delete(t.Context(), r.Account, r.ID, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
}

// A failed purge is retried while the server runs. If it fails again, the others
// still finish.
func TestPurgesAreRetried(t *testing.T) {
	t.Parallel()
	b, _, log := newBox(t)
	const blocked = 2 * pendingAtOnce
	for n := range blocked + 1 {
		r := &recording.Recording{Account: "a", ID: "202601-" + strconv.Itoa(1000+n), Created: 1, Document: "{}", Audio: recording.Audio{Place: recording.Managed, Size: 1}}
		if err := b.store.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		storeObject(t, b, r.AudioKey(), []byte("x"))
		remove(t, b, r)
	}
	good := b.bucket
	other, err := b.dir.OpenBucket("http://127.0.0.1:1", "")
	if err != nil {
		t.Fatal(err)
	}
	b.bucket = other // S3 does not answer
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	b.finishPurges(ctx)
	cancel()
	b.bucket = good
	if pending, err := b.store.PendingPurges(t.Context(), 1000); err != nil || len(pending) != blocked+1 {
		t.Fatalf("%d purges are pending, %v, want all %d", len(pending), err, blocked+1)
	}
	b.retryFailed(t.Context())
	if pending, err := b.store.PendingPurges(t.Context(), 1000); err != nil || len(pending) > 0 {
		t.Errorf("%d purges are pending, %v, want none: %s", len(pending), err, log)
	}
	wantNoAudio(t, b.dir)
}

// tidyAndDrain removes leftovers, and processes the arrivals that it queues.
func tidyAndDrain(t *testing.T, b *box) {
	t.Helper()
	if err := b.tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	drain(t, b)
}

// Audio without a recording does not stay for good. If a client may have stored it,
// it becomes an arrival. If only a dead upload could claim it, it is removed after a
// safe age. Audio of an existing recording is left alone.
func TestOrphans(t *testing.T) {
	t.Parallel()
	b, now, _ := newBox(t)
	mp3 := demoFile(t, "01-appointment.mp3")
	in := b.uploader()
	kept, err := in.Add(t.Context(), upload.Request{Account: "a", ID: "202601-kept"}, bytes.NewReader(mp3), int64(len(mp3)), nil)
	if err != nil {
		t.Fatal(err)
	}
	gone, err := in.Add(t.Context(), upload.Request{Account: "a"}, bytes.NewReader(mp3), int64(len(mp3)), nil)
	if err != nil {
		t.Fatal(err)
	}
	remove(t, b, gone)
	b.finishPurges(t.Context())
	drain(t, b) // the events of these uploads
	const adopted = "recordings/a/202601/202601-adopted"
	orphans := map[string]bool{ // whether only a dead upload can claim it
		"recordings/a/202601/202601-kept~0123456789abcdef": true, // the demo was killed and began again
		"recordings/a/202601/202601-dead~0123456789abcdef": true, // `recordings add --id` was killed
		gone.AudioKey():             false, // an upload raced the delete, and a kill lost its event
		adopted:                     false, // a client's PUT; its event was lost
		"recordings/a/202601/no-id": false,
	}
	for key := range orphans {
		storeObject(t, b, key, mp3)
	}
	tidyAndDrain(t, b)
	for key := range orphans {
		if !exists(t, b, key) {
			t.Errorf("%s is gone at once, want it kept for a safe age", key)
		}
	}
	now.add(ages.Arrival + 30*time.Second) // the objects are newer than the test's clock
	tidyAndDrain(t, b)
	for key, dead := range orphans {
		if want := dead || key != gone.AudioKey(); exists(t, b, key) != want {
			t.Errorf("after a minute, %s exists: %t, want %t", key, !want, want)
		}
	}
	r, err := b.store.Get(t.Context(), "a", "202601-adopted")
	if err != nil || r.Audio.Condition() != recording.Ready {
		t.Errorf("audio that a client stored: %+v, %v, want a recording that is ready", r, err)
	}
	now.add(ages.Orphan)
	tidyAndDrain(t, b)
	for key, dead := range orphans {
		if want := !dead && key != gone.AudioKey(); exists(t, b, key) != want {
			t.Errorf("after an hour, %s exists: %t, want %t", key, !want, want)
		}
	}
	if !exists(t, b, kept.AudioKey()) {
		t.Error("the audio of a recording was removed")
	}
}

// Leftovers are removed once they are old enough, and not before.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	b, now, _ := newBox(t)
	times := map[string]time.Duration{
		"set-aside/a/202601/202601-x": ages.SetAside,
		"probes/a/0123":               ages.Probe,
	}
	for key := range times {
		storeObject(t, b, key, []byte("x"))
	}
	files := map[string]bool{"keys.json.123": true, "demo.env.4": true, "demo.done.5": true, "import-6.audio": true, "import-x.audio": false, "keys.json.bak": false, "keys.json": false}
	for name := range files {
		if name != "keys.json" {
			if err := os.WriteFile(b.dir.File(name), []byte("secret"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := b.tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name := range files {
		if _, err := os.Stat(b.dir.File(name)); err != nil {
			t.Errorf("%s: %v, want it kept while it may be in use", name, err)
		}
	}
	for _, passed := range []time.Duration{temporaryTime, ages.Probe, ages.SetAside} {
		now.add(passed + 2*time.Second)
		if err := b.tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		for key, limit := range times {
			if want := passed < limit; exists(t, b, key) != want {
				t.Errorf("after %v, %s exists: %t, want %t", passed, key, !want, want)
			}
		}
	}
	for name, temporary := range files {
		if _, err := os.Stat(b.dir.File(name)); (err == nil) == temporary {
			t.Errorf("%s: %v, want it removed: %t", name, err, temporary)
		}
	}
}

// The upkeep empties the log of the database each minute, and at the start, so that
// old copies of deleted content do not stay there.
func TestUpkeepEmptiesTheLogOfTheDatabase(t *testing.T) {
	t.Parallel()
	for name, upkeep := range map[string]func(*box, context.Context){
		"each minute":  (*box).retryFailed,
		"at the start": func(b *box, ctx context.Context) { _ = b.tidy(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _, _ := newBox(t)
			r := &recording.Recording{Account: "a", ID: "202611-a", Document: `{"from":"+15550199"}`}
			if err := b.store.Put(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			remove(t, b, r)
			upkeep(b, t.Context())
			if info, err := os.Stat(b.dir.File("recordings.db-wal")); err != nil || info.Size() != 0 {
				t.Errorf("recordings.db-wal: %v, %v, want it empty", info, err)
			}
		})
	}
}

// While another program reads the database, its log grows, and the server warns. After that,
// the log is emptied.
func TestALongReadIsReported(t *testing.T) {
	t.Parallel()
	b, _, log := newBox(t)
	put := func(id string) {
		t.Helper()
		r := &recording.Recording{Account: "a", ID: id, Created: 1, Document: recording.Document(`{"x":"` + strings.Repeat("x", 100_000) + `"}`)}
		if err := b.store.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	put("202611-0")
	other, err := sql.Open("sqlite", b.dir.File("recordings.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() //nolint:errcheck // it only reads
	reader, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := reader.QueryRowContext(t.Context(), "SELECT count(*) FROM recordings").Scan(&n); err != nil {
		t.Fatal(err)
	}
	const limit = 1 << 20
	for i := range 12 {
		put("202611-1" + strconv.Itoa(i))
	}
	upkeep := func() string {
		b.retryFailed(t.Context())
		before := len(log.String())
		b.checkLog(t.Context(), limit)
		return log.String()[before:]
	}
	if text := upkeep(); !strings.Contains(text, "another program has been reading") {
		t.Errorf("the log is %q during a long read, want a warning", text)
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	if text := upkeep(); text != "" {
		t.Errorf("the log is %q after the read, want nothing", text)
	}
}

// The server overwrites the copies of rows that SQLite moved before they were deleted.
func TestCopiesOfDeletedRowsAreOverwritten(t *testing.T) {
	t.Parallel()
	b, _, _ := newBox(t)
	const name = "Zaphod Beeblebrox"
	random := rand.New(rand.NewPCG(1, 1))
	var deleted []store.EntryKey
	for i := range 2000 { // keys in no order move others to the next page
		caller := "Arthur Dent"
		key := store.EntryKey{Partition: "p", Key: strconv.Itoa(int(random.Uint32()))}
		if i%3 == 0 {
			caller = name
			deleted = append(deleted, key)
		}
		value := []byte(`{"from":"` + caller + `","x":"` + strings.Repeat("x", random.IntN(900)) + `"}`)
		if err := b.store.WriteEntries(t.Context(), store.EntryWrite{Entry: store.Entry{EntryKey: key, Value: value}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range deleted {
		if err := b.store.WriteEntries(t.Context(), store.EntryWrite{Entry: store.Entry{EntryKey: key}, Delete: true}); err != nil {
			t.Fatal(err)
		}
	}
	found := func() int {
		if err := b.store.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(b.dir.File("recordings.db"))
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(text, []byte(name))
	}
	if found() == 0 {
		t.Fatal("no copies are in the database, so this test shows nothing")
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { b.scrub(ctx); close(ended) }()
	for end := time.Now().Add(time.Minute); found() > 0 && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	<-ended
	if n := found(); n > 0 {
		t.Errorf("the database has %d copies of the name of a deleted caller", n)
	}
}

// At startup, the audio of the last minute before the previous run ended is judged
// again. Zeroed audio is set aside. Audio with a wrong size is only logged, because
// ingest would accept part of an mp3 as complete. Intact audio changes nothing.
func TestRecentAudioIsCheckedAgain(t *testing.T) {
	t.Parallel()
	b, now, log := newBox(t)
	mp3 := demoFile(t, "01-appointment.mp3")
	in := b.uploader()
	add := func() *recording.Recording {
		r, err := in.Add(t.Context(), upload.Request{Account: "a"}, bytes.NewReader(mp3), int64(len(mp3)), nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	old := add()
	now.add(2 * recheckTime)
	zeroed, cut, missing, intact := add(), add(), add(), add()
	drain(t, b)
	for _, r := range []*recording.Recording{zeroed, old} {
		if err := os.WriteFile(objectPath(b, r.AudioKey()), make([]byte, len(mp3)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(objectPath(b, cut.AudioKey()), 1000); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(objectPath(b, missing.AudioKey())); err != nil {
		t.Fatal(err)
	}
	if err := b.recheck(t.Context(), now.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	drain(t, b)
	for name, c := range map[string]struct {
		r    *recording.Recording
		want recording.State
	}{"zeros": {zeroed, recording.Failed}, "cut": {cut, recording.Ready}, "intact": {intact, recording.Ready}, "old": {old, recording.Ready}} {
		got, err := b.store.Get(t.Context(), "a", c.r.ID)
		if err != nil || got.Audio.Condition() != c.want {
			t.Errorf("%s: %+v, %v, want %s", name, got, err, c.want)
		}
		if c.want == recording.Ready && (got.Revision != c.r.Revision || got.Audio.Size != int64(len(mp3))) {
			t.Errorf("%s: revision %s and %d bytes, want the old %s and %d", name, got.Revision, got.Audio.Size, c.r.Revision, len(mp3))
		}
	}
	for what, r := range map[string]*recording.Recording{"is missing": missing, "does not have the size": cut} {
		if text := log.String(); !strings.Contains(text, what) || !strings.Contains(text, `"id":"`+r.ID+`"`) {
			t.Errorf("the log does not name %s, whose audio %s: %s", r.ID, what, text)
		}
	}
}
