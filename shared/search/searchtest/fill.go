package searchtest

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// writers is how many goroutines fill a store.
	writers = 4
	// attempts is how often a write is tried, because a busy emulator may be slower than
	// the time-out of a request, and pause how long the next attempt waits.
	attempts = 50
	pause    = 300 * time.Millisecond
	// atOnce is how many entries one call writes. An emulator must store them before the
	// time-out.
	atOnce = 50
)

// Table is a store that Fill fills.
type Table interface {
	store.Writer
	store.Entries
	store.BulkWriter
}

// Fill stores an indexed library in an empty table.
func Fill(ctx context.Context, s Table, l Library) error {
	return Load(ctx, l, func(recordings []recording.Recording, entries []store.EntryWrite) error {
		var work []func() error
		for i := range recordings {
			work = append(work, func() error { return s.Put(ctx, &recordings[i]) })
		}
		slices.SortStableFunc(entries, func(a, b store.EntryWrite) int { return cmp.Compare(len(a.Add), len(b.Add)) })
		terms := slices.IndexFunc(entries, func(w store.EntryWrite) bool { return w.Counts() })
		if terms < 0 {
			terms = len(entries)
		}
		for part := range slices.Chunk(entries[:terms], atOnce) {
			work = append(work, func() error { return s.WriteEach(ctx, part...) })
		}
		// Counters begin at zero. Unlike adding, setting them twice after a lost answer is right.
		for i := range entries[terms:] {
			w := &entries[terms+i]
			maps.Copy(w.Set, w.Add)
			w.Add = nil
		}
		for part := range slices.Chunk(entries[terms:], atOnce) {
			work = append(work, func() error { return s.WriteEntries(ctx, part...) })
		}
		return inParallel(work)
	})
}

// inParallel does all work, and each part again while it fails.
func inParallel(work []func() error) error {
	errs := make([]error, len(work))
	var running sync.WaitGroup
	for first := range writers {
		running.Go(func() {
			for i := first; i < len(work); i += writers {
				for try := 0; try == 0 || errs[i] != nil && try < attempts; try++ {
					if try > 0 {
						time.Sleep(pause)
					}
					if errs[i] = work[i](); errors.Is(errs[i], store.ErrExists) { // stored by a request that timed out
						errs[i] = nil
					}
				}
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}
