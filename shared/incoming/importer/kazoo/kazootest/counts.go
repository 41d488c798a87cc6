package kazootest

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// counts counts the requests of clients.
type counts struct {
	mu       sync.Mutex
	begun    []time.Time
	now      int
	most     int
	rejected int
	renewals int
	played   map[string]int
}

// begin counts the start of a request. The caller must call end when the request
// ends.
func (c *counts) begin(at time.Time) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun = append(c.begun, at)
	c.now++
	c.most = max(c.most, c.now)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.now--
	}
}

func (c *counts) reject() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rejected++
}

func (c *counts) renew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.renewals++
}

func (c *counts) play(account, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.played[account+"/"+id]++
}

// Played returns how often the server sent the whole audio of each recording, by
// "account/id". A client that was killed may not have received the audio.
func (s *Server) Played() map[string]int {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	return maps.Clone(s.counts.played)
}

// Requests returns the number of requests of all kinds, including failed ones.
func (s *Server) Requests() int {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	return len(s.counts.begun)
}

// MostAtOnce returns the highest number of concurrent requests.
func (s *Server) MostAtOnce() int {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	return s.counts.most
}

// Rejected429 returns the number of requests that were answered with 429.
func (s *Server) Rejected429() int {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	return s.counts.rejected
}

// Renewals returns the number of requests for a token, except those that a fault
// stopped.
func (s *Server) Renewals() int {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	return s.counts.renewals
}

// PeakRate returns the highest number of requests that began within one second.
func (s *Server) PeakRate() int {
	s.counts.mu.Lock()
	begun := slices.Clone(s.counts.begun)
	s.counts.mu.Unlock()
	slices.SortFunc(begun, time.Time.Compare)
	most, first := 0, 0
	for i, at := range begun {
		for at.Sub(begun[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}
