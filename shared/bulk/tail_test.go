package bulk_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/recording"
)

// Small recordings do not fill a part between two checkpoints. Their bytes survive in the tail,
// also across processes, and nothing but the file is left.
func TestExportOfSmallRecordings(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
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

// Two workers may write the same tail for a moment, if one of them has lost its lease. A tail
// that is not that of the checkpoint begins the file anew, and is never a part of it.
func TestExportWithTheTailOfAnotherWorker(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(tail []byte) []byte{
		"other bytes": func(tail []byte) []byte { tail[len(tail)-1]++; return tail },
		"fewer bytes": func(tail []byte) []byte { return tail[:len(tail)-1] },
		"more bytes":  func(tail []byte) []byte { return append(tail, 'x') },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t)
			for n := range 4 {
				f.put(t, recordingID(n), `{}`, fmt.Sprint("audio ", n))
			}
			j := f.plan(t, bulk.ExportAction, bulk.Params{Account: true})
			changed := 0
			f.between = func() {
				keys, err := f.bucket.List(t.Context(), recording.ExportsPrefix, "")
				if err != nil || len(keys) == 0 || changed > 0 {
					return
				}
				changed++
				body, _, err := f.bucket.Open(t.Context(), keys[0], "", nil)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(body)
				_ = body.Close()
				text = change(text)
				if err == nil {
					err = f.bucket.Put(t.Context(), keys[0], "application/octet-stream", bytes.NewReader(text), int64(len(text)))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if j = f.run(t, j); changed != 1 || j.State != job.Done || j.Progress.Done.Count != 4 {
				t.Fatalf("%d changes: %+v", changed, j)
			}
			files := f.unzip(t, j)
			for n := range 4 {
				if got := files[fmt.Sprintf("%06d_%s.mp3", n+1, recordingID(n))]; got != fmt.Sprint("audio ", n) {
					t.Errorf("recording %d: %q", n, got)
				}
			}
		})
	}
}
