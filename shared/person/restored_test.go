package person_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/person"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// restoring is a store in which another client once restores a recording right before it is
// given up: after the erasure has seen that it is deleted. restored is called after an attempt
// to give it up.
type restoring struct {
	*sqlite.Store

	done     bool
	restored func()
}

func (s *restoring) Condemn(ctx context.Context, account, id string, check func(*store.Tombstone) error, guards ...store.Guard) error {
	if s.done {
		return s.Store.Condemn(ctx, account, id, check, guards...)
	}
	s.done = true
	if _, err := s.Restore(ctx, account, id, func(*store.Tombstone) error { return nil }); err != nil {
		return err
	}
	err := s.Store.Condemn(ctx, account, id, check, guards...)
	s.restored()
	return err
}

// A recording that is restored while it is erased is erased all the same, even if it is deleted
// again. The certificate does not say that another request deleted it.
func TestErasureOfWhatIsRestoredMeanwhile(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{false, true} {
		f := open(t)
		f.put(t, recordingID(1), spellings[0], "one")
		remove := func() {
			t.Helper()
			until := recording.SecondsOf(f.now().Add(240 * time.Hour))
			if _, err := f.store.Delete(t.Context(), "A", recordingID(1), store.Deletion{Until: until}); err != nil {
				t.Fatal(err)
			}
		}
		remove()
		d := deletion.New(&restoring{Store: f.store, restored: func() {
			if again {
				remove()
			}
		}}, 0, f.now)
		f.eraser.Deleter = deletion.Eraser{Deleter: d, Store: f.store, Audio: f.bucket}
		j, r := f.run(t, f.plan(t, person.EraseAction, anna))
		if f.exists(t, recordingID(1)) {
			t.Error("the recording still exists")
		}
		found, err := f.store.Tombstone(t.Context(), "A", recordingID(1))
		if err != nil || found.Recording != nil {
			t.Errorf("deleted again %t: the tombstone is %+v, %v, want one that cannot be restored", again, found, err)
		}
		c, lines := f.certificate(t, r)
		if j.State != job.Done || c.Done.Count != 1 || c.Skipped.Count != 0 || !strings.Contains(lines[0], `"outcome":"done"`) {
			t.Errorf("deleted again %t: %s, done %+v, skipped %+v, %q", again, j.State, c.Done, c.Skipped, lines)
		}
	}
}
