package turns_test

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
	"github.com/callrecordings/api/shared/turns"
)

func newRota(t *testing.T, parallel int) turns.Rota {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return turns.Rota{Entries: s, Key: store.EntryKey{Partition: "work", Key: "turn"}, Parallel: parallel}
}

// Accounts have their turns in order until they are done. If the time is up, the next run begins
// with the account that would have been next.
func TestTurns(t *testing.T) {
	t.Parallel()
	r := newRota(t, 1)
	accounts := []string{"a", "b", "c"}
	var order []string
	run := func(ctx context.Context, turn func(account string) (bool, error)) error {
		order = nil
		return r.Run(ctx, accounts, func(ctx context.Context, account string) (bool, error) {
			order = append(order, account)
			requestlog.From(ctx).MediaCalls++
			return turn(account)
		})
	}
	left := map[string]int{"a": 3, "b": 1, "c": 2}
	entry := new(requestlog.Entry)
	err := run(requestlog.With(t.Context(), entry), func(account string) (bool, error) {
		left[account]--
		return left[account] == 0, nil
	})
	if got := strings.Join(order, ""); err != nil || got != "abcaca" || entry.MediaCalls != 6 {
		t.Errorf("the turns are %q with %d calls, %v, want abcaca with 6", got, entry.MediaCalls, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = run(ctx, func(account string) (bool, error) {
		if account == "b" {
			cancel()
			return false, ctx.Err()
		}
		return false, nil
	})
	if got := strings.Join(order, ""); err != nil || got != "ab" {
		t.Errorf("the turns are %q, %v, want ab", got, err)
	}
	broken := errors.New("broken")
	err = run(t.Context(), func(account string) (bool, error) {
		if account == "a" {
			return false, broken
		}
		return true, nil
	})
	if got := strings.Join(order, ""); !errors.Is(err, broken) || got != "cab" {
		t.Errorf("the turns are %q, %v, want cab and the error", got, err)
	}
	err = run(t.Context(), func(string) (bool, error) { return true, nil })
	if got := strings.Join(order, ""); err != nil || got != "abc" {
		t.Errorf("the turns after a whole run are %q, %v, want abc", got, err)
	}
}

// Once Over is true, no more turns begin. At least one account has had its turn.
func TestTurnsUntilOver(t *testing.T) {
	t.Parallel()
	r := newRota(t, 1)
	var order []string
	limit := 1
	r.Over = func() bool { return len(order) >= limit }
	for _, want := range []string{"a", "ab", "abca"} {
		err := r.Run(t.Context(), []string{"a", "b", "c"}, func(_ context.Context, account string) (bool, error) {
			order = append(order, account)
			return false, nil
		})
		if got := strings.Join(order, ""); err != nil || got != want {
			t.Errorf("the turns are %q, %v, want %q", got, err, want)
		}
		limit += limit
	}
}

// As many accounts as asked for have a turn at the same time, and none has two. No turn is in
// progress once Run returns.
func TestTurnsInParallel(t *testing.T) {
	t.Parallel()
	const parallel = 3
	r := newRota(t, parallel)
	accounts := []string{"a", "b", "c", "d", "e"}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var mu sync.Mutex
	var now, most int
	busy, count := map[string]bool{}, map[string]int{}
	full := make(chan struct{})
	var running atomic.Int32
	err := r.Run(ctx, accounts, func(ctx context.Context, account string) (bool, error) {
		running.Add(1)
		defer running.Add(-1)
		requestlog.From(ctx).MediaCalls++
		mu.Lock()
		if busy[account] {
			t.Errorf("%s has two turns at the same time", account)
		}
		busy[account] = true
		count[account]++
		if now++; now > most {
			most = now
		}
		if now == parallel && most == parallel {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		mu.Unlock()
		select { // until others have a turn too
		case <-full:
		case <-ctx.Done():
		}
		mu.Lock()
		defer mu.Unlock()
		now--
		busy[account] = false
		return count[account] == 2, nil
	})
	if err != nil || most != parallel || running.Load() != 0 {
		t.Errorf("Run = %v with %d turns at the same time, want %d", err, most, parallel)
	}
	for _, account := range accounts {
		if count[account] != 2 {
			t.Errorf("%s had %d turns, want 2", account, count[account])
		}
	}
	ended, end := context.WithCancel(t.Context())
	var begun []string
	err = r.Run(ended, accounts, func(ctx context.Context, account string) (bool, error) {
		running.Add(1)
		defer running.Add(-1)
		mu.Lock()
		begun = append(begun, account)
		if len(begun) == parallel {
			end()
		}
		mu.Unlock()
		<-ctx.Done()
		return false, ctx.Err()
	})
	slices.Sort(begun)
	if err != nil || running.Load() != 0 || !slices.Equal(begun, accounts[:parallel]) {
		t.Errorf("Run = %v after %q, with %d turns in progress", err, begun, running.Load())
	}
	var first string
	r.Parallel = 0
	_ = r.Run(t.Context(), accounts, func(_ context.Context, account string) (bool, error) {
		if first == "" {
			first = account
		}
		return true, nil
	})
	if first != "d" {
		t.Errorf("the next run begins with %s, want d", first)
	}
}
