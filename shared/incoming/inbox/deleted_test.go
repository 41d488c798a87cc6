package inbox_test

import (
	"testing"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/incomingtest"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

func TestFileOfADeletedRecording(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.drop(freeform, incomingtest.Sample(t, "alaw.wav"), nil)
	d.arrive(freeform, "0A", incoming.Adopted)
	if _, err := d.Records.Delete(t.Context(), account, d.only().ID, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	d.drop(box+"1001to1002.json", []byte(`{}`), nil)
	d.arrive(freeform, "0B", incoming.Removed)
	for key := range d.Objects.Objects {
		t.Errorf("%s was not removed", key)
	}
	d.arrive(freeform, "0B", incoming.Gone)
}

// A sidecar file that arrives after its recording was deleted is removed. One whose
// recording exists, or may still come, stays.
func TestSidecarOfADeletedRecording(t *testing.T) {
	t.Parallel()
	for name, audio := range map[string]string{"ID by name": kazoo, "claimed ID": freeform} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			sidecar := recording.SidecarKeys(audio)[0]
			d.drop(sidecar, []byte(`{"caller_id_name":"Zoë"}`), nil)
			d.arrive(sidecar, "01", incoming.Awaiting)
			d.Exists(sidecar, true)
			d.drop(audio, incomingtest.Sample(t, "alaw.wav"), nil)
			d.arrive(audio, "02", incoming.Adopted)
			if _, err := d.Records.Delete(t.Context(), account, d.only().ID, store.Deletion{}); err != nil {
				t.Fatal(err)
			}
			if err := d.Objects.Remove(t.Context(), audio); err != nil { // as the purge does
				t.Fatal(err)
			}
			d.arrive(sidecar, "03", incoming.Removed)
			d.Exists(sidecar, false)
		})
	}
}

// A sync that uploads the file of a deleted recording every night never restores
// the recording.
func TestNightlySyncDoesNotRestoreADeletedRecording(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.drop(freeform, incomingtest.Sample(t, "alaw.wav"), nil)
	d.arrive(freeform, "01", incoming.Adopted)
	deleted, err := d.Records.Delete(t.Context(), account, d.only().ID, store.Deletion{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Records.Purged(t.Context(), account, deleted.ID, ""); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		d.Time = d.Time.AddDate(0, 0, store.TombstoneDays-1)
		d.drop(freeform, incomingtest.Sample(t, "alaw.wav"), nil)
		d.arrive(freeform, "02", incoming.Removed)
		found, err := d.Records.Tombstone(t.Context(), account, deleted.ID)
		if want := recording.SecondsOf(d.Time.AddDate(0, 0, store.TombstoneDays)); err != nil || found.Expires != want {
			t.Fatalf("Tombstone = %+v, %v, want it to expire at %d", found, err, want)
		}
	}
}

// The file of a recording that can be restored is its audio, so it stays.
func TestFileOfARestorableRecordingStays(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.drop(freeform, incomingtest.Sample(t, "alaw.wav"), nil)
	d.arrive(freeform, "01", incoming.Adopted)
	deleted, err := d.Records.Delete(t.Context(), account, d.only().ID, store.Deletion{Until: store.MaxTime})
	if err != nil {
		t.Fatal(err)
	}
	for _, sequencer := range []string{"01", "02"} {
		d.arrive(freeform, sequencer, incoming.Ignored)
	}
	d.Exists(freeform, true)
	if _, err := d.Records.Restore(t.Context(), account, deleted.ID, func(*store.Tombstone) error { return nil }); err != nil {
		t.Errorf("Restore = %v", err)
	}
}
