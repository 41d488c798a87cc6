package bulk_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
)

// noticed is a store that calls during once, in the middle of a batch: after a deletion or a
// change.
type noticed struct {
	retention.Driver

	calls  *atomic.Int32
	during func()
}

func (n noticed) notice() {
	if n.calls.Add(1) == 2 {
		n.during()
	}
}

func (n noticed) Delete(ctx context.Context, account, id string, d store.Deletion) (*recording.Recording, error) {
	r, err := n.Driver.Delete(ctx, account, id, d)
	if err == nil {
		n.notice()
	}
	return r, err
}

func (n noticed) Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	r, err := n.Driver.Update(ctx, account, id, change)
	if err == nil {
		n.notice()
	}
	return r, err
}

// A job that is cancelled in the middle of a batch counts the completed part of the batch,
// although its worker could not save it. The same holds for a job that fails there.
func TestCancelledInABatch(t *testing.T) {
	t.Parallel()
	for _, a := range []struct {
		action string
		params bulk.Params
	}{
		{bulk.DeleteAction, bulk.Params{Filter: inbound}},
		{bulk.TagAction, bulk.Params{Filter: inbound + "&key_missing=user_metadata.a", Metadata: []byte(`{"a":1}`)}},
	} {
		f := open(t)
		f.sparse = true
		f.fill(t, 5)
		j := f.plan(t, a.action, a.params)
		f.use(noticed{f.store, new(atomic.Int32), func() {
			if _, err := f.book.Cancel(t.Context(), "A", j.ID, func() error { return nil }); err != nil {
				t.Error(err)
			}
		}}, 0)
		if j = f.run(t, j); j.State != job.Cancelled || j.Progress.Done != (job.Totals{Count: 5, Bytes: 15}) {
			t.Errorf("%s: %+v", a.action, j)
		}
	}
	f := open(t)
	f.sparse = true
	f.fill(t, 5)
	j := f.plan(t, bulk.TagAction, bulk.Params{Filter: inbound, Metadata: []byte(`{"a":1}`)})
	f.use(busy{Driver: f.store, id: recordingID(4), err: store.ErrUnavailable}, 0)
	if j = f.run(t, j); j.State != job.Failed || j.Progress.Done.Count != 4 {
		t.Errorf("%+v", j)
	}
}
