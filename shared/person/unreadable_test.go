package person_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media/mediatest"
	"github.com/callrecordings/api/shared/person"
	"github.com/callrecordings/api/shared/recording"
)

// Audio that can never be read does not fail the copy: the person gets everything else, and
// the certificate counts the missing audio.
func TestExportWithUnreadableAudio(t *testing.T) {
	t.Parallel()
	f := open(t)
	for n := range 3 {
		f.put(t, recordingID(n), spellings[n], fmt.Sprint("audio ", n))
	}
	lost := recording.AudioKey("A", recordingID(1))
	f.export.Bucket = &mediatest.Broken{Bucket: f.bucket, Fails: func(key string, _ int) (bool, int64) { return key == lost, 0 }}
	j, r := f.run(t, f.plan(t, person.ExportAction, anna))
	want := job.Progress{Done: job.Totals{Count: 2, Bytes: 14}, Failed: job.Totals{Count: 1, Bytes: 7}}
	if j.State != job.Done || j.Progress != want {
		t.Fatalf("%s %q, %+v, want %+v", j.State, j.Cause, j.Progress, want)
	}
	c, lines := f.certificate(t, r)
	if c.Failed != want.Failed || c.Done != want.Done || !c.Complete {
		t.Errorf("%+v", c)
	}
	if !slices.ContainsFunc(lines, func(l string) bool {
		return strings.Contains(l, recordingID(1)) && strings.Contains(l, `"outcome":"failed","cause":"audio_unreadable"`)
	}) {
		t.Errorf("the list lacks the recording: %q", lines)
	}
	files := f.unzip(t, r.Zip)
	if len(files) != 5 || files[fmt.Sprintf("%06d_%s.json", 2, recordingID(1))] == "" {
		t.Errorf("%d files, want three documents and two recordings", len(files))
	}
}
