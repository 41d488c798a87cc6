package bucket_test

import (
	"testing"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// If rejected audio was set aside just before a delete, a late arrival for the
// deleted recording removes that copy too.
func TestALateArrivalRemovesWhatWasSetAside(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.create(recording.Upload{})
	if _, err := d.Records.Delete(t.Context(), account, id, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	d.Objects.Put(aside, "audio/mpeg", []byte("rejected"), nil)
	d.Objects.Put(key, "audio/mpeg", []byte("late"), nil)
	d.ingest("1", incoming.Removed)
	d.Exists(key, false)
	d.Exists(aside, false)
}
