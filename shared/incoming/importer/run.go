package importer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Options are the settings of a run.
type Options struct {
	// Concurrency is the number of items that are copied at the same time, at
	// least 1.
	Concurrency int
	// Rate limits the items that are copied per second; 0 sets no limit.
	Rate float64
	// NoAudio copies documents only; a later run can copy the audio.
	NoAudio bool
	// Lost holds the IDs of exact items that have lost their audio in the source for
	// good. Their documents are copied without an attempt to fetch the audio.
	Lost map[string]bool
	// Revive also copies recordings that were deleted in the target.
	Revive bool
	// Update corrects the fields of existing recordings that differ from those of
	// the source. It does not apply to exact documents.
	Update bool
	// MaxBytes limits the size of a recording's audio; 0 sets no limit.
	MaxBytes int64
	// Now is the clock.
	Now func() time.Time
	// Wait waits before a failed call to the target is retried; nil uses the real
	// clock.
	Wait func(ctx context.Context, d time.Duration) error
	// Tally counts the items. It is required.
	Tally *Tally
	// Report, if not nil, is called for each item that was neither copied
	// completely nor already known. It may be called from any goroutine.
	Report func(Result)
}

// lost reports whether the source has lost the item's audio, according to Options.Lost.
func (o *Options) lost(it *Item) bool { return it.Exact && o.Lost[it.ID] }

// wantsAudio reports whether the item's audio is to be copied.
func (o *Options) wantsAudio(it *Item) bool {
	return it.Audio.Place == recording.Managed && !o.NoAudio && !o.lost(it)
}

// failureLimit is the number of consecutive items that may fail, because the source
// or the target does not answer, before the run gives up. The limit grows with the
// number of items in progress.
func (o Options) failureLimit() int64 { return max(20, 3*int64(o.Concurrency)) }

// run is a run in progress.
type run struct {
	Options
	source Source
	target Target
	pace   *rate.Limiter
	end    context.CancelCauseFunc

	failures counter

	mu sync.Mutex // guards names
	// names maps each used ID to the name of its item, if the name differs from the
	// ID. Both are hashed to save memory, since there may be millions.
	names map[[16]byte][8]byte
}

// task is an item, with the state of its recording in the target at the time when
// its page was listed.
type task struct {
	item  *Item
	found store.Found
}

// Run copies the recordings of s to t and counts them in o.Tally. It continues
// after an item fails. It returns an error if the run ended early: the cause of the
// context's end, or an error that wraps ErrStop.
func Run(ctx context.Context, s Source, t Target, o Options) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	r := newRun(s, t, o, end)
	r.forEach(ctx, func(t task) Result { return r.take(ctx, t) })
	return context.Cause(ctx)
}

func newRun(s Source, t Target, o Options, end context.CancelCauseFunc) *run {
	r := &run{Options: o, source: s, target: t, end: end, names: map[[16]byte][8]byte{}}
	if o.Rate > 0 {
		r.pace = rate.NewLimiter(rate.Limit(o.Rate), 1)
	}
	if o.Wait == nil {
		r.Wait = attempt.Sleep
	}
	return r
}

// forEach lists the source and has workers process the items.
func (r *run) forEach(ctx context.Context, do func(task) Result) {
	tasks := make(chan task)
	var working sync.WaitGroup
	for range max(r.Concurrency, 1) {
		working.Go(func() {
			for t := range tasks {
				if ctx.Err() == nil {
					r.done(t, do(t))
				}
			}
		})
	}
	r.list(ctx, tasks)
	close(tasks)
	working.Wait()
}

// list passes the source's items to the workers.
func (r *run) list(ctx context.Context, tasks chan<- task) {
	for page, err := range r.source.Pages(ctx) {
		if err == nil && len(page) > 0 {
			err = r.dispatch(ctx, page, tasks)
		}
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, ErrStop), errors.Is(err, ErrUnreachable):
			r.stop(err)
			return
		case err != nil:
			r.report(Result{Outcome: Failed, Name: "a part of the list", Reason: err.Error()})
			r.Tally.missed()
		}
	}
	if ctx.Err() == nil {
		r.Tally.listed()
	}
}

// dispatch looks up a page in the target and passes its items to the workers.
func (r *run) dispatch(ctx context.Context, page []Item, tasks chan<- task) error {
	for i := range page {
		page[i].vet()
	}
	found, err := r.lookUp(ctx, page)
	if err != nil {
		return fmt.Errorf("%w: look up existing recordings: %w", ErrStop, err)
	}
	r.Tally.found(page)
	r.failures.reset() // both the source and the target have answered
	for i := range page {
		select {
		case tasks <- task{&page[i], found[i]}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// lookUp finds the state of the recording of each item with a known ID.
func (r *run) lookUp(ctx context.Context, page []Item) ([]store.Found, error) {
	ids := map[string][]string{} // by account; a page may list an ID twice
	seen := map[string]bool{}
	for i := range page {
		it := &page[i]
		if key := it.Account + "/" + it.ID; it.ID != "" && it.Fault == nil && !seen[key] {
			seen[key] = true
			ids[it.Account] = append(ids[it.Account], it.ID)
		}
	}
	all := make([]store.Found, len(page))
	for account, some := range ids {
		found, err := retry(ctx, r, func() (map[string]store.Found, error) { return r.target.Store.Find(ctx, account, some) })
		if err != nil {
			return nil, err
		}
		for i := range page {
			if page[i].Account == account {
				all[i] = found[page[i].ID]
			}
		}
	}
	return all, nil
}

// done counts the result of an item, and ends the run if too many items fail in a
// row. It ignores items that were interrupted by the end of the run.
func (r *run) done(t task, res Result) {
	if res.Outcome == "" {
		return
	}
	if errors.Is(res.cause, ErrStop) {
		r.stop(res.cause)
		return
	}
	r.Tally.count(t.item, res)
	if res.reportable() {
		r.report(res)
	}
	if retrier, ok := r.source.(Retrier); ok && res.Outcome == Failed {
		retrier.Retry(t.item)
	}
	switch {
	case errors.Is(res.cause, ErrUnreachable), unavailable(res.cause):
		if r.failures.add() >= r.failureLimit() {
			r.stop(fmt.Errorf("%w: %d items in a row failed, the last with: %w", ErrStop, r.failureLimit(), res.cause))
		}
	case res.Outcome != Deleted && res.Outcome != Known:
		r.failures.reset()
	}
}

func (r *run) stop(err error) {
	if !errors.Is(err, ErrStop) {
		err = fmt.Errorf("%w: %w", ErrStop, err)
	}
	r.end(err)
}

func (r *run) report(res Result) {
	if r.Report != nil {
		r.Report(res)
	}
}

// The waits between attempts to call the target, and the number of attempts. The
// waits add up to about two minutes.
const (
	firstWait = 500 * time.Millisecond
	lastWait  = 30 * time.Second
	tries     = 9
)

// retry calls do, with a backoff, until the target answers or the attempts are used
// up. The drivers retry only for as long as an API request may take; an import can
// wait longer.
func retry[T any](ctx context.Context, r *run, do func() (T, error)) (got T, err error) {
	for n := range tries {
		if got, err = do(); !unavailable(err) {
			return got, err
		}
		r.Tally.waited()
		if n+1 == tries {
			break
		}
		if stopped := r.Wait(ctx, attempt.Jitter(min(firstWait<<n, lastWait))); stopped != nil {
			return got, stopped
		}
	}
	return got, err
}
