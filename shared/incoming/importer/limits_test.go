package importer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// errUnreachable is the error of a source that does not answer.
var errUnreachable = fmt.Errorf("%w: time-out", importer.ErrUnreachable)

// A run gives up after 20 failures in a row, or after three for each item in progress.
func TestRunStopsAfterSoManyFailures(t *testing.T) {
	t.Parallel()
	for concurrency, limit := range map[int]int64{1: 20, 10: 30} {
		p := newFixture(t)
		s := &source{audio: map[string]any{}}
		var items []importer.Item
		for i := range 100 {
			it := kazooItem(fmt.Sprintf("r%02d", i), started)
			items, s.audio[it.Name] = append(items, it), errUnreachable
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
			s.audio[it.Name] = errUnreachable
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
		{Missing: 1},
		{Different: 1},
		{Damaged: 1},
		{Unchecked: 1},
		{Lists: 1},
		{Missing: 1, Different: 1},
		{Different: 1, Damaged: 1},
		{Missing: 1, Damaged: 1},
		{Missing: 1, Unchecked: 1},
		{Missing: 1, Lists: 1},
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

// A call to a store that does not answer is tried nine times, with ever longer waits of up
// to half a minute between them.
func TestWaitsForAStore(t *testing.T) {
	t.Parallel()
	p := newFixture(t)
	var faults []faultstore.Fault
	for n := range 50 {
		faults = append(faults, faultstore.Fault{Call: n + 1, Err: store.ErrUnavailable})
	}
	s := &source{pages: []any{[]importer.Item{kazooItem("a", started)}}}
	var waits []time.Duration
	o := options()
	o.Wait = func(_ context.Context, d time.Duration) error {
		waits = append(waits, d)
		return nil
	}
	err := importer.Run(t.Context(), s, importer.Target{Store: faultstore.New(p.store, faults...), Audio: p.bucket}, o)
	if c := o.Tally.Count(); !errors.Is(err, importer.ErrStop) || c.Waits != 9 || len(waits) != 8 {
		t.Fatalf("Run = %v after %d waits, %+v, want it to stop after 8 waits", err, len(waits), c)
	}
	total := time.Duration(0)
	for i, longest := range []float64{0.5, 1, 2, 4, 8, 16, 30, 30} {
		if total += waits[i]; waits[i].Seconds() > longest {
			t.Errorf("wait %d: %v, want at most %v s", i+1, waits[i], longest)
		}
	}
	if total < time.Second { // they are random, but not all of them short
		t.Errorf("the waits %v, want longer ones", waits)
	}
}

// A rate limit delays a run, and does not end it.
func TestRunWithARate(t *testing.T) {
	t.Parallel()
	p, mp3 := newFixture(t), demo(t, "03-wrong-number.mp3")
	s := &source{pages: []any{[]importer.Item{kazooItem("a", started), kazooItem("b", started)}}, audio: map[string]any{"202610-a": mp3, "202610-b": mp3}}
	o := options()
	o.Rate = 1000
	if err := importer.Run(t.Context(), s, p.target(), o); err != nil || o.Tally.Count().Copied != 2 {
		t.Errorf("Run = %v, %+v, want two copies", err, o.Tally.Count())
	}
}

// A revived recording gets a key of its own for its audio, below that of imports: the purge of the
// deleted recording may still remove the object under the usual key.
func TestKeyOfARevivedRecording(t *testing.T) {
	t.Parallel()
	p, mp3 := newFixture(t), demo(t, "03-wrong-number.mp3")
	it := kazooItem("a", started)
	check(t, p.store.Put(t.Context(), &recording.Recording{Account: account, ID: it.ID, Created: started, Document: "{}"}))
	_, err := p.store.Delete(t.Context(), account, it.ID, store.Deletion{})
	check(t, err)
	check(t, p.store.Purged(t.Context(), account, it.ID, ""))
	tombstone, err := p.store.Tombstone(t.Context(), account, it.ID)
	check(t, err)
	s := &source{pages: []any{[]importer.Item{it}}, audio: map[string]any{it.Name: mp3}}
	o := options()
	o.Revive = true
	check(t, importer.Run(t.Context(), s, p.target(), o))
	if key, want := p.get(t, it.ID).AudioKey(), fmt.Sprintf("imported/a0/202610/202610-a~%x", tombstone.Expires); key != want {
		t.Errorf("key %s, want %s", key, want)
	}
}

// The report names an item only if its name differs from its ID. If the source has found a fault,
// the report gives that as the reason, and not a fault of the document.
func TestReportOfAnItem(t *testing.T) {
	t.Parallel()
	p := newFixture(t)
	bad, file := kazooItem("bad", started), kazooItem("file", started)
	bad.Fault, bad.Document = fmt.Errorf("%w: a bad ID", importer.ErrRefused), `{"x":1e999}`
	file.Name, file.Note = "call.mp3", "the time is assumed"
	file.Document, file.Audio = `{"url":"javascript:alert(1)"}`, recording.Audio{}
	var reported results
	o := options()
	o.Report, o.Concurrency = reported.add, 1
	s := &source{pages: []any{[]importer.Item{bad, file}}}
	check(t, importer.Run(t.Context(), s, p.target(), o))
	if len(reported.all) != 2 {
		t.Fatalf("reported %+v, want two", reported.all)
	}
	if r := reported.all[0]; r.Name != "" || r.ID != "202610-bad" || !strings.HasSuffix(r.Reason, "a bad ID") {
		t.Errorf("reported %+v, want the ID and the first fault", r)
	}
	if r := reported.all[1]; r.Name != "call.mp3" || !strings.HasPrefix(r.Reason, "the time is assumed; its url was removed") {
		t.Errorf("reported %+v, want the name and both notes", r)
	}
}

// finding notes the IDs that a run looks up.
type finding struct {
	importer.Store
	ids *[]string
}

func (s finding) Find(ctx context.Context, account string, ids []string) (map[string]store.Found, error) {
	*s.ids = append(*s.ids, ids...)
	return s.Store.Find(ctx, account, ids)
}

// A page is looked up with one request. It has each ID once, and leaves out items that cannot be
// copied.
func TestIDsThatAreLookedUp(t *testing.T) {
	t.Parallel()
	p, mp3 := newFixture(t), demo(t, "03-wrong-number.mp3")
	bad := kazooItem("bad", started)
	bad.Fault = importer.ErrRefused
	var ids []string
	s := &source{pages: []any{[]importer.Item{kazooItem("a", started), bad, kazooItem("a", started)}}, audio: map[string]any{"202610-a": mp3}}
	o := options()
	o.Concurrency = 1
	check(t, importer.Run(t.Context(), s, importer.Target{Store: finding{p.store, &ids}, Audio: p.bucket}, o))
	if len(ids) == 0 || ids[0] != "202610-a" || slices.Contains(ids, bad.ID) || len(ids) > 2 {
		t.Errorf("looked up %q, want 202610-a, and once more after it was copied", ids)
	}
}
