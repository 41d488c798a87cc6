package gateway

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// Parties that wait take turns, even if one has more requests than the others. The requests of a
// party keep their order.
func TestPartiesTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1, 1, time.Minute)
		if !p.take(t.Context(), "first", 1) {
			t.Fatal("take of a free byte = false, want true")
		}
		var mu sync.Mutex
		var order []string
		var waiting sync.WaitGroup
		for _, name := range []string{"a1", "a2", "a3", "a4", "b1", "b2", "c1"} {
			waiting.Go(func() {
				if !p.take(t.Context(), name[:1], 1) {
					t.Errorf("take of %s = false, want true", name)
				}
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
				p.give(name[:1], 1)
			})
			synctest.Wait() // it waits before the next one comes
		}
		p.give("first", 1)
		waiting.Wait()
		if got, want := strings.Join(order, " "), "a1 b1 c1 a2 b2 a3 a4"; got != want {
			t.Errorf("the order is %s, want %s", got, want)
		}
	})
}

// A party that holds three quarters of the bytes leaves the rest to others.
func TestAPartyLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(8, 1, time.Second)
		for i := range 8 {
			if got, want := p.take(t.Context(), "greedy", 1), i < 6; got != want {
				t.Errorf("take %d of a party = %t, want %t", i, got, want)
			}
		}
		start := time.Now()
		if !p.take(t.Context(), "other", 2) || time.Since(start) != 0 {
			t.Error("another party has to wait for the rest")
		}
	})
}

// A request that needs more than the free bytes is not overtaken by smaller ones. When it gives up,
// the smaller ones get the bytes at once.
func TestALargeRequestIsNotOvertaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(10, 10, time.Second)
		if !p.take(t.Context(), "", 5) {
			t.Fatal("take of free bytes = false, want true")
		}
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if p.take(t.Context(), "", 8) {
				t.Error("take of 8 bytes with 5 free = true, want false")
			}
		})
		synctest.Wait()
		start := time.Now()
		time.Sleep(time.Second / 2)
		if !p.take(t.Context(), "", 1) || time.Since(start) != time.Second {
			t.Errorf("a small request got its byte after %v, want after the large one gave up", time.Since(start))
		}
		waiting.Wait()
	})
}

// Random requests come, wait, give up and leave. No byte is lost or given twice, and
// no request waits at the end.
func TestThePoolLosesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		const size = 20
		requests := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) [4]int {
			return [4]int{
				rapid.IntRange(0, 3).Draw(rt, "party"), rapid.IntRange(1, 9).Draw(rt, "bytes"),
				rapid.IntRange(0, 30).Draw(rt, "arrives"), rapid.IntRange(1, 9).Draw(rt, "holds"),
			}
		}), 1, 30).Draw(rt, "requests")
		synctest.Test(t, func(t *testing.T) {
			p := newPool(size, 9, 10*time.Second)
			var mu sync.Mutex
			taken := 0
			var all sync.WaitGroup
			for i, r := range requests {
				all.Go(func() {
					time.Sleep(time.Duration(r[2]) * time.Second)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					if i%5 == 0 {
						time.AfterFunc(time.Duration(r[3])*time.Second, cancel)
					}
					party := []string{"", "a", "b", "c"}[r[0]]
					if !p.take(ctx, party, int64(r[1])) {
						return
					}
					mu.Lock()
					if taken += r[1]; taken > size {
						t.Errorf("%d bytes are taken, want at most %d", taken, size)
					}
					mu.Unlock()
					time.Sleep(time.Duration(r[3]) * time.Second)
					mu.Lock()
					taken -= r[1]
					mu.Unlock()
					p.give(party, int64(r[1]))
				})
			}
			all.Wait()
			if p.free != size || len(p.held) > 0 || len(p.waiting) > 0 || len(p.turns) > 0 {
				t.Errorf("at the end: %d free, held %v, waiting %v, turns %v", p.free, p.held, p.waiting, p.turns)
			}
		})
	})
}

// Memory for bodies has the length that was asked for, and is used again.
func TestRooms(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{1, roomStep - 1, roomStep, roomStep + 1, 4_000_000, MaxResponse - 1, MaxResponse} {
		room := newRoom(n)
		if int64(len(room)) != n || int64(cap(room)) > n+roomStep {
			t.Errorf("newRoom(%d) has %d of %d bytes", n, len(room), cap(room))
		}
		keepRoom(room)
		if again := newRoom(n); int64(len(again)) != n {
			t.Errorf("newRoom(%d) has %d bytes the second time", n, len(again))
		}
	}
	keepRoom(nil)
	keepRoom(slices.Grow([]byte(nil), 700_000))
}

// Slow readers of one account leave room for the answers of another account.
func TestSlowReadersOfOneAccountLeaveRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, p := NewBudget(6<<20), pipes{make(chan net.Conn), make(chan struct{})} // 8 MB for answers
		b.Party = func(r *http.Request) string { return r.URL.Path }
		s := &http.Server{Handler: b.Local(write("audio/mpeg", strings.Repeat("x", 2<<20)))}
		go func() { _ = s.Serve(p) }()
		var open []net.Conn
		get := func(account string, want int, waited time.Duration) {
			t.Helper()
			start := time.Now()
			resp, conn := p.get(t, account)
			open = append(open, conn)
			if got := time.Since(start); resp.StatusCode != want || got != waited {
				t.Errorf("GET %s = %d after %v, want %d after %v", account, resp.StatusCode, got, want, waited)
			}
		}
		for range 3 {
			get("/greedy", http.StatusOK, 0)
		}
		get("/greedy", http.StatusTooManyRequests, answerPatience)
		get("/other", http.StatusOK, 0)
		for _, c := range open {
			_ = c.Close()
		}
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// The default budget has room for bodies of 48 MB, and for answers of 64 MB.
func TestDefaultBudget(t *testing.T) {
	t.Parallel()
	b := NewBudget(DefaultBudget)
	if got := fmt.Sprint(b.requests.free>>20, b.answers.free>>20); got != "48 64" {
		t.Errorf("the budgets are %s MB, want 48 and 64", got)
	}
}
