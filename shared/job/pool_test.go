package job_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callrecordings/api/shared/job"
)

func TestAPoolWorksOnEveryAccount(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	p := job.NewPool(time.Now)
	var mu sync.Mutex
	seen := map[string]int{}
	for _, account := range []string{"A", "B", "A", "C"} {
		_ = p.Wake(ctx, account, 0)
	}
	_ = p.Wake(ctx, "D", time.Millisecond)
	_ = p.Wake(ctx, "E", time.Hour)
	p.Work(ctx, 2, time.Millisecond, func(_ context.Context, m job.Message) error {
		account := m.Account
		mu.Lock()
		defer mu.Unlock()
		seen[account]++
		if seen["A"] == 1 && seen["B"] == 2 && seen["C"] == 1 && seen["D"] == 1 {
			stop()
		}
		if account == "B" && seen["B"] == 1 {
			return errors.New("again")
		}
		return nil
	})
	if ctx.Err() == nil || seen["E"] != 0 {
		t.Errorf("the pool ended with %v", seen)
	}
}

// handled is a message and when a worker got it.
type handled struct {
	job.Message

	at time.Time
}

// workers runs the workers of p for a time of a synctest bubble, and returns the messages that they
// handled.
func workers(t *testing.T, p *job.Pool, number int, d time.Duration, slice func(context.Context, job.Message) error) []handled {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var mu sync.Mutex
	var all []handled
	p.Work(ctx, number, 10*time.Second, func(ctx context.Context, m job.Message) error {
		mu.Lock()
		all = append(all, handled{m, time.Now()})
		mu.Unlock()
		return slice(ctx, m)
	})
	return all
}

func nothing(context.Context, job.Message) error { return nil }

// A message that waits is renewed by the next one of its account, and keeps its place. The old
// one would be dropped as one that was sent before the latest turn.
func TestANewerMessageReplacesTheOneThatWaits(t *testing.T) {
	t.Parallel()
	for name, delay := range map[string]time.Duration{"in line": 0, "delayed": 30 * time.Second, "delayed for longer": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := job.NewPool(time.Now)
				_ = p.Wake(t.Context(), "A", delay)
				time.Sleep(40 * time.Second)
				if delay < time.Minute {
					_ = p.Wake(t.Context(), "B", 0)
				}
				_ = p.Wake(t.Context(), "A", 0)
				if delay > time.Minute {
					_ = p.Wake(t.Context(), "B", 0)
				}
				sent := time.Now()
				got := workers(t, p, 1, 2*time.Hour, nothing)
				if len(got) != 2 || got[0].Account != "A" || got[1].Account != "B" || !got[0].Sent.Equal(sent) || !got[0].at.Equal(sent) {
					t.Errorf("%+v, want A and B once, sent and handled at %v", got, sent)
				}
			})
		})
	}
}

// Many delayed wake-ups of an account are one, at the earliest of their times.
func TestManyDelayedMessagesAreOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := job.NewPool(time.Now)
		begun := time.Now()
		_ = p.Wake(t.Context(), "A", 700*time.Second)
		for range 300 {
			_ = p.Wake(t.Context(), "A", 600*time.Second)
			time.Sleep(time.Second)
		}
		got := workers(t, p, 2, 2*time.Hour, nothing)
		if len(got) != 1 || got[0].at.Sub(begun) != 600*time.Second {
			t.Errorf("%+v, want one message after 600 s", got)
		}
	})
}

// A slice ends before the next one of its account begins. The messages that are sent meanwhile
// become one, behind the accounts that wait.
func TestAnAccountHasOneWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := job.NewPool(time.Now)
		var mu sync.Mutex
		busy, more := map[string]bool{}, true
		_ = p.Wake(t.Context(), "A", 0)
		got := workers(t, p, 2, time.Hour, func(ctx context.Context, m job.Message) error {
			mu.Lock()
			if busy[m.Account] {
				t.Errorf("two workers for %s", m.Account)
			}
			first := more
			busy[m.Account], more = true, false
			mu.Unlock()
			if first {
				for _, account := range []string{"A", "B", "A", "C", "A"} {
					_ = p.Wake(ctx, account, 0)
				}
			}
			time.Sleep(time.Minute)
			mu.Lock()
			busy[m.Account] = false
			mu.Unlock()
			return nil
		})
		var order []string
		for _, h := range got {
			order = append(order, h.Account)
		}
		if slices.Sort(order[1:3]); !slices.Equal(order, []string{"A", "B", "C", "A"}) && !slices.Equal(order, []string{"A", "A", "B", "C"}) {
			t.Errorf("the order is %v", order)
		}
	})
}

// After its slice has failed, a message is delivered again with the same ID, because the lease may
// have that ID. A message that was sent meanwhile, or later, becomes one with it.
func TestAFailedMessageKeepsItsID(t *testing.T) {
	t.Parallel()
	for name, when := range map[string]time.Duration{"alone": 0, "during the slice": 30 * time.Second, "after it": 65 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := job.NewPool(time.Now)
				sent := time.Now()
				_ = p.Wake(t.Context(), "A", 0)
				again := 70 * time.Second
				if when > 0 {
					time.AfterFunc(when, func() { _ = p.Wake(t.Context(), "A", 0) })
					again = max(when, time.Minute)
				}
				first := true
				got := workers(t, p, 2, time.Hour, func(context.Context, job.Message) error {
					if first {
						first = false
						time.Sleep(time.Minute)
						return errors.New("again")
					}
					return nil
				})
				if len(got) != 2 || got[0].ID != got[1].ID || got[1].at.Sub(sent) != again || got[1].Sent.Sub(sent) != when {
					t.Errorf("%+v, want the same message again after %v, sent after %v", got, again, when)
				}
			})
		})
	}
}
