package gateway

import (
	"context"
	"sync"
	"time"
)

const (
	// DefaultBudget is the budget in bytes of a server of its own. A body takes
	// about eight times its length while it is an event, so these are about 400 MB.
	DefaultBudget = 48 << 20
	// patience is how long a request waits for room in the budget. It has not read
	// its body by then, so it costs nothing but a connection.
	patience = 5 * time.Second
	// retryAfter is the Retry-After of a request that found no room, in seconds.
	retryAfter = "5"
)

// Budget limits the bytes of the request bodies that are in memory at once. A
// request that finds no room in time is answered with 429 and Retry-After. It is
// safe for concurrent use.
type Budget struct {
	mu    sync.Mutex
	free  int64
	freed chan struct{} // closed when bytes become free
}

// NewBudget returns a budget of so many bytes, but at least those of the longest
// body.
func NewBudget(bytes int64) *Budget {
	return &Budget{free: max(bytes, maxBody), freed: make(chan struct{})}
}

// take takes n bytes, and waits for them if necessary. It returns false if they do
// not become free in time.
func (b *Budget) take(ctx context.Context, n int64) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		b.mu.Lock()
		freed := b.freed
		enough := b.free >= n
		if enough {
			b.free -= n
		}
		b.mu.Unlock()
		if enough {
			return true
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return false
		}
	}
}

// give returns n bytes.
func (b *Budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
	close(b.freed)
	b.freed = make(chan struct{})
}
