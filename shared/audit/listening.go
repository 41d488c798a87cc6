package audit

import (
	"time"

	"github.com/callrecordings/api/shared/access"
)

// listeningWindow is the longest pause within one listening. A player that is paused
// for longer, or that is served by another process, begins a new one.
const listeningWindow = 15 * time.Minute

// listening identifies who listens to what, from where.
type listening struct {
	actor                             Actor
	account, recording, link, address string
}

// listeners has the time of the last request of each listening.
type listeners map[listening]time.Time

// of returns the listening of e. ok is false if e is of another kind.
func listeningOf(e Entry) (l listening, ok bool) {
	return listening{e.Actor, e.Account, e.Recording, e.Link, e.Address}, e.Action == access.Listen && e.Result == Done
}

// isRepetition reports whether e continues a listening that has an entry, such as
// another range of the same audio. It remembers e.
func (t *Trail) isRepetition(e Entry) bool {
	l, ok := listeningOf(e)
	if !ok {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	last, known := t.listened[l]
	if !known && len(t.listened) >= maxListeners {
		clear(t.listened)
	}
	t.listened[l] = e.Time
	return known && e.Time.Sub(last) < listeningWindow
}

// forgetListening undoes isRepetition after the entry could not be stored.
func (t *Trail) forgetListening(e Entry) {
	if l, ok := listeningOf(e); ok {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.listened, l)
	}
}
