package gateway

import (
	"context"
	"net/http"
	"time"
)

const (
	// streamBudget is the memory of all streams of a server in bytes, and streamCost what
	// one stream takes of it: its buffer, and those of the connections to the client and to
	// the store. So a server has 512 streams, and one account has at most 384 of them.
	streamBudget = 64 << 20
	streamCost   = 128 << 10
	// streamPatience is how long a request waits for another stream to end.
	streamPatience = 5 * time.Second
	// chunkTime is how long a client may take to read one chunk of a stream. A client that
	// stops reading, like a paused player, is cut off, and goes on later with a Range.
	chunkTime = 30 * time.Second
	// streamTime is how long one stream may last. Behind API Gateway it is 15 minutes.
	streamTime = time.Hour
)

// socket is the outlet of the local server: it writes to the client's connection.
type socket struct {
	budget  *Budget
	w       http.ResponseWriter
	request *http.Request
	// chunk is chunkTime; tests shorten it.
	chunk time.Duration
	// drop frees the memory of the request's body.
	drop func()
	sent bool
}

// open implements [outlet].
func (s *socket) open(ctx context.Context) (context.Context, func(), error) {
	give := func() {}
	if s.budget != nil {
		party := s.budget.party(s.request)
		if !s.budget.streams.take(ctx, party, streamCost) {
			return nil, nil, ErrCrowded
		}
		give = func() { s.budget.streams.give(party, streamCost) }
	}
	s.drop()
	life, cancel := context.WithTimeout(s.request.Context(), streamTime)
	ctx, leave := within(ctx, life)
	return ctx, func() {
		leave()
		cancel()
		give()
	}, nil
}

// begin implements [outlet].
func (s *socket) begin(status int, header http.Header) {
	s.allow()
	setHeader(s.w.Header(), header)
	s.w.WriteHeader(status)
}

// write implements [outlet]. The first chunk is sent at once, however short it is.
func (s *socket) write(p []byte) (int, error) {
	s.allow()
	n, err := s.w.Write(p)
	if err == nil && !s.sent {
		s.sent = true
		err = http.NewResponseController(s.w).Flush()
	}
	return n, err
}

// allow gives the client time to read the next chunk.
func (s *socket) allow() {
	end := time.Now().Add(s.chunk)                            //nolint:forbidigo // deadlines of connections follow the system clock
	_ = http.NewResponseController(s.w).SetWriteDeadline(end) // writers without deadlines are in tests
}
