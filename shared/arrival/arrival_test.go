package arrival_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callrecordings/shared/arrival"
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

// desk is a desk over a real store and a shelf of objects.
type desk struct {
	arrival.Desk
	*testing.T
	store *sqlite.Store
	shelf *shelf
	now   time.Time
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{T: t, now: time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return d.now }
	var err error
	d.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: clock, Random: rand.Reader, Notes: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.store.Close() })
	d.shelf = &shelf{objects: map[string]object{}, now: clock}
	names, err := namepattern.Open("{caller}to{callee}.{ext}", "")
	if err != nil {
		t.Fatal(err)
	}
	d.Desk = arrival.Desk{Store: d.store, Audio: d.shelf, Names: names, MaxBytes: 1 << 20, Now: clock}
	return d
}

// create makes a recording that waits for its audio.
func (d *desk) create(u recording.Upload) {
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

func (d *desk) get() *recording.Recording {
	d.Helper()
	r, err := d.store.Get(d.Context(), account, id)
	if err != nil {
		d.Fatal(err)
	}
	return r
}

// take expects an outcome of an arrival.
func (d *desk) take(sequencer string, want arrival.Outcome) {
	d.Helper()
	if got, err := d.Take(d.Context(), arrival.Arrival{Key: key, Sequencer: sequencer}); err != nil || got != want {
		d.Fatalf("Take(%s) = %q, %v, want %q", sequencer, got, err, want)
	}
}

func (d *desk) lies(key string, want bool) {
	d.Helper()
	if _, there := d.shelf.objects[key]; there != want {
		d.Errorf("object %s is there: %v, want %v", key, there, want)
	}
}

// number is a field of the document.
func number(t testing.TB, r *recording.Recording, field string) int64 {
	t.Helper()
	n, ok := r.Document.Int(field)
	if !ok {
		t.Fatalf("%s is missing in %s", field, r.Document)
	}
	return n
}

// sound is a file of the probe's tests.
func sound(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../audiofile/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestAudioCompletesItsRecording(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	audio := sound(t, "vbr-16khz.mp3")
	d.create(recording.Upload{ContentType: "audio/mp3", Size: int64(len(audio)), SHA256: sha(audio)})
	before := d.get()
	d.now = d.now.Add(time.Minute)
	d.shelf.put(key, "text/html", audio)
	d.take("0A", arrival.Completed)
	r := d.get()
	want := recording.Audio{
		Place: recording.Managed, ContentType: "audio/mpeg", Size: int64(len(audio)), SHA256: sha(audio), Sequencer: "0A",
	}
	if r.Audio != want || r.Upload != (recording.Upload{}) || r.Audio.Condition() != recording.Ready {
		t.Errorf("recording = %+v, want audio %+v and nothing awaited", r, want)
	}
	if ms := number(t, r, "duration_ms"); ms < 100 || number(t, r, "duration") != ms/1000 {
		t.Errorf("document %s, want its duration", r.Document)
	}
	if from, _ := r.Document.Text("from"); from != "a@b" || r.Owner != "u" || r.Created != before.Created || r.Made != "made" {
		t.Errorf("recording = %+v, want everything else as it was", r)
	}
	if r.Modified != before.Modified+60 || r.Revision == before.Revision {
		t.Errorf("modified %d, revision %s, want both new", r.Modified, r.Revision)
	}
}

func TestDuplicateLateAndReorderedEventsChangeNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.create(recording.Upload{})
	d.shelf.put(key, "audio/wav", sound(t, "alaw.wav"))
	d.take("00B1", arrival.Completed)
	ready := d.get()
	for _, sequencer := range []string{"00B1", "b1", "B0", "0", "00000000000000000000B1"} {
		d.take(sequencer, arrival.Unchanged)
	}
	if err := d.Arrived(t.Context(), key); err != nil { // known by another way
		t.Fatal(err)
	}
	if r := d.get(); *r != *ready {
		t.Errorf("recording = %+v, want it unchanged: %+v", r, ready)
	}
	d.shelf.put(key, "audio/ogg", sound(t, "vorbis.ogg")) // by another writer
	d.take("B1", arrival.Unchanged)
	d.take("100", arrival.Completed)
	if r := d.get(); r.Audio.ContentType != "audio/ogg" || r.Audio.Sequencer != "100" {
		t.Errorf("audio = %+v, want that of the last writer", r.Audio)
	}
	d.take("B2", arrival.Unchanged)
}

func TestAnEventBesideTheMetadataIsNoNews(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	audio := sound(t, "alaw.wav")
	d.create(recording.Upload{})
	d.shelf.put(key, "audio/wav", audio)
	if err := d.Arrived(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	ready := d.get()
	if ready.Audio.Condition() != recording.Ready || ready.Audio.Sequencer != "" {
		t.Fatalf("audio = %+v, want it ready", ready.Audio)
	}
	d.take("05", arrival.Unchanged)
	if r := d.get(); r.Revision != ready.Revision {
		t.Error("the event has written what was known")
	}
}

func TestAudioThatCannotBeServedIsSetAside(t *testing.T) {
	t.Parallel()
	wav := sound(t, "alaw.wav")
	for _, c := range []struct {
		name   string
		upload recording.Upload
		audio  []byte
		want   recording.Reason
	}{
		{"text", recording.Upload{}, []byte("<script>alert(1)</script>"), recording.NotAudio},
		{"another type", recording.Upload{ContentType: "audio/mpeg"}, wav, recording.OtherType},
		{"larger", recording.Upload{Size: 10}, wav, recording.OtherSize},
		{"smaller", recording.Upload{Size: 1 << 19}, wav, recording.OtherSize},
		{"other bytes", recording.Upload{SHA256: sha([]byte("x"))}, wav, recording.OtherChecksum},
		{"too large", recording.Upload{}, make([]byte, 1<<20+1), recording.TooLarge},
		{"cut in its header", recording.Upload{}, wav[:20], recording.Damaged},
		{"a header alone", recording.Upload{}, []byte("OggS"), recording.Damaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.create(c.upload)
			d.shelf.put(key, "audio/mpeg", c.audio)
			d.take("0A", arrival.Refused)
			r := d.get()
			if r.Audio.Condition() != recording.Failed || r.Audio.Reason != c.want || r.Audio.Place != recording.Nowhere || r.Upload != c.upload {
				t.Errorf("recording = %+v, want it failed: %s", r, c.want)
			}
			d.lies(key, false)
			d.lies(aside, true)
			if got := d.shelf.objects[aside].body; !bytes.Equal(got, c.audio) {
				t.Errorf("%d bytes were set aside, want all %d", len(got), len(c.audio))
			}
			d.take("0A", arrival.Gone) // again
			if again := d.get(); *again != *r {
				t.Errorf("recording = %+v, want it as it was", again)
			}

			good := sound(t, "cbr-8khz.mp3")
			if c.upload.Size > 0 || c.upload.SHA256 != "" {
				return // no other audio is right
			}
			d.shelf.put(key, "audio/mpeg", good)
			d.take("0B", arrival.Completed)
			if r := d.get(); r.Audio.Condition() != recording.Ready || r.Audio.Reason != "" {
				t.Errorf("recording = %+v, want a right upload to mend it", r)
			}
			d.lies(aside, false)
		})
	}
}

func TestAudioOfNoSeconds(t *testing.T) {
	t.Parallel()
	header := append([]byte("RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data"), 0, 0, 0, 0)
	for name, c := range map[string]struct {
		audio []byte
		kind  string
	}{"a wav without samples": {header, "audio/wav"}, "no bytes": {nil, "audio/ogg"}} {
		d := newDesk(t)
		d.create(recording.Upload{})
		d.shelf.put(key, "application/ogg", c.audio)
		d.take("0A", arrival.Completed)
		r := d.get()
		if r.Audio.Condition() != recording.Empty || r.Audio.Place != recording.Managed || r.Audio.ContentType != c.kind || number(t, r, "duration_ms") != 0 {
			t.Errorf("%s: recording = %+v, want it empty, of %s", name, r, c.kind)
		}
	}
}

func TestAudioThatComesFirst(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Grace = time.Minute
	d.shelf.put(key, "audio/wav", sound(t, "alaw.wav"))
	if got, err := d.Take(t.Context(), arrival.Arrival{Key: key, Sequencer: "0A"}); !errors.Is(err, arrival.ErrEarly) {
		t.Fatalf("Take = %q, %v, want ErrEarly", got, err)
	}
	d.now = d.now.Add(time.Minute)
	d.take("0A", arrival.Adopted)
	r := d.get()
	if r.Made != recording.MadeOfAudio || r.Audio.Condition() != recording.Ready || number(t, r, "duration_ms") == 0 || number(t, r, "start") == 0 {
		t.Errorf("recording = %+v, want one of its audio alone", r)
	}
	d.take("0A", arrival.Unchanged)

	d.shelf.put(strings.Replace(key, id, "202601-bad", 1), "audio/wav", []byte("no sound"))
	d.now = d.now.Add(time.Hour)
	bad := arrival.Arrival{Key: strings.Replace(key, id, "202601-bad", 1)}
	if got, err := d.Take(t.Context(), bad); err != nil || got != arrival.Refused {
		t.Errorf("Take of what is no audio = %q, %v, want it refused", got, err)
	}
	if _, err := d.store.Get(t.Context(), account, "202601-bad"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get = %v, want no recording of it", err)
	}
}

func TestADeletedRecordingDoesNotComeBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.create(recording.Upload{})
	if _, err := d.store.Delete(t.Context(), account, id, func(*recording.Recording) error { return nil }); err != nil {
		t.Fatal(err)
	}
	d.shelf.put(key, "audio/wav", sound(t, "alaw.wav"))
	d.take("0A", arrival.Removed)
	d.lies(key, false)
	d.take("0A", arrival.Removed)
	if _, err := d.store.Get(t.Context(), account, id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get = %v, want the recording to stay deleted", err)
	}
}

func TestWhatIsNoRecordingsAudioIsLeftAlone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.create(recording.Upload{})
	for _, k := range []string{
		"recordings/acc/202602/202601-call", "recordings/../202601/202601-call", "recordings/acc%2F/202601/202601-call",
		"recordings/acc/202601/202601-call/x", "recordings/äcc/202601/202601-call", "set-aside/acc/202601/202601-call", "x", "",
		key + "~00", // of another upload for the same id
	} {
		d.shelf.put(k, "audio/wav", sound(t, "alaw.wav"))
		if got, err := d.Take(t.Context(), arrival.Arrival{Key: k, Sequencer: "0A"}); err != nil || got != arrival.Ignored {
			t.Errorf("Take(%q) = %q, %v, want it ignored", k, got, err)
		}
		d.lies(k, true)
	}
	if r := d.get(); r.Audio.Condition() != recording.Pending {
		t.Errorf("recording = %+v, want it pending", r)
	}
}

func TestAClockThatRunsWrong(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Grace = time.Minute
	d.create(recording.Upload{})
	created := d.get().Modified
	d.now = d.now.AddDate(-1, 0, 0)
	d.shelf.put(key, "audio/wav", sound(t, "alaw.wav"))
	d.take("0A", arrival.Completed)
	if r := d.get(); r.Modified < created || r.Created != created {
		t.Errorf("created %d, modified %d, want neither before %d", r.Created, r.Modified, created)
	}
	other := strings.Replace(key, id, "202601-other", 1)
	d.shelf.put(other, "audio/wav", sound(t, "alaw.wav"))
	o := d.shelf.objects[other]
	o.Modified = d.now.AddDate(5, 0, 0) // the store's clock is ahead
	d.shelf.objects[other] = o
	if got, err := d.Take(t.Context(), arrival.Arrival{Key: other}); err != nil || got != arrival.Adopted {
		t.Errorf("Take = %q, %v, want it adopted", got, err)
	}
}

func TestAnObjectThatIsReplacedWhileItIsRead(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.create(recording.Upload{})
	d.shelf.put(key, "audio/mpeg", []byte("no sound"))
	d.shelf.meanwhile = func() { d.shelf.put(key, "audio/wav", sound(t, "alaw.wav")) }
	if got, err := d.Take(t.Context(), arrival.Arrival{Key: key, Sequencer: "0A"}); !errors.Is(err, media.ErrChanged) {
		t.Fatalf("Take = %q, %v, want ErrChanged", got, err)
	}
	d.take("0A", arrival.Completed)
	if r := d.get(); r.Audio.ContentType != "audio/wav" {
		t.Errorf("audio = %+v, want that of the new object", r.Audio)
	}
}
