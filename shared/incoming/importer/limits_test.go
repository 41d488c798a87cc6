package importer_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
)

// unreachable is what a source returns that does not answer.
var unreachable = fmt.Errorf("%w: time-out", importer.ErrUnreachable)

// A run gives up after 20 failures in a row, or after three for each item in progress.
func TestRunStopsAfterSoManyFailures(t *testing.T) {
	t.Parallel()
	for concurrency, limit := range map[int]int64{1: 20, 10: 30} {
		p := newFixture(t)
		s := &source{audio: map[string]any{}}
		var items []importer.Item
		for i := range 100 {
			it := kazooItem(fmt.Sprintf("r%02d", i), started)
			items, s.audio[it.Name] = append(items, it), unreachable
		}
		s.pages = []any{items}
		o := options()
		o.Concurrency = concurrency
		err := importer.Run(t.Context(), s, p.target(), o)
		if !errors.Is(err, importer.ErrStop) || !strings.Contains(err.Error(), fmt.Sprintf(" %d items in a row", limit)) {
			t.Errorf("%d at a time: Run = %v, want it to stop after %d", concurrency, err, limit)
		}
		if c := o.Tally.Count(); concurrency == 1 && c.Failed != limit {
			t.Errorf("%d failures, want %d", c.Failed, limit)
		}
	}
}

// Audio that is copied shows that the source answers. A recording that exists already, or
// was deleted, does not: its audio is not fetched.
func TestOnlyACopyEndsARowOfFailures(t *testing.T) {
	t.Parallel()
	mp3 := demo(t, "03-wrong-number.mp3")
	for between, stops := range map[string]bool{"copied": false, "known": true} {
		p := newFixture(t)
		s := &source{audio: map[string]any{}}
		middle := kazooItem("between", started)
		if between == "known" {
			first := &source{pages: []any{[]importer.Item{middle}}, audio: map[string]any{middle.Name: mp3}}
			check(t, importer.Run(t.Context(), first, p.target(), options()))
		}
		var items []importer.Item
		for i := range 24 {
			it := kazooItem(fmt.Sprintf("r%02d", i), started)
			s.audio[it.Name] = unreachable
			if i == 12 {
				s.audio[middle.Name] = mp3
				items = append(items, middle)
			}
			items = append(items, it)
		}
		s.pages = []any{items}
		o := options()
		o.Concurrency = 1
		if err := importer.Run(t.Context(), s, p.target(), o); errors.Is(err, importer.ErrStop) != stops {
			t.Errorf("12 failures, one item %s, 12 failures: Run = %v, want it to stop: %t", between, err, stops)
		}
	}
}

// retrying is a source that lists failed items again.
type retrying struct {
	*source
	mu    sync.Mutex
	again []string
}

func (s *retrying) Retry(it *importer.Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.again = append(s.again, it.Name)
}

func TestFailedItemsAreRetried(t *testing.T) {
	t.Parallel()
	p := newFixture(t)
	s := &retrying{source: &source{
		pages: []any{[]importer.Item{kazooItem("a", started), kazooItem("b", started)}},
		audio: map[string]any{"202610-a": demo(t, "03-wrong-number.mp3"), "202610-b": errors.New("500")},
	}}
	check(t, importer.Run(t.Context(), s, p.target(), options()))
	if len(s.again) != 1 || s.again[0] != "202610-b" {
		t.Errorf("retried %q, want the one that failed", s.again)
	}
}

// MaxBytes is the largest audio that is copied; 0 copies any.
func TestLargestAudio(t *testing.T) {
	t.Parallel()
	mp3 := demo(t, "03-wrong-number.mp3")
	size := int64(len(mp3))
	for most, want := range map[int64]recording.State{0: recording.Ready, size: recording.Ready, size - 1: recording.Failed} {
		p := newFixture(t)
		o := options()
		o.MaxBytes = most
		s := &source{pages: []any{[]importer.Item{kazooItem("a", started)}}, audio: map[string]any{"202610-a": mp3}}
		check(t, importer.Run(t.Context(), s, p.target(), o))
		if r := p.get(t, "202610-a"); r.Audio.Condition() != want {
			t.Errorf("%d bytes, at most %d: audio %+v, want it %s", size, most, r.Audio, want)
		}
	}
}

func TestAnyFaultOfAComparison(t *testing.T) {
	t.Parallel()
	if v := (importer.Comparison{Same: 1, Deleted: 1, Refused: 1, More: 1, Bytes: 1}); !v.Good() {
		t.Errorf("Good of %+v = false", v)
	}
	for _, v := range []importer.Comparison{
		{Missing: 1}, {Different: 1}, {Damaged: 1}, {Unchecked: 1}, {Lists: 1},
		{Missing: 1, Different: 1}, {Different: 1, Damaged: 1}, {Missing: 1, Damaged: 1}, {Missing: 1, Unchecked: 1}, {Missing: 1, Lists: 1},
	} {
		if v.Good() {
			t.Errorf("Good of %+v = true", v)
		}
	}
}

// A comparison adds up the audio that it has read.
func TestVerifyCountsBytes(t *testing.T) {
	t.Parallel()
	p, mp3 := newFixture(t), demo(t, "03-wrong-number.mp3")
	items := []importer.Item{kazooItem("a", started), kazooItem("b", started)}
	items[1].Created = started + 5
	s := &source{pages: []any{items}, audio: map[string]any{"202610-a": mp3, "202610-b": mp3}}
	check(t, importer.Run(t.Context(), s, p.target(), options()))
	v, err := importer.Verify(t.Context(), s, p.target(), importer.VerifyOptions{Options: options()})
	if err != nil || v.Same != 2 || v.Bytes != 2*int64(len(mp3)) {
		t.Errorf("Verify = %+v, %v, want two that are the same, with %d bytes each", v, err, len(mp3))
	}
}
