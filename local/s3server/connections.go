package s3server

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// Timeouts of connections.
const (
	// headerTime is how long a client may take for the headers of a request.
	headerTime = 10 * time.Second
	// unreadTime is how long the body of a refused request may take to arrive.
	unreadTime = 10 * time.Second
	// ioTimeout is how long a transfer may make no progress.
	ioTimeout = 2 * time.Minute
	// idleTime is how long a connection may wait for its next request.
	idleTime = time.Minute
	// retryAfter is the Retry-After of a request of a party that has its share, in seconds. It is
	// that of the API (package gateway).
	retryAfter = "5"
	// maxHeader limits the headers of a request, in bytes.
	maxHeader = 16 << 10
)

// extendWrite gives the client another ioTimeout to take the next bytes.
func extendWrite(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(ioTimeout)) // no deadlines: the connection is hijacked, which never happens
}

// shares limits how many requests of one party are served at once to three quarters of all
// connections. Clients of one account that read or write slowly therefore leave room for
// those of others.
type shares struct {
	max int

	mu   sync.Mutex
	busy map[string]int
}

func newShares(connections int) *shares {
	return &shares{max: max(1, connections*3/4), busy: map[string]int{}}
}

// take begins a request of a party. The caller must call give at its end. ok is false if the
// party has its share already.
func (s *shares) take(party string) (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[party] >= s.max {
		return false
	}
	s.busy[party]++
	return true
}

// give ends a request of a party.
func (s *shares) give(party string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[party]--; s.busy[party] == 0 {
		delete(s.busy, party)
	}
}

// partyOf returns the party of an object: the second segment of its key, which is the
// account in the keys of this service. Other keys are of one party.
func partyOf(key string) string {
	_, rest, _ := strings.Cut(key, "/")
	party, _, _ := strings.Cut(rest, "/")
	return party
}
