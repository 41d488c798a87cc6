package kazootest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"
	"time"
)

// Faults are how a server misbehaves: not at all where they are zero. Rates are
// shares from 0 to 1 of the requests that can be hit. The same request (method,
// path and parameters) fails three times in a row at most, whatever the rates:
// a client that tries often enough gets there.
type Faults struct {
	// Slow answers wait for Delay.
	Slow  float64
	Delay time.Duration
	// TooMany is answered with 429, in RetryAfter seconds if that is set. Kazoo
	// itself never says when (5.8); what stands before it may.
	TooMany    float64
	RetryAfter int
	// Broken is answered with 500.
	Broken float64
	// Cut answers are of the right length, of which half comes before the
	// connection is closed.
	Cut float64
	// Truncated lists are half of their text, with 200 and the half's length.
	Truncated float64
	// Duplicates is the share of rows that come twice in a page.
	Duplicates float64
	// BeforePage is called before a page of recordings is read, with the number
	// of such pages since the start, from 1. It may add and remove recordings;
	// requests that come at once call it at once.
	BeforePage func(s *Server, request int)
	// Always is what comes of some recordings' audio each time, by their ids.
	Always map[string]Misbehaviour
}

// Misbehaviour is what becomes of a recording's audio.
type Misbehaviour int

// All that can go wrong with it.
const (
	// AudioFails is 500 datastore_fault, as if it had gone from S3 (7.5).
	AudioFails Misbehaviour = iota + 1
	// AudioEmpty is 200 without a byte.
	AudioEmpty
	// AudioGone is 404, as if it had gone from CouchDB (1.5).
	AudioGone
	// AudioCut comes half, and then the connection is closed.
	AudioCut
	// AudioShort comes whole, but more was promised.
	AudioShort
)

// missing is by how many bytes AudioShort promises too much.
const missing = 100

// patience is how often in a row one request fails.
const patience = 3

// fate is what becomes of a request.
type fate struct{ slow, tooMany, broken, truncated, cut bool }

// dice decides fates. What it decides depends on nothing but the seed and the
// number of times that a request was made.
type dice struct {
	seed uint64
	mu   sync.Mutex
	seen map[string]*history
}

// history is what one request has gone through.
type history struct {
	// times it was made; row is how many of the last failed.
	times, row int
}

// fate decides what becomes of a request, and counts it.
func (d *dice) fate(f *Faults, request string, list bool) fate {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.seen[request]
	if h == nil {
		h = &history{}
		d.seen[request] = h
	}
	h.times++
	hit := func(kind string, rate float64) bool { return rate > 0 && d.roll(kind, request, h.times) < rate }
	out := fate{slow: hit("slow", f.Slow)}
	if h.row == patience {
		h.row = 0
		return out
	}
	switch {
	case hit("too many", f.TooMany):
		out.tooMany = true
	case hit("broken", f.Broken):
		out.broken = true
	case list && hit("truncated", f.Truncated):
		out.truncated = true
	case hit("cut", f.Cut):
		out.cut = true
	default:
		h.row = 0
		return out
	}
	h.row++
	return out
}

// copies is how often a row stands in a page.
func (d *dice) copies(f *Faults, request, id string) int {
	if f.Duplicates > 0 && d.roll("twice", request+" "+id, 0) < f.Duplicates {
		return 2
	}
	return 1
}

// roll is a number from 0 to below 1.
func (d *dice) roll(kind, request string, times int) float64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %s %d", d.seed, kind, request, times))
	return float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
}
