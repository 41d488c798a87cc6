package sweep

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// maxStep is the longest plausible time between two runs: the schedule is hourly, and
	// some runs may fail. If more time seems to have passed, the clock may have jumped.
	maxStep = 3 * 60 * 60
	// doubtTime is how long runs must go on after a jump before it is believed. It leaves
	// enough of the 24 hours within which expired recordings must go.
	doubtTime = 10 * 60 * 60
	// maxStretches bounds the size of the entry. A machine would have to be on for less than
	// ten minutes at a time to reach it.
	maxStretches = 100
	// saveTime bounds the write of the state at the end of a run.
	saveTime = 10 * time.Second
)

// clock is an entry with the times of earlier runs, which show jumps of the clock. A jump looks the
// same as hours when the service was off.
//
// Between two runs that are at most maxStep apart, that much time has passed. The sum of
// these steps is the observed time. So at least the observed time has passed since any
// earlier run, even if the clock was wrong.
type clock struct {
	// At is a time that has certainly come. Without doubts it is that of the last run.
	At recording.Seconds `json:"at"`
	// Doubts are the stretches of runs since the clock is in doubt, the oldest first.
	Doubts []stretch `json:"doubts,omitempty"`
}

// stretch is a series of runs, each at most maxStep after the one before. It begins with a
// jump.
type stretch struct {
	// First and Last are the times of its first and its last run by the clock.
	First recording.Seconds `json:"first"`
	Last  recording.Seconds `json:"last"`
	// Seen is the observed time since First, later stretches included.
	Seen recording.Seconds `json:"seen"`
}

// tick returns the entry after a run at the time now. A time of more than maxStep after the
// last run is doubtful, and begins a stretch. Meanwhile At goes on by the observed time.
// When doubtTime has been observed since a stretch began, and the clock has not returned to
// before it, the times of the stretch are believed. So every time is believed after at most
// ten hours of runs, even on a machine that is on for a few hours a day. If the clock
// returns, the doubts are over at once. A clock that was set back removes nothing too early,
// so it is always believed.
func (c clock) tick(now recording.Seconds) clock {
	if c.At == 0 || now <= c.At+maxStep {
		return clock{At: now}
	}
	next := clock{At: c.At, Doubts: slices.Clone(c.Doubts)}
	counted := next.forget(now)
	if last := len(next.Doubts) - 1; last >= 0 && now <= next.Doubts[last].Last+maxStep {
		next.observe(max(0, now-next.Doubts[last].Last-counted))
		next.Doubts[last].Last = now
	} else {
		next.Doubts = append(next.Doubts, stretch{First: now, Last: now})
	}
	for next.Doubts[0].Seen >= doubtTime {
		if len(next.Doubts) == 1 {
			return clock{At: now}
		}
		next.At = max(next.At, next.Doubts[0].Last+next.Doubts[1].Seen)
		next.Doubts = next.Doubts[1:]
	}
	if len(next.Doubts) > maxStretches { // the first one stays, so that it is believed some day
		next.Doubts = slices.Delete(next.Doubts, 1, 2)
	}
	return next
}

// forget removes the stretches with times after now: the clock has returned from them. It
// returns the time that was observed in them.
func (c *clock) forget(now recording.Seconds) (seen recording.Seconds) {
	for i, s := range c.Doubts {
		if s.Last > now {
			c.Doubts = c.Doubts[:i]
			return s.Seen
		}
	}
	return 0
}

// observe adds an observed time.
func (c *clock) observe(step recording.Seconds) {
	c.At += step
	for i := range c.Doubts {
		c.Doubts[i].Seen += step
	}
}

var clockKey = store.EntryKey{Partition: partition, Key: "clock"}

// Observe notes the time between two runs. Call it more often than Run, so that a service that
// is never on for a whole hour still removes expired recordings some day.
func (s *Sweeper) Observe(ctx context.Context) error {
	_, err := s.checkClock(ctx, s.Now())
	return err
}

// checked is the clock at the beginning of a run.
type checked struct {
	// at is the time that the run takes as now: it may remove recordings that expire by then.
	at recording.Seconds
	// doubtful is true if at is earlier than the time of the clock. fresh is true if a stretch
	// has just begun, so that at has hardly moved since the last run.
	doubtful, fresh bool
}

// checkClock notes the time of a run.
func (s *Sweeper) checkClock(ctx context.Context, now time.Time) (checked, error) {
	found, err := s.Entries.Entries(ctx, clockKey)
	if err != nil {
		return checked{}, fmt.Errorf("check the clock: %w", err)
	}
	var c clock
	e := store.Entry{EntryKey: clockKey}
	if len(found) > 0 {
		if err := decode(found[0].Value, &c); err != nil {
			return checked{}, err
		}
		e.Revision = found[0].Revision
	}
	next := c.tick(recording.SecondsOf(now))
	if e.Value, err = encode(next); err != nil {
		return checked{}, err
	}
	if err := s.Entries.WriteEntries(ctx, store.Replace(e)); err != nil {
		return checked{}, fmt.Errorf("check the clock: %w", err)
	}
	last := len(next.Doubts) - 1
	return checked{at: next.At, doubtful: last >= 0, fresh: last >= 0 && next.Doubts[last].Seen == 0}, nil
}

// WhenTrusted returns do for other programs than the sweep, which must not remove anything
// too early either: it returns ErrClock without calling do while the clock is in doubt.
// It compares the clock with the last runs of the sweep.
func WhenTrusted[T any](entries store.EntryReader, now func() time.Time, do func(ctx context.Context, account string, at recording.Seconds) (T, error),
) func(ctx context.Context, account string, at recording.Seconds) (T, error) {
	return func(ctx context.Context, account string, at recording.Seconds) (none T, err error) {
		found, err := entries.Entries(ctx, clockKey)
		if err != nil {
			return none, fmt.Errorf("check the clock: %w", err)
		}
		var c clock
		if len(found) > 0 {
			if err := decode(found[0].Value, &c); err != nil {
				return none, err
			}
		}
		if len(c.tick(recording.SecondsOf(now())).Doubts) > 0 {
			return none, ErrClock
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
