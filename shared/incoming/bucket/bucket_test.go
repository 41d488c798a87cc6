package bucket_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/bucket"
	"github.com/callrecordings/api/shared/incoming/incomingtest"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	account = "acc"
	id      = "202601-call"
	key     = "recordings/acc/202601/202601-call"
	aside   = "set-aside/acc/202601/202601-call"
)

// fixture is an ingester over a place in memory.
type fixture struct {
	bucket.Ingester
	*incomingtest.Place
}

func open(t *testing.T) *fixture {
	t.Helper()
	p := incomingtest.NewPlace(t)
	return &fixture{bucket.Ingester{Store: p.Records, Audio: p.Objects, Names: p.Names, MaxBytes: 1 << 20, Now: p.Clock}, p}
}

// create makes a recording that waits for its audio.
func (d *fixture) create(u recording.Upload) {
	d.Helper()
	now := recording.SecondsOf(d.Time)
	r := &recording.Recording{
		Account: account, ID: id, Owner: "u", Created: now, Modified: now, Upload: u, Made: "made",
		Document: recording.Complete(`{"from":"a@b","owner_id":"u"}`, id, now),
	}
	if err := d.Records.Put(d.Context(), r); err != nil {
		d.Fatal(err)
	}
}

func (d *fixture) get() *recording.Recording {
	d.Helper()
	r, err := d.Records.Get(d.Context(), account, id)
	if err != nil {
		d.Fatal(err)
	}
	return r
}

// ingest ingests an arrival and expects an outcome.
func (d *fixture) ingest(sequencer string, want incoming.Outcome) {
	d.Helper()
	if got, err := d.Ingest(d.Context(), incoming.Arrival{Key: key, Sequencer: sequencer}); err != nil || got != want {
		d.Fatalf("Ingest(%s) = %q, %v, want %q", sequencer, got, err, want)
	}
}

func TestAudioCompletesItsRecording(t *testing.T) {
	t.Parallel()
	d := open(t)
	audio := incomingtest.Sample(t, "vbr-16khz.mp3")
	d.create(recording.Upload{ContentType: "audio/mp3", Size: int64(len(audio)), SHA256: incomingtest.SHA256(audio)})
	before := d.get()
	d.Time = d.Time.Add(time.Minute)
	d.Objects.Put(key, "text/html", audio, nil)
	d.ingest("0A", incoming.Completed)
	r := d.get()
	want := recording.Audio{
		Place: recording.Managed, ContentType: "audio/mpeg", Size: int64(len(audio)), SHA256: incomingtest.SHA256(audio), Sequencer: "0A",
	}
	if r.Audio != want || r.Upload != (recording.Upload{}) || r.Audio.Condition() != recording.Ready {
		t.Errorf("recording = %+v, want audio %+v and no announced upload", r, want)
	}
	if ms := incomingtest.Number(t, r, "duration_ms"); ms < 100 || incomingtest.Number(t, r, "duration") != ms/1000 {
		t.Errorf("document %s, want its duration", r.Document)
	}
	if from, _ := r.Document.Text("from"); from != "a@b" || r.Owner != "u" || r.Created != before.Created || r.Made != "made" {
		t.Errorf("recording = %+v, want everything else unchanged", r)
	}
	if r.Modified != before.Modified+60 || r.Revision == before.Revision {
		t.Errorf("modified %d, revision %s, want both new", r.Modified, r.Revision)
	}
}

func TestDuplicateLateAndReorderedEventsChangeNothing(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.create(recording.Upload{})
	d.Objects.Put(key, "audio/wav", incomingtest.Sample(t, "alaw.wav"), nil)
	d.ingest("00B1", incoming.Completed)
	ready := d.get()
	for _, sequencer := range []string{"00B1", "b1", "B0", "0", "00000000000000000000B1"} {
		d.ingest(sequencer, incoming.Unchanged)
	}
	if err := d.Stored(t.Context(), key); err != nil { // without an event
		t.Fatal(err)
	}
	if r := d.get(); *r != *ready {
		t.Errorf("recording = %+v, want it unchanged: %+v", r, ready)
	}
	d.Objects.Put(key, "audio/ogg", incomingtest.Sample(t, "vorbis.ogg"), nil) // by another writer
	d.ingest("B1", incoming.Unchanged)
	d.ingest("100", incoming.Completed)
	if r := d.get(); r.Audio.ContentType != "audio/ogg" || r.Audio.Sequencer != "100" {
		t.Errorf("audio = %+v, want that of the last writer", r.Audio)
	}
	d.ingest("B2", incoming.Unchanged)
}

func TestEventForKnownAudioChangesNothing(t *testing.T) {
	t.Parallel()
	d := open(t)
	audio := incomingtest.Sample(t, "alaw.wav")
	d.create(recording.Upload{})
	d.Objects.Put(key, "audio/wav", audio, nil)
	if err := d.Stored(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	ready := d.get()
	if ready.Audio.Condition() != recording.Ready || ready.Audio.Sequencer != "" {
		t.Fatalf("audio = %+v, want it ready", ready.Audio)
	}
	d.ingest("05", incoming.Unchanged)
	if r := d.get(); r.Revision != ready.Revision {
		t.Error("the event wrote to the recording")
	}
}

func TestAudioThatCannotBeServedIsSetAside(t *testing.T) {
	t.Parallel()
	wav := incomingtest.Sample(t, "alaw.wav")
	for _, c := range []struct {
		name   string
		upload recording.Upload
		audio  []byte
		want   recording.Reason
	}{
		{"not audio", recording.Upload{}, []byte("<script>alert(1)</script>"), recording.NotAudio},
		{"different type", recording.Upload{ContentType: "audio/mpeg"}, wav, recording.OtherType},
		{"larger than announced", recording.Upload{Size: 10}, wav, recording.OtherSize},
		{"smaller than announced", recording.Upload{Size: 1 << 19}, wav, recording.OtherSize},
		{"different checksum", recording.Upload{SHA256: incomingtest.SHA256([]byte("x"))}, wav, recording.OtherChecksum},
		{"too large", recording.Upload{}, make([]byte, 1<<20+1), recording.TooLarge},
		{"truncated header", recording.Upload{}, wav[:20], recording.Damaged},
		{"header alone", recording.Upload{}, []byte("OggS"), recording.Damaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.create(c.upload)
			d.Objects.Put(key, "audio/mpeg", c.audio, nil)
			d.ingest("0A", incoming.Refused)
			r := d.get()
			if r.Audio.Condition() != recording.Failed || r.Audio.Reason != c.want || r.Audio.Place != recording.Nowhere || r.Upload != c.upload {
				t.Errorf("recording = %+v, want it failed: %s", r, c.want)
			}
			d.Exists(key, false)
			d.Exists(aside, true)
			if got := d.Objects.Objects[aside].Body; !bytes.Equal(got, c.audio) {
				t.Errorf("%d bytes were set aside, want all %d", len(got), len(c.audio))
			}
			d.ingest("0A", incoming.Gone) // again
			if again := d.get(); *again != *r {
				t.Errorf("recording = %+v, want it unchanged", again)
			}

			good := incomingtest.Sample(t, "cbr-8khz.mp3")
			if c.upload.Size > 0 || c.upload.SHA256 != "" {
				return // no other audio matches the announced upload
			}
			d.Objects.Put(key, "audio/mpeg", good, nil)
			d.ingest("0B", incoming.Completed)
			if r := d.get(); r.Audio.Condition() != recording.Ready || r.Audio.Reason != "" {
				t.Errorf("recording = %+v, want a good upload to complete it", r)
			}
			d.Exists(aside, false)
		})
	}
}

func TestEmptyAudio(t *testing.T) {
	t.Parallel()
	header := append([]byte("RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data"), 0, 0, 0, 0)
	for name, c := range map[string]struct {
		audio []byte
		kind  string
	}{"wav without samples": {header, "audio/wav"}, "zero length": {nil, "audio/ogg"}} {
		d := open(t)
		d.create(recording.Upload{})
		d.Objects.Put(key, "application/ogg", c.audio, nil)
		d.ingest("0A", incoming.Completed)
		r := d.get()
		if r.Audio.Condition() != recording.Empty || r.Audio.Place != recording.Managed || r.Audio.ContentType != c.kind || incomingtest.Number(t, r, "duration_ms") != 0 {
			t.Errorf("%s: recording = %+v, want it empty, of %s", name, r, c.kind)
		}
	}
}

func TestAudioBeforeItsRecording(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Grace = time.Minute
	d.Objects.Put(key, "audio/wav", incomingtest.Sample(t, "alaw.wav"), nil)
	if got, err := d.Ingest(t.Context(), incoming.Arrival{Key: key, Sequencer: "0A"}); !errors.Is(err, incoming.ErrEarly) {
		t.Fatalf("Ingest = %q, %v, want ErrEarly", got, err)
	}
	d.Time = d.Time.Add(time.Minute)
	d.ingest("0A", incoming.Adopted)
	r := d.get()
	if r.Made != recording.MadeOfAudio || r.Audio.Condition() != recording.Ready || incomingtest.Number(t, r, "duration_ms") == 0 || incomingtest.Number(t, r, "start") == 0 {
		t.Errorf("recording = %+v, want one made of its audio alone", r)
	}
	d.ingest("0A", incoming.Unchanged)

	d.Objects.Put(strings.Replace(key, id, "202601-bad", 1), "audio/wav", []byte("not audio"), nil)
	d.Time = d.Time.Add(time.Hour)
	bad := incoming.Arrival{Key: strings.Replace(key, id, "202601-bad", 1)}
	if got, err := d.Ingest(t.Context(), bad); err != nil || got != incoming.Refused {
		t.Errorf("Ingest of a file that is not audio = %q, %v, want it refused", got, err)
	}
	if _, err := d.Records.Get(t.Context(), account, "202601-bad"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get = %v, want no recording of it", err)
	}
}

// Audio that was added with a chosen ID has a suffix in its key. A recording that is made of
// it keeps the whole key.
func TestAudioWithASuffixBeforeItsRecording(t *testing.T) {
	t.Parallel()
	d := open(t)
	variant := key + "~2a"
	d.Objects.Put(variant, "audio/wav", incomingtest.Sample(t, "alaw.wav"), nil)
	d.Time = d.Time.Add(time.Hour)
	if got, err := d.Ingest(t.Context(), incoming.Arrival{Key: variant, Sequencer: "0A"}); err != nil || got != incoming.Adopted {
		t.Fatalf("Ingest = %q, %v, want it adopted", got, err)
	}
	if r := d.get(); r.AudioKey() != variant || r.Audio.Condition() != recording.Ready {
		t.Errorf("recording = %+v, want the audio at %s", r, variant)
	}
}

func TestADeletedRecordingDoesNotComeBack(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.create(recording.Upload{})
	if _, err := d.Records.Delete(t.Context(), account, id, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	d.Objects.Put(key, "audio/wav", incomingtest.Sample(t, "alaw.wav"), nil)
	d.ingest("0A", incoming.Removed)
	d.Exists(key, false)
	d.ingest("0A", incoming.Removed)
	if _, err := d.Records.Get(t.Context(), account, id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get = %v, want the recording to stay deleted", err)
	}
}

// A client that goes on sending a deleted recording must not bring it back when the tombstone
// expires, so each upload renews the tombstone.
func TestLateAudioRenewsTheTombstone(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.create(recording.Upload{})
	if _, err := d.Records.Delete(t.Context(), account, id, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	if err := d.Records.Purged(t.Context(), account, id, ""); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		d.Time = d.Time.AddDate(0, 0, store.TombstoneDays-1)
		d.Objects.Put(key, "audio/wav", incomingtest.Sample(t, "alaw.wav"), nil)
		d.ingest("0A", incoming.Removed)
		found, err := d.Records.Tombstone(t.Context(), account, id)
		if want := recording.SecondsOf(d.Time.AddDate(0, 0, store.TombstoneDays)); err != nil || found.Expires != want {
			t.Fatalf("Tombstone = %+v, %v, want it to expire at %d", found, err, want)
		}
	}
}

// A late or repeated event about a recording that can be restored leaves its audio alone.
func TestRestorableAudioStays(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.create(recording.Upload{})
	d.Objects.Put(key, "audio/wav", incomingtest.Sample(t, "alaw.wav"), nil)
	d.ingest("0A", incoming.Completed)
	if _, err := d.Records.Delete(t.Context(), account, id, store.Deletion{Until: store.MaxTime}); err != nil {
		t.Fatal(err)
	}
	for _, sequencer := range []string{"0A", "0B"} {
		d.ingest(sequencer, incoming.Ignored)
	}
	d.Exists(key, true)
	r, err := d.Records.Restore(t.Context(), account, id, func(*store.Tombstone) error { return nil })
	if err != nil || r.Audio.Condition() != recording.Ready {
		t.Errorf("Restore = %+v, %v, want its audio", r, err)
	}
}

func TestOtherObjectsAreIgnored(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.create(recording.Upload{})
	for _, k := range []string{
		"recordings/acc/202602/202601-call", "recordings/../202601/202601-call", "recordings/acc%2F/202601/202601-call",
		"recordings/acc/202601/202601-call/x", "recordings/äcc/202601/202601-call", "set-aside/acc/202601/202601-call", "x", "",
		key + "~00", // from another upload for the same ID
	} {
		d.Objects.Put(k, "audio/wav", incomingtest.Sample(t, "alaw.wav"), nil)
		if got, err := d.Ingest(t.Context(), incoming.Arrival{Key: k, Sequencer: "0A"}); err != nil || got != incoming.Ignored {
			t.Errorf("Ingest(%q) = %q, %v, want it ignored", k, got, err)
		}
		d.Exists(k, true)
	}
	if r := d.get(); r.Audio.Condition() != recording.Pending {
		t.Errorf("recording = %+v, want it pending", r)
	}
}

func TestWrongClock(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Grace = time.Minute
	d.create(recording.Upload{})
	created := d.get().Modified
	d.Time = d.Time.AddDate(-1, 0, 0)
	d.Objects.Put(key, "audio/wav", incomingtest.Sample(t, "alaw.wav"), nil)
	d.ingest("0A", incoming.Completed)
	if r := d.get(); r.Modified < created || r.Created != created {
		t.Errorf("created %d, modified %d, want neither before %d", r.Created, r.Modified, created)
	}
	other := strings.Replace(key, id, "202601-other", 1)
	d.Objects.Put(other, "audio/wav", incomingtest.Sample(t, "alaw.wav"), nil)
	o := d.Objects.Objects[other]
	o.Modified = d.Time.AddDate(5, 0, 0) // the store's clock is ahead
	d.Objects.Objects[other] = o
	if got, err := d.Ingest(t.Context(), incoming.Arrival{Key: other}); err != nil || got != incoming.Adopted {
		t.Errorf("Ingest = %q, %v, want it adopted", got, err)
	}
}

func TestObjectReplacedDuringRead(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.create(recording.Upload{})
	d.Objects.Put(key, "audio/mpeg", []byte("not audio"), nil)
	d.Objects.BeforeOpen = func() { d.Objects.Put(key, "audio/wav", incomingtest.Sample(t, "alaw.wav"), nil) }
	if got, err := d.Ingest(t.Context(), incoming.Arrival{Key: key, Sequencer: "0A"}); !errors.Is(err, media.ErrChanged) {
		t.Fatalf("Ingest = %q, %v, want ErrChanged", got, err)
	}
	d.ingest("0A", incoming.Completed)
	if r := d.get(); r.Audio.ContentType != "audio/wav" {
		t.Errorf("audio = %+v, want that of the new object", r.Audio)
	}
}

// If the time of the invocation runs out, audio is served without its duration.
func TestAudioThatTakesTooLong(t *testing.T) {
	t.Parallel()
	audio := bytes.Repeat(incomingtest.Sample(t, "cbr-8khz.mp3"), 400)
	for _, c := range []struct {
		left  time.Duration
		known bool
	}{{time.Minute, true}, {9 * time.Second, false}} {
		d := open(t)
		d.T = t
		d.create(recording.Upload{})
		d.Objects.Put(key, "audio/mpeg", audio, nil)
		ctx, cancel := context.WithTimeout(t.Context(), c.left)
		defer cancel()
		if got, err := d.Ingest(ctx, incoming.Arrival{Key: key, Sequencer: "0A"}); err != nil || got != incoming.Completed {
			t.Fatalf("Ingest with %v left = %q, %v", c.left, got, err)
		}
		r := d.get()
		if known := incomingtest.Number(t, r, "duration_ms") > 0; r.Audio.Condition() != recording.Ready || r.Audio.ContentType != "audio/mpeg" || known != c.known {
			t.Errorf("with %v left: %+v, want it ready, its length known: %v", c.left, r, c.known)
		}
	}
}
