package inbox_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"callrecordings/shared/incoming/inbox"
	"callrecordings/shared/incoming/incomingtest"
	"callrecordings/shared/incoming/namepattern"
	"callrecordings/shared/recording"
	"callrecordings/shared/store/sqlite"
)

const (
	account = "acc"
	id      = "202601-call"
)

// fixture is an inbox over a real store and a bucket in memory.
type fixture struct {
	inbox.Inbox
	*testing.T
	store  *sqlite.Store
	bucket *incomingtest.Bucket
	now    time.Time
}

func open(t *testing.T) *fixture {
	t.Helper()
	d := &fixture{T: t, now: time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return d.now }
	var err error
	d.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: clock, Random: rand.Reader, QueueChanges: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.store.Close() })
	d.bucket = incomingtest.NewBucket(clock)
	names, err := namepattern.Open("{caller}to{callee}.{ext}", "")
	if err != nil {
		t.Fatal(err)
	}
	d.Inbox = inbox.Inbox{Store: d.store, Audio: d.bucket, Names: names, MaxBytes: 1 << 20, Now: clock}
	return d
}

// create stores a recording with audio in that condition; the zero value waits
// for its audio.
func (d *fixture) create(audio recording.Audio) {
	d.Helper()
	now := recording.SecondsOf(d.now)
	r := &recording.Recording{
		Account: account, ID: id, Owner: "u", Created: now, Modified: now, Made: "made", Audio: audio,
		Document: recording.Complete(`{"from":"a@b","owner_id":"u"}`, id, now),
	}
	if err := d.store.Put(d.Context(), r); err != nil {
		d.Fatal(err)
	}
}

// exists expects that an object exists, or that it does not.
func (d *fixture) exists(key string, want bool) {
	d.Helper()
	if _, exists := d.bucket.Objects[key]; exists != want {
		d.Errorf("object %s exists: %v, want %v", key, exists, want)
	}
}

// number returns a field of the document.
func number(t testing.TB, r *recording.Recording, field string) int64 {
	t.Helper()
	n, ok := r.Document.Int(field)
	if !ok {
		t.Fatalf("%s is missing in %s", field, r.Document)
	}
	return n
}

// sample returns a file from the tests of package audiofile.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../../audiofile/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
