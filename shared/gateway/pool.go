package gateway

import (
	"context"
	"slices"
	"sync"
	"time"
)

// pool is a number of bytes that requests take and return.
type pool struct {
	patience time.Duration
	// most is what one party may hold. The party "" stands for unknown parties and has
	// no such limit.
	most int64

	mu   sync.Mutex
	free int64
	held map[string]int64 // by party
	// waiting has the requests that wait, by party, in their order. turns has the
	// parties with such requests; the first one is next.
	waiting map[string][]*waiter
	turns   []string
}

// waiter is a request that waits for n bytes.
type waiter struct {
	n     int64
	ready chan struct{} // closed when it has them
}

// newPool returns a pool of that many bytes, of which one party gets three quarters, but
// at least enough for the largest body.
func newPool(bytes, largest int64, patience time.Duration) pool {
	return pool{
		patience: patience, most: max(bytes*3/4, largest), free: bytes,
		held: map[string]int64{}, waiting: map[string][]*waiter{},
	}
}

// take takes n bytes for a party, and waits for them if necessary. It returns false if
// they do not become free in time.
func (p *pool) take(ctx context.Context, party string, n int64) bool {
	w := &waiter{n: n, ready: make(chan struct{})}
	p.mu.Lock()
	if len(p.waiting[party]) == 0 {
		p.turns = append(p.turns, party)
	}
	p.waiting[party] = append(p.waiting[party], w)
	p.grant()
	p.mu.Unlock()
	select {
	case <-w.ready:
		return true
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	select {
	case <-w.ready:
		return true
	case <-ctx.Done():
		return !p.withdraw(party, w)
	}
}

// withdraw removes a request that waits. It returns false if the request has got its
// bytes meanwhile.
func (p *pool) withdraw(party string, w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.waiting[party], w)
	if i < 0 {
		return false
	}
	p.remove(party, i)
	p.grant() // smaller requests behind it may fit
	return true
}

// remove removes the request with index i of a party. The caller holds the lock.
func (p *pool) remove(party string, i int) {
	p.waiting[party] = slices.Delete(p.waiting[party], i, i+1)
	if len(p.waiting[party]) == 0 {
		delete(p.waiting, party)
		p.turns = slices.Delete(p.turns, slices.Index(p.turns, party), slices.Index(p.turns, party)+1)
	}
}

// give returns n bytes of a party.
func (p *pool) give(party string, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free += n
	if p.held[party] -= n; p.held[party] <= 0 {
		delete(p.held, party)
	}
	p.grant()
}

// grant gives bytes to the next requests. A large request is not overtaken
// by smaller ones of other parties, because it might then never get its bytes; only a
// party that holds as much as it may is passed over. The caller holds the lock.
func (p *pool) grant() {
	for i := 0; i < len(p.turns); {
		party := p.turns[i]
		w := p.waiting[party][0]
		if party != "" && p.held[party]+w.n > p.most {
			i++
			continue
		}
		if w.n > p.free {
			return
		}
		p.free -= w.n
		p.held[party] += w.n
		p.remove(party, 0)
		close(w.ready)
		if len(p.waiting[party]) > 0 { // its next turn comes after those of the others
			p.turns = append(slices.Delete(p.turns, i, i+1), party)
		}
		i = 0
	}
}
