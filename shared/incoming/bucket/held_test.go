package bucket_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/incomingtest"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// holdAll places a hold on the account and makes the ingester respect it. It returns the
// function that releases the hold.
func (d *fixture) holdAll() (release func()) {
	d.Helper()
	d.Store, release = d.HoldAll(account)
	return release
}

// The first audio of a recording on hold is welcome. What would replace it, or reject it,
// is set aside, and the first stays.
func TestAudioOnHoldStays(t *testing.T) {
	t.Parallel()
	first := incomingtest.Sample(t, "alaw.wav")
	for name, second := range map[string][]byte{
		"other audio": incomingtest.Sample(t, "vorbis.ogg"), "not audio": []byte("<script>alert(1)</script>"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.T = t
			release := d.holdAll()
			d.create(recording.Upload{})
			d.Objects.Put(key, "audio/wav", first, nil)
			d.ingest("0A", incoming.Completed)
			before := d.get()
			d.Objects.Put(key, "audio/ogg", second, nil)
			d.ingest("0B", incoming.Held)
			if r := d.get(); *r != *before {
				t.Errorf("recording = %+v, want it unchanged: %+v", r, before)
			}
			d.PutBack(key, first, second)
			d.ingest("0B", incoming.Completed) // again: only the sequencer is noted
			release()
			d.Objects.Put(key, "audio/ogg", incomingtest.Sample(t, "vorbis.ogg"), nil)
			d.ingest("0C", incoming.Completed)
			if r := d.get(); r.Audio.ContentType != "audio/ogg" {
				t.Errorf("audio after the release = %+v, want the last", r.Audio)
			}
		})
	}
}

// Without an earlier version, nothing is removed, and an operator has to look.
func TestAudioOnHoldWithoutVersions(t *testing.T) {
	t.Parallel()
	for _, second := range [][]byte{incomingtest.Sample(t, "vorbis.ogg"), []byte("not audio")} {
		d := open(t)
		d.holdAll()
		d.create(recording.Upload{})
		d.Objects.Put(key, "audio/wav", incomingtest.Sample(t, "alaw.wav"), nil)
		d.ingest("0A", incoming.Completed)
		d.Objects.Put(key, "audio/ogg", second, nil)
		delete(d.Objects.Earlier, key)
		if got, err := d.Ingest(t.Context(), incoming.Arrival{Key: key, Sequencer: "0B"}); !errors.Is(err, incoming.ErrKept) {
			t.Errorf("Ingest = %q, %v, want ErrKept", got, err)
		}
		d.Exists(key, true)
		d.Exists(aside, false)
	}
}

// The audio on hold itself stays the current version if a lower limit rejects it, although a
// partial version precedes it. So it is with audio that another event has brought meanwhile.
func TestRejectedAudioOnHold(t *testing.T) {
	t.Parallel()
	whole := incomingtest.Sample(t, "alaw.wav")
	for name, meanwhile := range map[string]bool{"before": false, "meanwhile": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.T = t
			d.holdAll()
			d.create(recording.Upload{})
			d.Objects.Put(key, "audio/wav", whole[:len(whole)/2], nil)
			d.Objects.Put(key, "audio/wav", whole, nil)
			unlimited := *d
			if meanwhile {
				d.replaceDuringCopy(whole, func() { unlimited.ingest("", incoming.Completed) })
			} else {
				d.ingest("", incoming.Completed)
			}
			d.MaxBytes = 100
			if got, err := d.Ingest(t.Context(), incoming.Arrival{Key: key, Sequencer: "0B"}); !errors.Is(err, incoming.ErrKept) {
				t.Errorf("Ingest = %q, %v, want ErrKept", got, err)
			}
			if r := d.get(); r.Audio.Condition() != recording.Ready || !bytes.Equal(d.Objects.Objects[key].Body, whole) {
				t.Errorf("recording = %+v with %d bytes, want it ready with all %d", r, len(d.Objects.Objects[key].Body), len(whole))
			}
			d.Exists(aside, false)
		})
	}
}

// Audio that replaces that of a deleted recording is set aside, and a restore brings back the
// audio that the document describes. A late event changes nothing.
func TestAudioOverARestorableRecording(t *testing.T) {
	t.Parallel()
	d := open(t)
	first, second := incomingtest.Sample(t, "alaw.wav"), incomingtest.Sample(t, "vorbis.ogg")
	d.create(recording.Upload{})
	d.Objects.Put(key, "audio/wav", first, nil)
	d.ingest("0A", incoming.Completed)
	before := d.get()
	if _, err := d.Records.Delete(t.Context(), account, id, store.Deletion{Until: store.MaxTime}); err != nil {
		t.Fatal(err)
	}
	d.ingest("0A", incoming.Ignored)
	d.Objects.Put(key, "audio/ogg", second, nil)
	d.ingest("0B", incoming.Held)
	d.ingest("0B", incoming.Ignored)
	restored, err := d.Records.Restore(t.Context(), account, id, func(*store.Tombstone) error { return nil })
	if err != nil || restored.Audio != before.Audio || restored.Document != before.Document {
		t.Errorf("Restore = %+v, %v, want %+v", restored, err, before)
	}
	d.PutBack(key, first, second)
}

// The audio of a recording that was deleted before it came stays for a restore. An event
// about an object that is gone does nothing, and one that cannot be examined is retried.
func TestFirstAudioOfARestorableRecording(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.create(recording.Upload{})
	if _, err := d.Records.Delete(t.Context(), account, id, store.Deletion{Until: store.MaxTime}); err != nil {
		t.Fatal(err)
	}
	d.ingest("09", incoming.Gone)
	d.Objects.Put(key, "audio/wav", incomingtest.Sample(t, "vorbis.ogg"), nil) // so there is an earlier version
	d.Objects.Put(key, "audio/wav", incomingtest.Sample(t, "alaw.wav"), nil)
	d.ingest("0A", incoming.Ignored)
	if !bytes.Equal(d.Objects.Objects[key].Body, incomingtest.Sample(t, "alaw.wav")) {
		t.Error("the audio is not there any more")
	}
	d.Objects.Fault = func(bool) error { return media.ErrUnavailable }
	if got, err := d.Ingest(t.Context(), incoming.Arrival{Key: key, Sequencer: "0A"}); !errors.Is(err, media.ErrUnavailable) {
		t.Errorf("Ingest = %q, %v, want ErrUnavailable", got, err)
	}
}
