package archive

import (
	"errors"
	"testing"

	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
)

// A file without the audio of many recordings is useless, and a bucket without audio is down.
// Then the job fails.
func TestFewRecordingsMayBeUnreadable(t *testing.T) {
	t.Parallel()
	r := &recording.Recording{Account: "A", ID: "202601-a", Document: "{}"}
	k := &packer{state: &State{PartSize: minPartSize, Unreadable: maxUnreadable - 1}, buf: make([]byte, 0, minPartSize)}
	if err := k.addUnreadable(t.Context(), job.Item{ID: r.ID}, r, media.ErrUnavailable); err != nil {
		t.Fatal(err)
	}
	if len(k.items) != 1 || k.items[0].Outcome != job.Failure || k.items[0].Cause != "audio_unreadable" {
		t.Errorf("%+v", k.items)
	}
	err := k.addUnreadable(t.Context(), job.Item{ID: r.ID}, r, media.ErrUnavailable)
	if _, problem := errors.AsType[*job.ProblemError](err); !problem || len(k.items) != 1 {
		t.Errorf("%v, %d items; want the end of the job", err, len(k.items))
	}
}
