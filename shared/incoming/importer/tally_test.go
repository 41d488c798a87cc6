package importer_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
)

func TestEstimateTotal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		e    importer.Estimate
		want int64
	}{
		{"sizes that are known", importer.Estimate{Bytes: 1000}, 1000},
		{"twice as long as the samples", importer.Estimate{Bytes: 1000, Duration: time.Minute, SampleDuration: 30 * time.Second, SampleBytes: 3000, Samples: 2, Unsized: 9}, 7000},
		{"five like the average of three", importer.Estimate{Bytes: 1000, SampleBytes: 900, Samples: 3, Unsized: 5}, 2500},
		{"no samples", importer.Estimate{Bytes: 1000, Duration: time.Minute, Unsized: 5}, 1000},
	} {
		if got := c.e.Total(); got != c.want {
			t.Errorf("%s: Total = %d, want %d", c.name, got, c.want)
		}
	}
}

func TestDoneCountsEveryOutcome(t *testing.T) {
	t.Parallel()
	c := importer.Count{Copied: 1, Known: 2, Updated: 4, Deleted: 8, Refused: 16, Failed: 32}
	if n := c.Done(); n != 63 {
		t.Errorf("Done = %d, want 63", n)
	}
}

func TestTallyOfAnExport(t *testing.T) {
	t.Parallel()
	var tally importer.Tally
	tally.Exported(importer.Copied, 500)
	tally.Exported(importer.Copied, 40)
	tally.Exported(importer.Failed, 0)
	tally.Duplicate()
	want := importer.Count{Found: 3, Copied: 2, Failed: 1, Bytes: 540, Twice: 1}
	if got := tally.Count(); got != want {
		t.Errorf("Count = %+v, want %+v", got, want)
	}
}

// A run adds up the bytes that it copies, and notes when the first and the last call
// ended, each after a minute. A recording without a time does not count.
func TestRunCountsBytesAndTimes(t *testing.T) {
	t.Parallel()
	p, mp3 := newFixture(t), demo(t, "03-wrong-number.mp3")
	timeless := kazooItem("d", 0)
	timeless.Document = `{"media_type":".mp3"}`
	items := []importer.Item{kazooItem("b", started+500), kazooItem("a", started), kazooItem("c", started+300), timeless}
	s := &source{pages: []any{items}, audio: map[string]any{"202610-a": mp3, "202610-b": mp3, "202610-c": mp3, "202610-d": mp3}}
	o := options()
	o.Concurrency = 1
	if err := importer.Run(t.Context(), s, p.target(), o); err != nil {
		t.Fatal(err)
	}
	c := o.Tally.Count()
	if c.Copied != 4 || c.Bytes != 4*int64(len(mp3)) || c.First != started+60 || c.Last != started+560 {
		t.Errorf("Count = %+v, want 4 copies of %d bytes, from %d to %d", c, len(mp3), started+60, started+560)
	}
}

// A run notes in an existing recording why the audio that it lacks cannot be served. A
// further run that finds the same audio changes nothing.
func TestRunNotesWhyAudioIsMissing(t *testing.T) {
	t.Parallel()
	p := newFixture(t)
	s := &source{pages: []any{[]importer.Item{kazooItem("a", started)}}, audio: map[string]any{"202610-a": errors.New("500")}}
	if err := importer.Run(t.Context(), s, p.target(), options()); err != nil {
		t.Fatal(err)
	}
	s.audio["202610-a"] = []byte("not audio")
	if err := importer.Run(t.Context(), s, p.target(), options()); err != nil {
		t.Fatal(err)
	}
	r := p.get(t, "202610-a")
	if r.Audio.Condition() != recording.Failed || r.Audio.Reason != recording.NotAudio {
		t.Errorf("audio = %+v, want it failed, because it is not audio", r.Audio)
	}
	if err := importer.Run(t.Context(), s, p.target(), options()); err != nil {
		t.Fatal(err)
	}
	if again := p.get(t, "202610-a"); again.Revision != r.Revision {
		t.Errorf("revision %s after a further run, want %s", again.Revision, r.Revision)
	}
}

// A run stores the audio that a recording lacks under the key that the recording has for it.
func TestRunSuppliesAudioUnderItsKey(t *testing.T) {
	t.Parallel()
	p, mp3 := newFixture(t), demo(t, "03-wrong-number.mp3")
	it := kazooItem("a", started)
	const key = "recordings/a0/202610/earlier"
	r := &recording.Recording{Account: account, ID: it.ID, Owner: "u1", Created: started, Document: it.Document, Audio: recording.Audio{Key: key}}
	if err := p.store.Put(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	s := &source{pages: []any{[]importer.Item{it}}, audio: map[string]any{it.Name: mp3}}
	o := options()
	if err := importer.Run(t.Context(), s, p.target(), o); err != nil || o.Tally.Count().Copied != 1 {
		t.Fatalf("Run = %v, %+v", err, o.Tally.Count())
	}
	if got := p.get(t, it.ID); got.AudioKey() != key || !bytes.Equal(p.play(t, got), mp3) {
		t.Errorf("audio = %+v, want it under %s", got.Audio, key)
	}
}
