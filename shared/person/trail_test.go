package person_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/person"
)

// Every erasure is in the audit trail, and nothing else: neither recordings that a hold keeps, nor
// those that no longer exist. If the trail cannot be written, nothing is erased.
func TestErasuresAreInTheTrail(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t)
	f.hold(t, "held", recordingID(1))
	var mu sync.Mutex
	var noted []string
	broken := true
	f.eraser.Record = func(_ context.Context, _ *job.Job, id string) error {
		mu.Lock()
		defer mu.Unlock()
		if broken {
			return errors.New("no trail")
		}
		noted = append(noted, id)
		return nil
	}
	j := f.plan(t, person.EraseAction, anna)
	f.confirm(t, j)
	m, _ := f.line.Take()
	if _, err := f.engine().Slice(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	f.line.Again(m)
	for n := range spellings {
		if !f.exists(t, recordingID(n)) {
			t.Errorf("%s was erased without an entry in the trail", recordingID(n))
		}
	}
	broken = false
	f.work(t)
	slices.Sort(noted)
	var want []string
	for n := range spellings {
		if n != 1 {
			want = append(want, recordingID(n))
		}
	}
	if !slices.Equal(noted, want) {
		t.Errorf("the trail has %q, want %q", noted, want)
	}
	if !f.exists(t, recordingID(1)) {
		t.Error("the recording on hold was erased")
	}
}
