package inbox_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/incomingtest"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/purge"
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

// A sidecar file that arrives after its recording was deleted is removed. It stays if its recording
// exists or may still come.
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

// A purge ends, an import brings the recording back, and a client may delete it again so that it
// can be restored, all after an invocation has read the tombstone and before it removes the file.
// The file and the sidecar stay, and a retry handles them.
func TestFileOfARecordingThatComesBackStays(t *testing.T) {
	t.Parallel()
	sidecar := recording.SidecarKeys(kazoo)[0]
	for name, c := range map[string]struct {
		drop       string
		restorable bool
		want       any
		after      incoming.Outcome
	}{
		"audio, live again":         {kazoo, false, incoming.Completed, incoming.Unchanged},
		"audio, restorable now":     {kazoo, true, store.ErrConflict, incoming.Ignored},
		"a sidecar, live again":     {sidecar, false, incoming.Awaiting, incoming.Awaiting},
		"a sidecar, restorable now": {sidecar, true, store.ErrConflict, incoming.Awaiting},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.T = t
			d.drop(kazoo, incomingtest.Sample(t, "alaw.wav"), nil)
			d.arrive(kazoo, "01", incoming.Adopted)
			r := d.only()
			if _, err := d.Records.Delete(t.Context(), account, r.ID, store.Deletion{}); err != nil {
				t.Fatal(err)
			}
			if err := d.Objects.Remove(t.Context(), kazoo); err != nil { // as the purge does
				t.Fatal(err)
			}
			body := incomingtest.Sample(t, "alaw.wav")
			if c.drop == sidecar {
				body = []byte(`{"caller_id_name":"Zoë"}`)
			}
			d.drop(c.drop, body, nil)
			d.Store = backBeforeTheSecondLook{d.Records, new(int), func() {
				err := d.Records.Purged(t.Context(), account, r.ID, "")
				if err == nil {
					err = d.Records.Revive(t.Context(), &recording.Recording{Account: account, ID: r.ID, Created: r.Created, Document: "{}"}, "")
				}
				if err == nil && c.restorable {
					_, err = d.Records.Delete(t.Context(), account, r.ID, store.Deletion{Until: store.MaxTime})
				}
				if err != nil {
					t.Error(err)
				}
			}}
			d.arrive(c.drop, "02", c.want)
			d.Exists(c.drop, true)
			d.arrive(c.drop, "02", c.after)
			d.Exists(c.drop, true)
		})
	}
}

// backBeforeTheSecondLook runs back before a tombstone is read for the second time.
type backBeforeTheSecondLook struct {
	incoming.Store
	looks *int
	back  func()
}

func (s backBeforeTheSecondLook) Tombstone(ctx context.Context, account, id string) (store.Tombstone, error) {
	if *s.looks++; *s.looks == 2 {
		s.back()
	}
	return s.Store.Tombstone(ctx, account, id)
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

// deleteRestorable deletes the only recording so that it can be restored.
func (d *fixture) deleteRestorable() (id string) {
	d.Helper()
	id = d.only().ID
	if _, err := d.Records.Delete(d.Context(), account, id, store.Deletion{Until: store.MaxTime}); err != nil {
		d.Fatal(err)
	}
	return id
}

// A file that replaces the audio of a deleted recording is set aside, with or without a hold,
// and a restore brings back the audio that the document describes. It does not matter how the
// file is found, and how often.
func TestFileOverARestorableRecording(t *testing.T) {
	t.Parallel()
	first := incomingtest.Sample(t, "alaw.wav")
	sameSize := bytes.Clone(first)
	sameSize[len(sameSize)-1] ^= 1
	for name, c := range map[string]struct {
		second    []byte
		after     time.Duration // between the deletion and the second file
		sequencer string
		held      bool
	}{
		"other audio":               {incomingtest.Sample(t, "vorbis.ogg"), 0, "0B", false},
		"other audio, before":       {incomingtest.Sample(t, "vorbis.ogg"), -time.Hour, "0B", false},
		"other audio, on hold":      {incomingtest.Sample(t, "vorbis.ogg"), time.Hour, "0B", true},
		"other audio, by a replay":  {incomingtest.Sample(t, "vorbis.ogg"), time.Hour, "", false},
		"other audio, same size":    {sameSize, time.Hour, "0B", false},
		"not audio":                 {[]byte("not audio"), time.Hour, "0B", false},
		"the same file once more":   {first, time.Hour, "0B", false},
		"same size, with a sidecar": {sameSize, time.Hour, "sidecar", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.T = t
			d.drop(freeform, first, nil)
			d.arrive(freeform, "0A", incoming.Adopted)
			before := d.only()
			d.Time = d.Time.Add(2 * time.Hour)
			id := d.deleteRestorable()
			if c.held {
				d.holdAll()
			}
			d.Time = d.Time.Add(c.after)
			d.drop(freeform, c.second, nil)
			if c.sequencer == "sidecar" {
				d.drop(box+"1001to1002.json", []byte(`{"owner_id":"u4"}`), nil)
				d.arrive(box+"1001to1002.json", "0B", incoming.Held)
			} else {
				d.arrive(freeform, c.sequencer, incoming.Held)
			}
			for _, sequencer := range []string{"0A", "0B", ""} {
				d.arrive(freeform, sequencer, incoming.Ignored)
			}
			restored, err := d.Records.Restore(t.Context(), account, id, func(*store.Tombstone) error { return nil })
			if err != nil || restored.Audio != before.Audio || restored.Document != before.Document {
				t.Errorf("Restore = %+v, %v, want %+v", restored, err, before)
			}
			d.PutBack(freeform, first, c.second)
		})
	}
}

// A purge of the recording also removes the file that was set aside for it.
func TestPurgeAfterAFileWasSetAside(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.drop(freeform, incomingtest.Sample(t, "alaw.wav"), nil)
	d.arrive(freeform, "0A", incoming.Adopted)
	id := d.deleteRestorable()
	d.drop(freeform, incomingtest.Sample(t, "vorbis.ogg"), nil)
	d.arrive(freeform, "0B", incoming.Held)
	err := d.Records.Condemn(t.Context(), account, id, func(*store.Tombstone) error { return nil })
	if err == nil {
		err = purge.Pending(t.Context(), d.Records, d.Objects, account, id)
	}
	if err != nil || len(d.Objects.Objects) > 0 {
		t.Errorf("the purge = %v, %d objects are left, want none", err, len(d.Objects.Objects))
	}
}

// Where the bucket keeps no versions, a file that has replaced the audio stays and is reported. A
// file of the same size is not reported: it may be the audio itself, copied to this bucket later.
func TestFileOverARestorableRecordingWithoutVersions(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]any{"alaw.wav": incoming.Ignored, "vorbis.ogg": incoming.ErrKept} {
		d := open(t)
		d.drop(freeform, incomingtest.Sample(t, "alaw.wav"), nil)
		d.arrive(freeform, "0A", incoming.Adopted)
		d.deleteRestorable()
		d.Time = d.Time.Add(time.Hour)
		d.drop(freeform, incomingtest.Sample(t, name), nil)
		clear(d.Objects.Earlier)
		d.arrive(freeform, "0B", want)
		d.Exists(freeform, true)
		d.Exists(recording.SetAsideKey(freeform), false)
	}
}

// A file that could not be served was rejected, so another file that comes under its name after the
// deletion replaces nothing. It stays for the restore. So does a file that belongs to a
// recording with audio at another place.
func TestFirstAudioOfARestorableRecordingStays(t *testing.T) {
	t.Parallel()
	second := incomingtest.Sample(t, "vorbis.ogg")
	rejected := open(t)
	rejected.drop(freeform, []byte("not audio"), nil)
	rejected.arrive(freeform, "0A", incoming.Refused)
	elsewhere := open(t)
	elsewhere.create(recording.Audio{Place: recording.Managed, ContentType: "audio/wav", Size: 7})
	for key, d := range map[string]*fixture{freeform: rejected, box + id + "/from=1001/x.wav": elsewhere} {
		d.drop(key, incomingtest.Sample(t, "alaw.wav"), nil) // so there is an earlier version
		d.Time = d.Time.Add(time.Hour)
		d.deleteRestorable()
		d.Time = d.Time.Add(time.Hour)
		d.drop(key, second, nil)
		d.arrive(key, "0B", incoming.Ignored)
		if !bytes.Equal(d.Objects.Objects[key].Body, second) {
			t.Errorf("%s does not have the second file", key)
		}
	}
}

// A call that fails leaves the arrival for a retry, which finishes it.
func TestFaultsWhileAFileIsSetAside(t *testing.T) {
	t.Parallel()
	for calls := range 4 { // how many succeed
		d := open(t)
		d.Holds = hold.Keeper{Store: d.Records, Locked: true}
		d.drop(freeform, incomingtest.Sample(t, "alaw.wav"), nil)
		d.arrive(freeform, "0A", incoming.Adopted)
		d.deleteRestorable()
		d.drop(freeform, incomingtest.Sample(t, "vorbis.ogg"), nil)
		done := d.Objects.Calls + calls
		d.Objects.Fault = func(after bool) error {
			if !after && d.Objects.Calls > done {
				return media.ErrUnavailable
			}
			return nil
		}
		if got, err := d.Ingest(t.Context(), incoming.Arrival{Key: freeform, Sequencer: "0B"}); !errors.Is(err, media.ErrUnavailable) {
			t.Errorf("Ingest after %d calls = %q, %v, want ErrUnavailable", calls, got, err)
		}
		d.Objects.Fault = nil
		d.arrive(freeform, "0B", incoming.Held)
	}
}
