package audit

import (
	"context"
	"time"

	"github.com/callrecordings/api/shared/access"
)

// listeningWindow is the longest pause within one listening. A player that is paused
// for longer, or that is served by another process, begins a new one.
const listeningWindow = 15 * time.Minute

// listening identifies who listens to what, from where.
type listening struct {
	actor                                     Actor
	account, recording, object, link, address string
}

// listened is a listening with an entry, stored or in progress. The fields after done
// change under the lock of the trail.
type listened struct {
	// done is closed when the entry is stored, or has failed.
	done   chan struct{}
	stored bool
	last   time.Time
}

// listeningOf returns the listening of e. ok is false if e is of another kind.
func listeningOf(e Entry) (l listening, ok bool) {
	return listening{e.Actor, e.Account, e.Recording, e.Object, e.Link, e.Address}, e.Action == access.Listen && e.Result == Done
}

// begin returns nil if e continues a listening that has an entry, such as another range
// of the same audio. If another request is storing that entry, begin waits for it, so
// that no audio goes out without an entry. Otherwise e begins a listening, and the caller
// must store it and call end. Errors: those of ctx.
func (t *Trail) begin(ctx context.Context, l listening, e Entry) (*listened, error) {
	for {
		one, began := t.beginOrJoin(l, e)
		if began || one == nil {
			return one, nil
		}
		select {
		case <-one.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// beginOrJoin returns a new listening and true. If another request is storing the entry of the
// listening, it returns that listening and false; if e continues a listening with an entry, nil and
// false.
func (t *Trail) beginOrJoin(l listening, e Entry) (one *listened, began bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one = t.listened[l]
	switch {
	case one == nil && len(t.listened) >= maxListeners:
		clear(t.listened)
	case one != nil && !one.stored:
		return one, false
	case one != nil && e.Time.Sub(one.last) < listeningWindow:
		one.last = e.Time
		return nil, false
	}
	one = &listened{done: make(chan struct{}), last: e.Time}
	t.listened[l] = one
	return one, true
}

// end ends the storing of the entry of a listening.
func (t *Trail) end(l listening, one *listened, stored bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one.stored = stored; !stored && t.listened[l] == one {
		delete(t.listened, l)
	}
	close(one.done)
}
