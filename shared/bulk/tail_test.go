package bulk_test

import (
	"fmt"
	"testing"

	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/recording"
)

// Small recordings do not fill a part between two checkpoints. Their bytes survive in the tail,
// also across processes, and nothing but the file is left.
func TestExportOfSmallRecordings(t *testing.T) {
	t.Parallel()
	f := open(t)
	const many = 40
	for n := range many {
		f.put(t, recordingID(n), `{}`, fmt.Sprint("audio ", n))
	}
	j := f.plan(t, bulk.ExportAction, bulk.Params{Account: true})
	slices := 0
	f.between = func() { slices++ }
	if j = f.run(t, j); j.State != job.Done || j.Progress.Done.Count != many || slices <= many {
		t.Fatalf("%d slices: %+v", slices, j)
	}
	files := f.unzip(t, j)
	for n := range many {
		if got := files[fmt.Sprintf("%06d_%s.mp3", n+1, recordingID(n))]; got != fmt.Sprint("audio ", n) {
			t.Errorf("recording %d: %q", n, got)
		}
	}
	if len(files) != 2*many+1 {
		t.Errorf("%d files", len(files))
	}
	keys, err := f.bucket.List(t.Context(), recording.ExportsPrefix, "")
	if err != nil || len(keys) != 1 {
		t.Errorf("the bucket has %q, %v", keys, err)
	}
}
