package gateway

import (
	"context"
	"sync"
	"time"
)

const (
	// DefaultBudget is the default budget of a server, in bytes. A request body takes
	// about eight times its length while it is an event, so the budget is about 400 MB
	// of memory. The bodies of answers have a separate budget of the same size. Such a
	// body takes about twice its length while it is sent.
	DefaultBudget = 48 << 20
	// smallAnswer is the length in bytes up to which an answer needs no share of the
	// budget: such an answer takes hardly more memory than the connection.
	smallAnswer = 64 << 10
	// patience is how long a request waits for room in the budget. The body is not read
	// while the request waits, so waiting costs only a connection.
	patience = 5 * time.Second
	// retryAfter is the Retry-After of a request that found no room, in seconds.
	retryAfter = "5"
)

// Budget limits the bytes of the request bodies that are in memory at once, and,
// separately, the bytes of the answers. An answer keeps its share until the client has
// received the answer. A request that gets no room in time is answered with 429 and
// Retry-After. A Budget is safe for concurrent use.
type Budget struct {
	pool
	answers pool
}

// NewBudget returns a budget of that many bytes for requests and the same number for
// answers, but at least enough for the longest body.
func NewBudget(bytes int64) *Budget {
	return &Budget{newPool(max(bytes, maxBody)), newPool(max(bytes, MaxResponse))}
}

// answer returns the share of the answer to the request of ctx. The share is initially
// empty.
func (b *Budget) answer(ctx context.Context) *share {
	if b == nil {
		return nil
	}
	return &share{ctx: ctx, pool: &b.answers}
}

// share holds the bytes that one answer has taken from a pool. A nil share is unlimited.
type share struct {
	ctx  context.Context //nolint:containedctx // Write has no parameter for it
	pool *pool
	held int64
}

// grow extends the share to n bytes in total, and waits if necessary. It returns false
// if the bytes do not become free in time.
func (s *share) grow(n int64) bool {
	if s == nil || n <= max(s.held, smallAnswer) {
		return true
	}
	if !s.pool.take(s.ctx, n-s.held) {
		return false
	}
	s.held = n
	return true
}

// release returns all bytes.
func (s *share) release() {
	if s != nil && s.held > 0 {
		s.pool.give(s.held)
		s.held = 0
	}
}

// pool is a number of bytes that requests take and return.
type pool struct {
	mu    sync.Mutex
	free  int64
	freed chan struct{} // closed when bytes become free
}

func newPool(bytes int64) pool { return pool{free: bytes, freed: make(chan struct{})} }

// take takes n bytes, and waits for them if necessary. It returns false if they do
// not become free in time.
func (p *pool) take(ctx context.Context, n int64) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		p.mu.Lock()
		freed := p.freed
		enough := p.free >= n
		if enough {
			p.free -= n
		}
		p.mu.Unlock()
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
func (p *pool) give(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free += n
	close(p.freed)
	p.freed = make(chan struct{})
}
