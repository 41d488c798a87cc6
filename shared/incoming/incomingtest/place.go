package incomingtest

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming/namepattern"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// Place is where recordings arrive in a test: a real store, a bucket in memory,
// and a clock that the test sets.
type Place struct {
	*testing.T
	Records *sqlite.Store
	Objects *Bucket
	// Names has the pattern {caller}to{callee}.{ext}, besides the built-in ones.
	Names namepattern.Set
	// Time is the time of the clock.
	Time time.Time
}

// NewPlace opens a place, and closes it when the test ends.
func NewPlace(t *testing.T) *Place {
	t.Helper()
	p := &Place{T: t, Time: time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)}
	var err error
	p.Records, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: p.Clock, Random: rand.Reader, QueueChanges: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Records.Close() })
	p.Objects = NewBucket(p.Clock)
	if p.Names, err = namepattern.Open("{caller}to{callee}.{ext}", ""); err != nil {
		t.Fatal(err)
	}
	return p
}

// Clock returns the time of the place.
func (p *Place) Clock() time.Time { return p.Time }

// Exists checks that an object exists, or that it does not.
func (p *Place) Exists(key string, want bool) {
	p.Helper()
	if _, exists := p.Objects.Objects[key]; exists != want {
		p.Errorf("object %s exists: %v, want %v", key, exists, want)
	}
}

// PutBack checks that the audio that first arrived under a key is back, and that the one that
// replaced it is set aside.
func (p *Place) PutBack(key string, first, second []byte) {
	p.Helper()
	objects := p.Objects.Objects
	if !bytes.Equal(objects[key].Body, first) || !bytes.Equal(objects[recording.SetAsideKey(key)].Body, second) {
		p.Error("the first audio is not back, or the second is not aside")
	}
}

// Number returns a field of the document of r, which must be a number.
func Number(t testing.TB, r *recording.Recording, field string) int64 {
	t.Helper()
	n, ok := r.Document.Int(field)
	if !ok {
		t.Fatalf("%s is missing in %s", field, r.Document)
	}
	return n
}

// Sample returns a file from the tests of package audiofile.
func Sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../../audiofile/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
