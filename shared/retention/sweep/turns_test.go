package sweep_test

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/retention/sweep"
	"github.com/callrecordings/api/shared/store"
)

// slow removes recordings, and ends the run after some of them.
type slow struct {
	sweep.Remover
	left int
	stop func()
}

func (s *slow) Expire(ctx context.Context, account, id string, now recording.Seconds) error {
	if s.left--; s.left == 0 {
		s.stop()
	}
	return s.Remover.Expire(ctx, account, id, now)
}

// The next run continues one that ended early, and begins where it stopped.
func TestARunThatEndsEarly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, account := range []string{"A", "B", "C"} {
		w.put(account, 40, 41, 42, 43, 44)
		w.save(account, retention.Rule{Name: "all", Days: 30})
	}
	ctx, cancel := context.WithCancel(t.Context())
	whole := w.Remove
	w.Remove = &slow{whole, 7, cancel}
	n, _ := w.Sweeper.Run(ctx)
	if n < 6 || n > 7 {
		t.Errorf("the run removed %d recordings before it ended, want 6 or 7", n)
	}
	first := ""
	w.Remove = noting{whole, func(account string) { first = cmp.Or(first, account) }}
	w.pass(time.Hour, 15-n)
	if first != "C" {
		t.Errorf("the next run begins with %s, want C: the time was up in the turn of B", first)
	}
	for _, account := range []string{"A", "B", "C"} {
		w.wantLeft(account, "")
	}
}

// failing fails for one account.
type failing struct{ sweep.Remover }

func (f failing) Expire(ctx context.Context, account, id string, now recording.Seconds) error {
	if account == "A" {
		return store.ErrUnavailable
	}
	return f.Remover.Expire(ctx, account, id, now)
}

// An account that fails does not keep others from their turns, and is swept later.
func TestAnAccountThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, account := range []string{"A", "B"} {
		w.put(account, 40)
		w.save(account, retention.Rule{Name: "all", Days: 30})
	}
	whole := w.Remove
	w.Remove = failing{whole}
	if n, err := w.Sweeper.Run(w.ctx()); n != 1 || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Run = %d, %v, want 1 and the error", n, err)
	}
	w.Remove = whole
	w.pass(time.Hour, 1)
}

// No account waits for one with much to remove.
func TestTurns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("A", 40, 41, 42, 43, 44)
	w.put("B", 40)
	w.save("A", retention.Rule{Name: "all", Days: 30})
	w.save("B", retention.Rule{Name: "all", Days: 30})
	var order []string
	ticks := 0
	w.Now = func() time.Time { ticks++; return w.now.Add(time.Duration(ticks)) } // a nanosecond for each look at it
	w.Turn = 5                                                                   // some of the recordings of A
	w.Remove = removerFunc(func(account string) { order = append(order, account) })
	w.run(6)
	got := strings.Join(order, "")
	if first, last := strings.Index(got, "B"), strings.LastIndex(got, "A"); first < 1 || first > last || len(got) != 6 {
		t.Errorf("the turns are %q, want that of B before the end of A", got)
	}
}

// noting notes the account of each removed recording.
type noting struct {
	sweep.Remover
	note func(account string)
}

func (n noting) Expire(ctx context.Context, account, id string, now recording.Seconds) error {
	n.note(account)
	return n.Remover.Expire(ctx, account, id, now)
}

// Several accounts, each a tree of its own, are swept at the same time, with the same result.
func TestParallelSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Recordings = w.store // counting is for one goroutine
	accounts := []string{"A", "B", "C", "D", "E"}
	for _, account := range accounts {
		w.put(account, 10, 40, 41, 42)
		w.save(account, retention.Rule{Name: "all", Days: 30})
	}
	release := w.hold("C", hold.Scope{Recording: "202601-d41"})
	w.Sweeper.Parallel = 3
	w.Record = func(context.Context, audit.Entry) error { return nil }
	w.run(14)
	for _, account := range accounts {
		w.wantLeft(account, map[bool]string{true: "d41 d10", false: "d10"}[account == "C"])
	}
	release()
	w.pass(time.Hour, 1)
}

type removerFunc func(account string)

func (f removerFunc) Expire(_ context.Context, account, _ string, _ recording.Seconds) error {
	f(account)
	return nil
}

func (f removerFunc) Condemn(_ context.Context, account, _ string, _ recording.Seconds) error {
	f(account)
	return nil
}
