package bulk_test

import (
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// An export has no recording that was deleted after the plan was made, although it could be
// restored.
func TestExportWithoutRestorableRecordings(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.put(t, recordingID(0), `{}`, "kept")
	f.put(t, recordingID(1), `{}`, "deleted")
	j := f.plan(t, bulk.ExportAction, bulk.Params{Account: true})
	until := recording.SecondsOf(f.now()) + 7*24*60*60
	if _, err := f.store.Delete(t.Context(), "A", recordingID(1), store.Deletion{Until: until}); err != nil {
		t.Fatal(err)
	}
	j = f.run(t, j)
	want := job.Progress{Done: job.Totals{Count: 1, Bytes: 4}, Skipped: job.Totals{Count: 1, Bytes: 7}}
	if j.State != job.Done || j.Progress != want {
		t.Errorf("%s, %+v, want %+v", j.State, j.Progress, want)
	}
	for name, content := range f.unzip(t, j) {
		if content == "deleted" || strings.HasPrefix(name, "000002") {
			t.Errorf("the file has %s", name)
		}
	}
	equalCauses(t, j, map[string]string{recordingID(1): "skipped deleted"})
}
