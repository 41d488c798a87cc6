package bucket_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/incomingtest"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
)

// replaceDuringCopy replaces an object while an invocation copies it: after the copy
// took effect, and before the invocation goes on.
func (d *fixture) replaceDuringCopy(audio []byte, then func()) {
	d.Objects.Fault = func(after bool) error {
		if _, copied := d.Objects.Objects[aside]; after && copied {
			d.Objects.Fault = nil
			d.Objects.Put(key, "audio/wav", audio, nil)
			then()
		}
		return nil
	}
}

// Rejected audio that is replaced while it is set aside must not take the new audio
// with it, whether that was ingested meanwhile or not.
func TestReplacedWhileItIsSetAside(t *testing.T) {
	t.Parallel()
	good := incomingtest.Sample(t, "alaw.wav")
	for name, c := range map[string]struct {
		sequencer string // of the rejected audio
		meanwhile bool   // the new audio is ingested meanwhile
		want      error  // nil if Ingest itself judges the new audio
	}{
		"not ingested yet":                  {"0A", false, media.ErrChanged},
		"ingested meanwhile":                {"0A", true, media.ErrChanged},
		"ingested meanwhile, without order": {"", true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.create(recording.Upload{})
			d.Objects.Put(key, "audio/mpeg", []byte("not audio"), nil)
			d.replaceDuringCopy(good, func() {
				if c.meanwhile {
					d.ingest("0B", incoming.Completed)
				}
			})
			if got, err := d.Ingest(t.Context(), incoming.Arrival{Key: key, Sequencer: c.sequencer}); !errors.Is(err, c.want) {
				t.Errorf("Ingest = %q, %v, want %v", got, err, c.want)
			}
			for _, sequencer := range []string{c.sequencer, "0B"} { // the queue's retry, and the event of the new audio
				if _, err := d.Ingest(t.Context(), incoming.Arrival{Key: key, Sequencer: sequencer}); err != nil {
					t.Errorf("Ingest again = %v", err)
				}
			}
			if r := d.get(); r.Audio.Condition() != recording.Ready {
				t.Errorf("recording = %+v, want it ready", r)
			}
			if got := d.Objects.Objects[key].Body; !bytes.Equal(got, good) {
				t.Errorf("%d bytes are left of the new audio, want all %d", len(got), len(good))
			}
		})
	}
}

// Rejected audio stays in the bucket, under its own key or set aside, even if any
// of the calls fails before or after it takes effect.
func TestRejectedAudioNeverVanishes(t *testing.T) {
	t.Parallel()
	bad := []byte("not audio")
	for n := range 12 {
		for _, effective := range []bool{false, true} {
			d := open(t)
			d.T = t
			d.create(recording.Upload{})
			d.Objects.Put(key, "audio/mpeg", bad, nil)
			calls := 0
			d.Objects.Fault = func(after bool) error {
				if !after {
					calls++
				}
				if calls == n+1 && after == effective {
					return media.ErrUnavailable
				}
				return nil
			}
			for range 4 {
				_, _ = d.Ingest(t.Context(), incoming.Arrival{Key: key, Sequencer: "0A"})
				object, copied := d.Objects.Objects[key], d.Objects.Objects[aside]
				if !bytes.Equal(object.Body, bad) && !bytes.Equal(copied.Body, bad) {
					t.Fatalf("call %d fails, with effect %v: the rejected audio is gone", n+1, effective)
				}
			}
			d.Exists(key, false)
			d.Exists(aside, true)
		}
	}
}

// A request may send the rejected bytes again just before they are removed. It finds
// them stored, and waits for their verdict. The recording must get it: the bytes are
// set aside, and no further event follows.
func TestRejectedAudioThatIsSentAgain(t *testing.T) {
	t.Parallel()
	bad := []byte("not audio")
	announced := recording.Upload{Size: int64(len(bad)), SHA256: incomingtest.SHA256(bad)}
	for n := range 8 { // the request comes before call n to the bucket
		d := open(t)
		d.create(recording.Upload{})
		d.Objects.Put(key, "audio/mpeg", bad, nil)
		calls := 0
		d.Objects.Fault = func(after bool) error {
			if after {
				return nil
			}
			if calls++; calls == n+1 {
				if _, stored := d.Objects.Objects[key]; !stored {
					return nil // the request would store them, with an event of their own
				}
				_, err := d.Store.Update(t.Context(), account, id, func(r *recording.Recording) error {
					return incoming.Await(r, announced, "{}")
				})
				if err != nil {
					t.Error(err)
				}
			}
			return nil
		}
		if _, err := d.Ingest(t.Context(), incoming.Arrival{Key: key, Sequencer: "0A"}); err != nil {
			t.Errorf("call %d: Ingest = %v", n+1, err)
		}
		r := d.get()
		if r.Audio.Condition() != recording.Failed || r.Audio.Reason != recording.NotAudio {
			t.Errorf("call %d: recording = %+v, want it failed", n+1, r)
		}
		d.Exists(aside, true)
	}
}

// Audio is judged by the announcement that the recording has when the verdict is
// stored: another request may have announced this audio while it was read.
func TestAnnouncementChangesWhileAudioIsJudged(t *testing.T) {
	t.Parallel()
	good := incomingtest.Sample(t, "alaw.wav")
	d := open(t)
	d.create(recording.Upload{ContentType: "audio/ogg"})
	d.Objects.Put(key, "audio/wav", good, nil)
	d.Objects.BeforeOpen = func() {
		_, err := d.Store.Update(t.Context(), account, id, func(r *recording.Recording) error {
			return incoming.Await(r, recording.Upload{Size: int64(len(good)), SHA256: incomingtest.SHA256(good)}, "{}")
		})
		if err != nil {
			t.Error(err)
		}
	}
	d.ingest("0A", incoming.Completed)
	if r := d.get(); r.Audio.Condition() != recording.Ready {
		t.Errorf("recording = %+v, want it ready", r)
	}
	d.Exists(key, true)
}
