package bulk_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media/mediatest"
	"github.com/callrecordings/api/shared/recording"
)

// Audio that can never be read does not fail an export: after several tries it is left out,
// and counted as a failure. Audio that is only unavailable for a while is in the file.
func TestExportWithUnreadableAudio(t *testing.T) {
	t.Parallel()
	for name, slice := range map[string]time.Duration{"short slices": 0, "long slices": time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			exportUnreadable(t, slice)
		})
	}
}

func exportUnreadable(t *testing.T, slice time.Duration) {
	t.Helper()
	f := open(t)
	f.slice = slice
	for n := range 7 {
		f.put(t, recordingID(n), `{}`, fmt.Sprint("audio ", n))
	}
	keys := map[string]int{}
	for n := range 7 {
		keys[recording.AudioKey("A", recordingID(n))] = n
	}
	broken := &mediatest.Broken{Bucket: f.bucket, Fails: func(key string, tries int) (bool, int64) {
		n, audio := keys[key]
		switch {
		case !audio:
			return false, 0
		case n == 2 || n == 3:
			return true, 0
		case n == 5:
			return true, 4
		}
		return n == 4 && tries <= 6, 0
	}}
	f.options.Bucket = broken
	j := f.run(t, f.plan(t, bulk.ExportAction, bulk.Params{Account: true}))
	want := job.Progress{Done: job.Totals{Count: 4, Bytes: 28}, Failed: job.Totals{Count: 3, Bytes: 21}}
	if j.State != job.Done || j.Progress != want {
		t.Fatalf("%s %q, %+v, want %+v", j.State, j.Cause, j.Progress, want)
	}
	equalCauses(t, j, map[string]string{
		recordingID(2): "failed audio_unreadable", recordingID(3): "failed audio_unreadable", recordingID(5): "failed audio_unreadable",
	})
	files := f.unzip(t, j)
	if len(files) != 7+4+1 {
		t.Errorf("%d files", len(files))
	}
	for _, n := range []int{0, 1, 4, 6} {
		if got := files[fmt.Sprintf("%06d_%s.mp3", n+1, recordingID(n))]; got != fmt.Sprint("audio ", n) {
			t.Errorf("audio %d: %q", n, got)
		}
	}
	for key, n := range keys {
		if n == 2 || n == 3 || n == 5 {
			if tries := broken.Opened(key); tries < 8 || tries > 12 {
				t.Errorf("audio %d was read %d times", n, tries)
			}
			line := fmt.Sprintf(`"document":"%06d_%s.json","cause":"audio_unreadable"}`, n+1, recordingID(n))
			if !strings.Contains(files["manifest.jsonl"], line) {
				t.Errorf("the manifest lacks %s:\n%s", line, files["manifest.jsonl"])
			}
		}
	}
}

// In an outage, each recording has all its tries, so an export gives up few of them.
func TestExportInAnOutage(t *testing.T) {
	t.Parallel()
	f := open(t)
	for n := range 3 {
		f.put(t, recordingID(n), `{}`, "audio")
	}
	f.slice = time.Second
	failures := 0
	f.options.Bucket = &mediatest.Broken{Bucket: f.bucket, Fails: func(key string, _ int) (bool, int64) {
		failing := failures < 11 && strings.HasPrefix(key, "recordings/")
		if failing {
			failures++
		}
		return failing, 0
	}}
	j := f.run(t, f.plan(t, bulk.ExportAction, bulk.Params{Account: true}))
	if j.State != job.Done || j.Progress.Failed.Count != 1 || j.Progress.Done.Count != 2 {
		t.Errorf("%s, %+v, want one that was given up in the outage", j.State, j.Progress)
	}
}
