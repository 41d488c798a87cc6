package kazootest

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// counts are what clients did.
type counts struct {
	mu       sync.Mutex
	begun    []time.Time
	now      int
	most     int
	rejected int
	renewals int
	played   map[string]int
}

// begin notes a request; what it returns notes its end.
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

// Played is how often the whole audio of a recording was handed to the network,
// by account/id. Whether the client took it is another matter: one that is
// killed may not have.
func (s *Server) Played() map[string]int {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	return maps.Clone(s.counts.played)
}

// Requests is how many there were, of all kinds and with all ends.
func (s *Server) Requests() int {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	return len(s.counts.begun)
}

// MostAtOnce is how many were under way at most.
func (s *Server) MostAtOnce() int {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	return s.counts.most
}

// Rejected429 is how many were answered with 429.
func (s *Server) Rejected429() int {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	return s.counts.rejected
}

// Renewals is how many asked for a token and were not hit by a fault first.
func (s *Server) Renewals() int {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	return s.counts.renewals
}

// PeakRate is the most requests that began within one second.
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
