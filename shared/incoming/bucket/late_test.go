package bucket_test

import (
	"context"
	"errors"
	"testing"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/incomingtest"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// TestRestorableAudioStaysDuringARemoval lets a purge end, an import bring the recording
// back, and a client delete it so that it can be restored, all after an invocation has read the
// tombstone and before it removes the audio.
func TestRestorableAudioStaysDuringARemoval(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.create(recording.Upload{})
	if _, err := d.Records.Delete(t.Context(), account, id, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	d.Objects.Put(key, "audio/wav", incomingtest.Sample(t, "alaw.wav"), nil)
	restorable := false
	d.Objects.Fault = func(bool) error {
		if restorable {
			return nil
		}
		restorable = true
		purged := d.Records.Purged(t.Context(), account, id, "")
		revived := d.Records.Revive(t.Context(), &recording.Recording{Account: account, ID: id, Created: 63937071000, Document: "{}"}, "")
		_, deleted := d.Records.Delete(t.Context(), account, id, store.Deletion{Until: store.MaxTime})
		if err := errors.Join(purged, revived, deleted); err != nil {
			t.Error(err)
		}
		return nil
	}
	if got, err := d.Ingest(t.Context(), incoming.Arrival{Key: key, Sequencer: "0A"}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Ingest = %q, %v, want a conflict", got, err)
	}
	d.Exists(key, true)
	d.ingest("0A", incoming.Ignored)
	d.Exists(key, true)
}

// TestRecordingGetsOtherAudioWhileAudioIsJudged changes the place of a recording's audio
// while audio at the earlier place is read. The verdict on that is not stored.
func TestRecordingGetsOtherAudioWhileAudioIsJudged(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.create(recording.Upload{})
	d.Objects.Put(key, "audio/wav", incomingtest.Sample(t, "alaw.wav"), nil)
	want := recording.Audio{Place: recording.Managed, Key: "inbox/acc/call.ogg", ContentType: "audio/ogg", Size: 42}
	d.Objects.BeforeOpen = func() {
		_, err := d.Store.Update(t.Context(), account, id, func(r *recording.Recording) error {
			r.Audio = want
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	d.ingest("0A", incoming.Unchanged)
	if r := d.get(); r.Audio != want {
		t.Errorf("audio = %+v, want %+v", r.Audio, want)
	}
}

// countingStore counts updates.
type countingStore struct {
	incoming.Store
	updates *int
}

func (s countingStore) Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	*s.updates++
	return s.Store.Update(ctx, account, id, change)
}

// TestRejectionIsNotedOnce counts the writes for a file that is not audio.
func TestRejectionIsNotedOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.create(recording.Upload{})
	updates := 0
	d.Store = countingStore{d.Records, &updates}
	d.Objects.Put(key, "audio/wav", []byte("not audio"), nil)
	d.ingest("0A", incoming.Refused)
	if updates != 1 {
		t.Errorf("%d updates of the recording, want 1", updates)
	}
}

// TestRecordingAwaitsOtherAudioDuringARejection lets the recording await audio at another
// place when the rejected audio is about to be removed. The reason is not noted there.
func TestRecordingAwaitsOtherAudioDuringARejection(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.create(recording.Upload{})
	d.Objects.Put(key, "audio/wav", []byte("not audio"), nil)
	want := recording.Audio{Key: "inbox/acc/call.ogg"}
	d.Objects.Fault = func(after bool) error {
		if after || d.get().Audio.Condition() != recording.Failed {
			return nil
		}
		_, err := d.Store.Update(t.Context(), account, id, func(r *recording.Recording) error {
			r.Audio = want
			return nil
		})
		return err
	}
	d.ingest("0A", incoming.Refused)
	if r := d.get(); r.Audio != want {
		t.Errorf("audio = %+v, want %+v", r.Audio, want)
	}
}
