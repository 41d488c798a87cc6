package importer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"callrecordings/shared/attempt"
	"callrecordings/shared/store"
)

// Options of a run.
type Options struct {
	// Concurrency is how many items are copied at once, 1 or more.
	Concurrency int
	// Rate bounds the items that are copied in a second; 0 sets no limit.
	Rate float64
	// NoAudio copies documents alone; a later run brings the audio.
	NoAudio bool
	// Revive copies what was deleted here, too.
	Revive bool
	// MaxBytes is the most audio that a recording may have; 0 sets no limit.
	MaxBytes int64
	// Now is the clock.
	Now func() time.Time
	// Wait waits between two tries of what the target did not do; nil waits by
	// the clock.
	Wait func(ctx context.Context, d time.Duration) error
	// Tally counts. Required.
	Tally *Tally
	// Named, if not nil, is told of each item that was not simply copied or there,
	// from any goroutine.
	Named func(Result)
}

// inARow is how many items may fail one after another because nobody answers,
// before a run gives up: the more, the more are under way at once.
func (o Options) inARow() int64 { return max(20, 3*int64(o.Concurrency)) }

// run is one run under way.
type run struct {
	Options
	source Source
	target Target
	pace   *rate.Limiter
	end    context.CancelCauseFunc

	trouble counter

	mu sync.Mutex // guards names
	// names are those of the items whose id is another, by their ids; both are
	// hashed, as there may be millions.
	names map[[16]byte][8]byte
}

// task is an item, and what the target had of it when its page was listed.
type task struct {
	item  *Item
	found store.Found
}

// Run copies what s has to t, and counts in o.Tally. It goes on after an item
// that fails. An error means that it did not come to the end: the
// context's cause, or what wraps ErrStop.
func Run(ctx context.Context, s Source, t Target, o Options) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	r := newRun(s, t, o, end)
	r.spread(ctx, func(t task) Result { return r.take(ctx, t) })
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

// spread lists the source and lets workers do each item.
func (r *run) spread(ctx context.Context, do func(task) Result) {
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

// list hands out what the source has.
func (r *run) list(ctx context.Context, tasks chan<- task) {
	for page, err := range r.source.Pages(ctx) {
		if err == nil && len(page) > 0 {
			err = r.hand(ctx, page, tasks)
		}
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, ErrStop), errors.Is(err, ErrUnreachable):
			r.stop(err)
			return
		case err != nil:
			r.name(Result{Outcome: Failed, Name: "a part of the list", Reason: err.Error()})
			r.Tally.missed()
		}
	}
	if ctx.Err() == nil {
		r.Tally.listed()
	}
}

// hand looks up what the target has of a page and hands its items out.
func (r *run) hand(ctx context.Context, page []Item, tasks chan<- task) error {
	found, err := r.lookUp(ctx, page)
	if err != nil {
		return fmt.Errorf("%w: look for what is there: %w", ErrStop, err)
	}
	r.Tally.found(page)
	r.trouble.reset() // both have answered
	for i := range page {
		select {
		case tasks <- task{&page[i], found[i]}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// lookUp finds what the target has of each item whose id is known.
func (r *run) lookUp(ctx context.Context, page []Item) ([]store.Found, error) {
	ids := map[string][]string{} // by account; a page may have an id twice
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
		found, err := again(ctx, r, func() (map[string]store.Found, error) { return r.target.Store.Find(ctx, account, some) })
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

// done counts what became of an item, and ends the run if nothing works any
// more. What was broken off by the end of the run is not counted.
func (r *run) done(t task, res Result) {
	if res.Outcome == "" {
		return
	}
	if errors.Is(res.cause, ErrStop) {
		r.stop(res.cause)
		return
	}
	r.Tally.count(t.item, res)
	if res.worthNaming() {
		r.name(res)
	}
	if again, ok := r.source.(Retrier); ok && res.Outcome == Failed {
		again.Retry(t.item)
	}
	switch {
	case errors.Is(res.cause, ErrUnreachable), unavailable(res.cause):
		if r.trouble.up() >= r.inARow() {
			r.stop(fmt.Errorf("%w: %d in a row failed, the last one: %w", ErrStop, r.inARow(), res.cause))
		}
	case res.Outcome != Deleted && res.Outcome != Known:
		r.trouble.reset()
	}
}

func (r *run) stop(err error) {
	if !errors.Is(err, ErrStop) {
		err = fmt.Errorf("%w: %w", ErrStop, err)
	}
	r.end(err)
}

func (r *run) name(res Result) {
	if r.Named != nil {
		r.Named(res)
	}
}

// Waits between tries of what the target did not do, and their number: some two
// minutes.
const (
	firstWait = 500 * time.Millisecond
	lastWait  = 30 * time.Second
	tries     = 9
)

// again asks the target until it answers, and backs off meanwhile: drivers try
// for as long as a request may take, and nobody waits for an answer here.
func again[T any](ctx context.Context, r *run, do func() (T, error)) (got T, err error) {
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
