package bucket_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callrecordings/shared/incoming"
	"callrecordings/shared/incoming/bucket"
	"callrecordings/shared/incoming/incomingtest"
	"callrecordings/shared/incoming/namepattern"
	"callrecordings/shared/media"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
	"callrecordings/shared/store/sqlite"
)

const (
	account = "acc"
	id      = "202601-call"
	key     = "recordings/acc/202601/202601-call"
	aside   = "set-aside/acc/202601/202601-call"
)

// fixture is an ingester over a real store and a bucket in memory.
type fixture struct {
	bucket.Ingester
	*testing.T
	store  *sqlite.Store
	bucket *incomingtest.Bucket
	now    time.Time
}

func open(t *testing.T) *fixture {
	t.Helper()
	d := &fixture{T: t, now: time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return d.now }
	var err error
	d.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: clock, Random: rand.Reader, QueueChanges: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.store.Close() })
	d.bucket = incomingtest.NewBucket(clock)
	names, err := namepattern.Open("{caller}to{callee}.{ext}", "")
	if err != nil {
		t.Fatal(err)
	}
	d.Ingester = bucket.Ingester{Store: d.store, Audio: d.bucket, Names: names, MaxBytes: 1 << 20, Now: clock}
	return d
}

// create makes a recording that waits for its audio.
func (d *fixture) create(u recording.Upload) {
	d.Helper()
	now := recording.SecondsOf(d.now)
	r := &recording.Recording{
		Account: account, ID: id, Owner: "u", Created: now, Modified: now, Upload: u, Made: "made",
		Document: recording.Complete(`{"from":"a@b","owner_id":"u"}`, id, now),
	}
	if err := d.store.Put(d.Context(), r); err != nil {
		d.Fatal(err)
	}
}

func (d *fixture) get() *recording.Recording {
	d.Helper()
	r, err := d.store.Get(d.Context(), account, id)
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

func (d *fixture) exists(key string, want bool) {
	d.Helper()
	if _, exists := d.bucket.Objects[key]; exists != want {
		d.Errorf("object %s exists: %v, want %v", key, exists, want)
	}
}

// number returns a field of the document.
func number(t testing.TB, r *recording.Recording, field string) int64 {
	t.Helper()
	n, ok := r.Document.Int(field)
	if !ok {
		t.Fatalf("%s is missing in %s", field, r.Document)
	}
	return n
}

// sample returns a file from the tests of package audiofile.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../../audiofile/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAudioCompletesItsRecording(t *testing.T) {
	t.Parallel()
	d := open(t)
	audio := sample(t, "vbr-16khz.mp3")
	d.create(recording.Upload{ContentType: "audio/mp3", Size: int64(len(audio)), SHA256: incomingtest.SHA256(audio)})
	before := d.get()
	d.now = d.now.Add(time.Minute)
	d.bucket.Put(key, "text/html", audio, nil)
	d.ingest("0A", incoming.Completed)
	r := d.get()
	want := recording.Audio{
		Place: recording.Managed, ContentType: "audio/mpeg", Size: int64(len(audio)), SHA256: incomingtest.SHA256(audio), Sequencer: "0A",
	}
	if r.Audio != want || r.Upload != (recording.Upload{}) || r.Audio.Condition() != recording.Ready {
		t.Errorf("recording = %+v, want audio %+v and no announced upload", r, want)
	}
	if ms := number(t, r, "duration_ms"); ms < 100 || number(t, r, "duration") != ms/1000 {
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
	d.bucket.Put(key, "audio/wav", sample(t, "alaw.wav"), nil)
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
	d.bucket.Put(key, "audio/ogg", sample(t, "vorbis.ogg"), nil) // by another writer
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
	audio := sample(t, "alaw.wav")
	d.create(recording.Upload{})
	d.bucket.Put(key, "audio/wav", audio, nil)
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
	wav := sample(t, "alaw.wav")
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
			d.bucket.Put(key, "audio/mpeg", c.audio, nil)
			d.ingest("0A", incoming.Refused)
			r := d.get()
			if r.Audio.Condition() != recording.Failed || r.Audio.Reason != c.want || r.Audio.Place != recording.Nowhere || r.Upload != c.upload {
				t.Errorf("recording = %+v, want it failed: %s", r, c.want)
			}
			d.exists(key, false)
			d.exists(aside, true)
			if got := d.bucket.Objects[aside].Body; !bytes.Equal(got, c.audio) {
				t.Errorf("%d bytes were set aside, want all %d", len(got), len(c.audio))
			}
			d.ingest("0A", incoming.Gone) // again
			if again := d.get(); *again != *r {
				t.Errorf("recording = %+v, want it unchanged", again)
			}

			good := sample(t, "cbr-8khz.mp3")
			if c.upload.Size > 0 || c.upload.SHA256 != "" {
				return // no other audio matches the announced upload
			}
			d.bucket.Put(key, "audio/mpeg", good, nil)
			d.ingest("0B", incoming.Completed)
			if r := d.get(); r.Audio.Condition() != recording.Ready || r.Audio.Reason != "" {
				t.Errorf("recording = %+v, want a good upload to complete it", r)
			}
			d.exists(aside, false)
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
		d.bucket.Put(key, "application/ogg", c.audio, nil)
		d.ingest("0A", incoming.Completed)
		r := d.get()
		if r.Audio.Condition() != recording.Empty || r.Audio.Place != recording.Managed || r.Audio.ContentType != c.kind || number(t, r, "duration_ms") != 0 {
			t.Errorf("%s: recording = %+v, want it empty, of %s", name, r, c.kind)
		}
	}
}

func TestAudioBeforeItsRecording(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Grace = time.Minute
	d.bucket.Put(key, "audio/wav", sample(t, "alaw.wav"), nil)
	if got, err := d.Ingest(t.Context(), incoming.Arrival{Key: key, Sequencer: "0A"}); !errors.Is(err, incoming.ErrEarly) {
		t.Fatalf("Ingest = %q, %v, want ErrEarly", got, err)
	}
	d.now = d.now.Add(time.Minute)
	d.ingest("0A", incoming.Adopted)
	r := d.get()
	if r.Made != recording.MadeOfAudio || r.Audio.Condition() != recording.Ready || number(t, r, "duration_ms") == 0 || number(t, r, "start") == 0 {
		t.Errorf("recording = %+v, want one made of its audio alone", r)
	}
	d.ingest("0A", incoming.Unchanged)

	d.bucket.Put(strings.Replace(key, id, "202601-bad", 1), "audio/wav", []byte("not audio"), nil)
	d.now = d.now.Add(time.Hour)
	bad := incoming.Arrival{Key: strings.Replace(key, id, "202601-bad", 1)}
	if got, err := d.Ingest(t.Context(), bad); err != nil || got != incoming.Refused {
		t.Errorf("Ingest of a file that is not audio = %q, %v, want it refused", got, err)
	}
	if _, err := d.store.Get(t.Context(), account, "202601-bad"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get = %v, want no recording of it", err)
	}
}

func TestADeletedRecordingDoesNotComeBack(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.create(recording.Upload{})
	if _, err := d.store.Delete(t.Context(), account, id, func(*recording.Recording) error { return nil }); err != nil {
		t.Fatal(err)
	}
	d.bucket.Put(key, "audio/wav", sample(t, "alaw.wav"), nil)
	d.ingest("0A", incoming.Removed)
	d.exists(key, false)
	d.ingest("0A", incoming.Removed)
	if _, err := d.store.Get(t.Context(), account, id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get = %v, want the recording to stay deleted", err)
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
		d.bucket.Put(k, "audio/wav", sample(t, "alaw.wav"), nil)
		if got, err := d.Ingest(t.Context(), incoming.Arrival{Key: k, Sequencer: "0A"}); err != nil || got != incoming.Ignored {
			t.Errorf("Ingest(%q) = %q, %v, want it ignored", k, got, err)
		}
		d.exists(k, true)
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
	d.now = d.now.AddDate(-1, 0, 0)
	d.bucket.Put(key, "audio/wav", sample(t, "alaw.wav"), nil)
	d.ingest("0A", incoming.Completed)
	if r := d.get(); r.Modified < created || r.Created != created {
		t.Errorf("created %d, modified %d, want neither before %d", r.Created, r.Modified, created)
	}
	other := strings.Replace(key, id, "202601-other", 1)
	d.bucket.Put(other, "audio/wav", sample(t, "alaw.wav"), nil)
	o := d.bucket.Objects[other]
	o.Modified = d.now.AddDate(5, 0, 0) // the store's clock is ahead
	d.bucket.Objects[other] = o
	if got, err := d.Ingest(t.Context(), incoming.Arrival{Key: other}); err != nil || got != incoming.Adopted {
		t.Errorf("Ingest = %q, %v, want it adopted", got, err)
	}
}

func TestObjectReplacedDuringRead(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.create(recording.Upload{})
	d.bucket.Put(key, "audio/mpeg", []byte("not audio"), nil)
	d.bucket.BeforeOpen = func() { d.bucket.Put(key, "audio/wav", sample(t, "alaw.wav"), nil) }
	if got, err := d.Ingest(t.Context(), incoming.Arrival{Key: key, Sequencer: "0A"}); !errors.Is(err, media.ErrChanged) {
		t.Fatalf("Ingest = %q, %v, want ErrChanged", got, err)
	}
	d.ingest("0A", incoming.Completed)
	if r := d.get(); r.Audio.ContentType != "audio/wav" {
		t.Errorf("audio = %+v, want that of the new object", r.Audio)
	}
}

// When the time for an arrival is up, its audio is served without its length
// rather than kept from those behind it.
func TestAudioThatTakesTooLong(t *testing.T) {
	t.Parallel()
	audio := bytes.Repeat(sample(t, "cbr-8khz.mp3"), 400)
	for _, c := range []struct {
		left  time.Duration
		known bool
	}{{time.Minute, true}, {-time.Millisecond, false}} {
		d := open(t)
		d.T = t
		d.create(recording.Upload{})
		d.bucket.Put(key, "audio/mpeg", audio, nil)
		a := incoming.Arrival{Key: key, Sequencer: "0A", Until: time.Now().Add(c.left)}
		if got, err := d.Ingest(t.Context(), a); err != nil || got != incoming.Completed {
			t.Fatalf("Ingest with %v left = %q, %v", c.left, got, err)
		}
		r := d.get()
		if known := number(t, r, "duration_ms") > 0; r.Audio.Condition() != recording.Ready || r.Audio.ContentType != "audio/mpeg" || known != c.known {
			t.Errorf("with %v left: %+v, want it ready, its length known: %v", c.left, r, c.known)
		}
	}
}
