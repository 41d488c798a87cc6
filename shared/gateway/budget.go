package gateway

import (
	"context"
	"net/http"
	"time"
)

const (
	// DefaultBudget is the default budget of a server for the bodies of requests, in
	// bytes.
	DefaultBudget = 48 << 20
	// answerBudget is the default budget for the bodies of answers, in bytes: enough for
	// 16 answers of 4 MB at once.
	answerBudget = 64 << 20
	// smallAnswer is the length in bytes up to which an answer needs no share of the
	// budget: such an answer takes hardly more memory than the connection.
	smallAnswer = 64 << 10
	// patience is how long a request waits for room in the budget. The body is not read
	// while the request waits, so waiting costs only a connection.
	patience = 5 * time.Second
	// answerPatience is how long an answer waits for room. The rest of [Deadline] is for
	// reading and sending it.
	answerPatience = 15 * time.Second
	// retryAfter is the Retry-After of a request that found no room, in seconds.
	retryAfter = "5"
)

// Budget limits the bytes of the request bodies that are in memory at once, and,
// separately, the bytes of the answers, and the number of streams. An answer keeps its
// share until the client has received the answer. A request that gets no room in time is
// answered with 429 and Retry-After.
//
// Requests that wait get their turn in order, but parties take turns; see
// [Budget.Party]. A Budget is safe for concurrent use.
type Budget struct {
	// Party, if not nil, returns the party of a request, for example its account. Parties
	// that wait for room take turns, so a party with many requests does not delay the
	// others, and no party gets more than three quarters of the budget. It must be set
	// before the first request.
	Party func(*http.Request) string

	requests, answers, streams pool
}

// NewBudget returns a budget of that many bytes for requests and a third more for
// answers, but at least enough for the longest body.
func NewBudget(bytes int64) *Budget {
	return &Budget{
		requests: newPool(max(bytes, maxBody), maxBody, patience),
		answers:  newPool(max(bytes*answerBudget/DefaultBudget, MaxResponse), MaxResponse, answerPatience),
		streams:  newPool(streamBudget, streamCost, streamPatience),
	}
}

// party returns the party of a request.
func (b *Budget) party(r *http.Request) string {
	if b.Party == nil {
		return ""
	}
	return b.Party(r)
}

// answer returns the share of the answer to a request. The share is initially empty.
func (b *Budget) answer(r *http.Request) *share {
	if b == nil {
		return nil
	}
	return &share{ctx: r.Context(), party: b.party(r), pool: &b.answers}
}

// share holds the bytes that one answer has taken from a pool, and the memory for its
// body. A nil share is unlimited.
type share struct {
	ctx   context.Context //nolint:containedctx // Write has no parameter for it
	party string
	pool  *pool
	held  int64
	room  []byte
}

// grow extends the share to n bytes in total, and waits if necessary. It returns false
// if the bytes do not become free in time.
func (s *share) grow(n int64) bool {
	if s == nil || n <= max(s.held, smallAnswer) {
		return true
	}
	if !s.pool.take(s.ctx, s.party, n-s.held) {
		return false
	}
	s.held = n
	return true
}

// release returns all bytes and the memory.
func (s *share) release() {
	if s == nil {
		return
	}
	keepRoom(s.room)
	s.room = nil
	if s.held > 0 {
		s.pool.give(s.party, s.held)
		s.held = 0
	}
}
