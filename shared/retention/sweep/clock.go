package sweep

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// maxStep is the longest plausible time between two runs: the schedule is hourly, and
	// some runs may fail. If more time seems to have passed, the clock may have jumped.
	maxStep = 3 * 60 * 60
	// doubtTime is how long the clock must go on from the jump before it is believed. It
	// leaves enough of the 24 hours within which expired recordings must go.
	doubtTime = 10 * 60 * 60
	// saveTime bounds the write of the state at the end of a run.
	saveTime = 10 * time.Second
)

// clock is an entry with the times of earlier runs, which show jumps of the clock.
type clock struct {
	// At is the time of the last run that trusted the clock.
	At recording.Seconds `json:"at"`
	// Since is when the present doubts began by the clock itself, 0 without doubts, and
	// Last the time of the last run with these doubts.
	Since recording.Seconds `json:"since,omitempty"`
	Last  recording.Seconds `json:"last,omitempty"`
}

// tick returns the entry after a run at the time now, and whether the run may remove
// recordings. A time of more than maxStep after the last run is doubtful: the clock has
// jumped, or the service was off. If runs go on from there for doubtTime, it is believed. If
// the clock returns, the doubts are over at once. A clock that was set back removes nothing
// too early, so it is always believed.
func (c clock) tick(now recording.Seconds) (clock, bool) {
	switch {
	case c.At == 0 || now <= c.At+maxStep:
		return clock{At: now}, true
	case c.Since == 0 || now < c.Last || now > c.Last+maxStep:
		return clock{At: c.At, Since: now, Last: now}, false
	case now >= c.Since+doubtTime:
		return clock{At: now}, true
	}
	return clock{At: c.At, Since: c.Since, Last: now}, false
}

var clockKey = store.EntryKey{Partition: partition, Key: "clock"}

// checkClock returns ErrClock if the run must not remove anything.
func (s *Sweeper) checkClock(ctx context.Context, now time.Time) error {
	found, err := s.Entries.Entries(ctx, clockKey)
	if err != nil {
		return fmt.Errorf("check the clock: %w", err)
	}
	var c clock
	w := store.EntryWrite{Entry: store.Entry{EntryKey: clockKey}, If: store.IfAbsent}
	if len(found) > 0 {
		if err := decode(found[0].Value, &c); err != nil {
			return err
		}
		w.Revision, w.If = found[0].Revision, store.IfUnchanged
	}
	next, ok := c.tick(recording.SecondsOf(now))
	if w.Value, err = encode(next); err != nil {
		return err
	}
	if err := s.Entries.WriteEntries(ctx, w); err != nil {
		return fmt.Errorf("check the clock: %w", err)
	}
	if !ok {
		return ErrClock
	}
	return nil
}

// WhenTrusted returns do for other programs than the sweep, which must not remove anything
// too early either: it returns ErrClock without calling do while the clock is in doubt.
// It compares the clock with the last runs of the sweep.
func WhenTrusted(entries store.EntryReader, now func() time.Time, do func(ctx context.Context, account string, at recording.Seconds) error,
) func(ctx context.Context, account string, at recording.Seconds) error {
	return func(ctx context.Context, account string, at recording.Seconds) error {
		found, err := entries.Entries(ctx, clockKey)
		if err != nil {
			return fmt.Errorf("check the clock: %w", err)
		}
		var c clock
		if len(found) > 0 {
			if err := decode(found[0].Value, &c); err != nil {
				return err
			}
		}
		if _, trusted := c.tick(recording.SecondsOf(now())); !trusted {
			return ErrClock
		}
		return do(ctx, account, at)
	}
}

func encode(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode the state of the sweep: %w", err)
	}
	return text, nil
}

func decode(text []byte, v any) error {
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("read the state of the sweep: %w", err)
	}
	return nil
}
