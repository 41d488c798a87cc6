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
	"github.com/callrecordings/api/shared/recording"
)

// holdAll places a hold on the account and makes the inbox respect it.
func (d *fixture) holdAll() {
	d.Helper()
	d.Store, _ = d.HoldAll(account)
}

// A file that replaces the audio of a recording on hold is set aside, and the first file comes
// back.
func TestFileOnHoldStays(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.holdAll()
	first, second := incomingtest.Sample(t, "alaw.wav"), incomingtest.Sample(t, "vorbis.ogg")
	d.drop(freeform, first, nil)
	d.arrive(freeform, "0A", incoming.Adopted)
	before := d.only()
	d.drop(freeform, second, nil)
	d.arrive(freeform, "0B", incoming.Held)
	if r := d.only(); r != before {
		t.Errorf("recording = %+v, want it unchanged: %+v", r, before)
	}
	d.PutBack(freeform, first, second)
}

// lockedAudio notes which bytes a hold.Locker locks.
type lockedAudio struct {
	media.Locker
	objects *incomingtest.Bucket
	locked  []byte
}

func (l *lockedAudio) Lock(_ context.Context, key string, _ time.Time) error {
	l.locked = l.objects.Objects[key].Body
	return nil
}

// A Locker may have locked the file that is then set aside. The audio that comes back gets its
// lock as well, even if the process ends between two calls to the bucket. Without Object Lock
// there is nothing to do.
func TestAudioThatComesBackIsLocked(t *testing.T) {
	t.Parallel()
	first, second := incomingtest.Sample(t, "alaw.wav"), incomingtest.Sample(t, "vorbis.ogg")
	for _, c := range []struct {
		name   string
		locks  bool
		breaks bool
	}{{"Object Lock", true, false}, {"a crash after the revert", true, true}, {"no Object Lock", false, false}} {
		d := open(t)
		d.holdAll()
		d.Holds = hold.Keeper{Store: d.Records, Locked: c.locks}
		d.drop(freeform, first, nil)
		d.arrive(freeform, "0A", incoming.Adopted)
		d.drop(freeform, second, nil)
		if c.breaks {
			d.Objects.Fault = func(after bool) error {
				if after && bytes.Equal(d.Objects.Objects[freeform].Body, first) {
					return media.ErrUnavailable
				}
				return nil
			}
			d.arrive(freeform, "0B", media.ErrUnavailable)
			d.Objects.Fault = nil
		} else {
			d.arrive(freeform, "0B", incoming.Held)
		}
		audio := &lockedAudio{objects: d.Objects}
		l := hold.Locker{Entries: d.Records, Recordings: d.Records, Audio: audio, Now: d.Clock}
		if _, err := l.Run(t.Context()); err != nil || bytes.Equal(audio.locked, first) != c.locks {
			t.Errorf("%s: Run = %v, %d bytes are locked, want those of the first file: %v", c.name, err, len(audio.locked), c.locks)
		}
	}
}

// An update that fails for another reason than a hold leaves the file where it is.
func TestUpdateOfAFileFails(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.drop(freeform, incomingtest.Sample(t, "alaw.wav"), nil)
	d.arrive(freeform, "0A", incoming.Adopted)
	d.Store = failingStore{d.Records, errFull}
	d.drop(freeform, incomingtest.Sample(t, "vorbis.ogg"), nil)
	d.arrive(freeform, "0B", errFull)
	d.drop(box+"1001to1002.json", []byte(`{"owner_id":"u4"}`), nil)
	d.arrive(box+"1001to1002.json", "0C", errFull)
	d.Exists(recording.SetAsideKey(freeform), false)
}

// Metadata that a hold refuses does not move the audio: that has not changed.
func TestHoldRefusesMetadata(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.drop(freeform, incomingtest.Sample(t, "vorbis.ogg"), nil)
	d.drop(freeform, incomingtest.Sample(t, "alaw.wav"), nil) // so there is an earlier version
	d.arrive(freeform, "0A", incoming.Adopted)
	d.Store = failingStore{d.Records, &hold.HeldError{}}
	d.drop(box+"1001to1002.json", []byte(`{"owner_id":"u4"}`), nil)
	_, err := d.Ingest(t.Context(), incoming.Arrival{Key: box + "1001to1002.json", Sequencer: "0B"})
	if held := new(hold.HeldError); !errors.As(err, &held) {
		t.Errorf("Ingest = %v, want a HeldError", err)
	}
	d.Exists(recording.SetAsideKey(freeform), false)
	if got := d.Objects.Objects[freeform].Body; !bytes.Equal(got, incomingtest.Sample(t, "alaw.wav")) {
		t.Errorf("%d bytes are at the file's key, want the file", len(got))
	}
}

var errFull = errors.New("the disk is full")

// failingStore stores no updates.
type failingStore struct {
	incoming.Store
	err error
}

func (s failingStore) Update(context.Context, string, string, func(*recording.Recording) error) (*recording.Recording, error) {
	return nil, s.err
}

// The outcome of KeepHeld depends on the calls to the bucket. Held means that both have
// taken effect.
func TestKeepHeldReportsFaults(t *testing.T) {
	t.Parallel()
	rec := &recording.Recording{Account: account, ID: id, Audio: recording.Audio{Place: recording.Managed, Size: int64(len("first"))}}
	key := rec.AudioKey()
	for calls, want := range map[int]error{0: media.ErrUnavailable, 1: media.ErrUnavailable, 2: nil} { // how many succeed
		d := open(t)
		d.drop(key, []byte("first"), nil)
		d.drop(key, []byte("second"), nil)
		d.Objects.Fault = func(after bool) error {
			if !after && d.Objects.Calls > calls {
				return media.ErrUnavailable
			}
			return nil
		}
		got, err := d.KeepHeld(t.Context(), rec, d.Objects.Objects[key].Object, incoming.Judgment{}, &hold.HeldError{})
		if !errors.Is(err, want) || (got == incoming.Held) != (want == nil) {
			t.Errorf("KeepHeld after %d calls = %q, %v, want %v", calls, got, err, want)
		}
	}
}

// Audio that was ingested by a replay keeps the place of the partial file before it, whatever the
// late event of the audio brings: metadata that the hold refuses, or a lower limit.
func TestLateEventOfAudioOnHold(t *testing.T) {
	t.Parallel()
	whole := incomingtest.Sample(t, "alaw.wav")
	for name, prepare := range map[string]func(*fixture){
		"metadata": func(d *fixture) {
			d.drop(box+"1001to1002.json", []byte(`{"start":63745056000}`), nil)
		},
		"a lower limit": func(d *fixture) { d.MaxBytes = 100 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.T = t
			d.drop(freeform, whole[:len(whole)/2], nil)
			d.arrive(freeform, "0A", incoming.Adopted)
			d.drop(freeform, append(make([]byte, 1), whole[1:]...), nil) // of the same size
			d.drop(freeform, whole, nil)
			d.arrive(freeform, "", incoming.Completed)
			before := d.only()
			d.Store, _ = d.Hold(account, hold.Scope{From: before.Start(), To: before.Start()})
			prepare(d)
			d.arrive(freeform, "0B", incoming.ErrKept)
			if r := d.only(); r != before {
				t.Errorf("recording = %+v, want it unchanged: %+v", r, before)
			}
			if !bytes.Equal(d.Objects.Objects[freeform].Body, whole) || len(d.Objects.Earlier[freeform]) != 2 {
				t.Error("the audio on hold is not the current version any more, or an earlier one is gone")
			}
			d.Exists(recording.SetAsideKey(freeform), false)
		})
	}
}

// Several files in a row that replace audio on hold are all set aside, the oldest of them last.
func TestFilesOnHoldStay(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.holdAll()
	first, second := incomingtest.Sample(t, "alaw.wav"), incomingtest.Sample(t, "vorbis.ogg")
	d.drop(freeform, first, nil)
	d.arrive(freeform, "0A", incoming.Adopted)
	d.drop(freeform, second, nil)
	d.drop(freeform, []byte("not audio"), nil)
	d.arrive(freeform, "0B", incoming.Held)
	d.arrive(freeform, "0C", incoming.Completed) // only the sequencer
	d.PutBack(freeform, first, second)
}

// Other bytes of the same size are set aside if they are of another type, or no audio. Those of
// the same type count as the same audio.
func TestFileOfTheSameSizeOnHold(t *testing.T) {
	t.Parallel()
	first, other := incomingtest.Sample(t, "alaw.wav"), incomingtest.Sample(t, "vorbis.ogg")
	for name, c := range map[string]struct {
		second []byte
		want   incoming.Outcome
	}{
		"another type": {append(bytes.Clone(other), make([]byte, len(first))...)[:len(first)], incoming.Held},
		"no audio":     {bytes.Repeat([]byte("x"), len(first)), incoming.Held},
		"the type":     {append(bytes.Clone(first[:len(first)-1]), first[len(first)-1]^1), incoming.Completed},
	} {
		d := open(t)
		d.holdAll()
		d.drop(freeform, first, nil)
		d.arrive(freeform, "0A", incoming.Adopted)
		d.drop(freeform, c.second, nil)
		d.arrive(freeform, "0B", c.want)
		if back := bytes.Equal(d.Objects.Objects[freeform].Body, first); back != (c.want == incoming.Held) {
			t.Errorf("%s: the first file is back: %v", name, back)
		}
	}
}

// A file that was rejected is no audio on hold. Valid audio under its name stays, even if its
// metadata contradicts the hold.
func TestFirstAudioOnHoldStays(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.drop(freeform, []byte("not audio"), nil)
	d.arrive(freeform, "0A", incoming.Refused)
	d.Store = failingStore{d.Records, &hold.HeldError{}}
	d.drop(freeform, incomingtest.Sample(t, "alaw.wav"), nil)
	d.arrive(freeform, "0B", incoming.ErrKept)
	if !bytes.Equal(d.Objects.Objects[freeform].Body, incomingtest.Sample(t, "alaw.wav")) {
		t.Error("the audio is not there any more")
	}
	d.Exists(recording.SetAsideKey(freeform), false)
}

// A sidecar for a file that was rejected adds its metadata to the failed recording. The file
// has not changed, and is not read again.
func TestSidecarOfARejectedFile(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.drop(freeform, []byte("not audio"), nil)
	d.arrive(freeform, "0A", incoming.Refused)
	d.drop(box+"1001to1002.json", []byte(`{"owner_id":"u4"}`), nil)
	opened := 0
	d.Objects.BeforeOpen = func() { // the sidecar
		d.Objects.BeforeOpen = func() { opened++ }
	}
	d.arrive(box+"1001to1002.json", "0B", incoming.Completed)
	if r := d.only(); r.Owner != "u4" || r.Audio.Reason != recording.NotAudio || opened != 0 {
		t.Errorf("recording = %+v, the file was read %d times, want the owner u4, the reason, and no read", r, opened)
	}
}
