package importer_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
)

// plain is a source that cannot report sizes.
type plain struct{ importer.Source }

// sizes is a source of audio with a size of 1,000 bytes. It counts the requests for the size.
type sizes struct {
	*source

	asked atomic.Int64
}

func (s *sizes) Size(context.Context, *importer.Item) (int64, error) {
	s.asked.Add(1)
	return 1000, nil
}

// The estimate adds the known sizes. Of 63 recordings without one it samples the first 16 and
// the 32nd.
func TestDryRunEstimates(t *testing.T) {
	t.Parallel()
	p := newFixture(t)
	var items []importer.Item
	for n := range 63 {
		items = append(items, kazooItem(fmt.Sprint("unsized", n), started)) // of 60 seconds
	}
	for n := range 3 {
		it := kazooItem(fmt.Sprint("sized", n), started)
		it.Audio.Size = int64(100 << n)
		items = append(items, it)
	}
	s := &sizes{source: &source{pages: []any{items}}}
	want := importer.Estimate{Recordings: 66, Bytes: 700, Unsized: 63, Duration: 63 * time.Minute}
	for _, c := range []struct {
		name   string
		source importer.Source
		asked  int64
	}{{"sizes", s, 17}, {"no sizes", plain{s}, 0}} {
		want.Samples, want.SampleBytes, want.SampleDuration = c.asked, 1000*c.asked, time.Duration(c.asked)*time.Minute
		s.asked.Store(0)
		o := options()
		check(t, importer.DryRun(t.Context(), c.source, p.target(), o))
		if got := o.Tally.Count().ToCopy; got != want {
			t.Errorf("%s: %+v, want %+v", c.name, got, want)
		}
		if asked := s.asked.Load(); asked != c.asked {
			t.Errorf("%s: asked for %d sizes, want %d", c.name, asked, c.asked)
		}
	}
}

// A dry run reports why recordings would be without audio, as a run does: the source lost it, it is
// kept elsewhere, or there is none. An ID that the operator declares lost only matters for audio
// that would be copied.
func TestDryRunWithoutAudio(t *testing.T) {
	t.Parallel()
	p := newFixture(t)
	lost, elsewhere, silent := kazooItem("lost", started), kazooItem("elsewhere", started), kazooItem("silent", started)
	elsewhere.Audio = recording.Audio{Place: recording.External, Key: "https://other.test/x.mp3"}
	silent.Audio = recording.Audio{}
	s := &source{pages: []any{[]importer.Item{lost, elsewhere, silent, kazooItem("here", started)}}}
	o := options()
	o.Lost = map[string]bool{lost.ID: true, elsewhere.ID: true, silent.ID: true}
	check(t, importer.DryRun(t.Context(), s, p.target(), o))
	c := o.Tally.Count()
	if c.Copied != 4 || c.Lost != 1 || c.External != 1 || c.Silent != 1 || c.ToCopy.Recordings != 1 {
		t.Errorf("%+v, want one lost, one elsewhere, one silent and one to copy", c)
	}
}
