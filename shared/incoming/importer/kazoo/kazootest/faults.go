package kazootest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"
	"time"
)

// Faults configures how a server misbehaves; the zero value has no faults. A rate is the share of
// requests, from 0 to 1, that have the fault. Even at the rate 1, the same request (method, path
// and parameters) fails at most three times in a row, so a client that retries often enough
// succeeds.
type Faults struct {
	// Slow is the rate of answers that are delayed by Delay.
	Slow  float64
	Delay time.Duration
	// TooMany is the rate of requests that are answered with 429. RetryAfter, if not
	// 0, is the value of their Retry-After header in seconds. Kazoo itself never
	// sends that header (5.8); a proxy in front of it may.
	TooMany    float64
	RetryAfter int
	// Broken is the rate of requests that are answered with 500.
	Broken float64
	// Cut is the rate of answers that end early: the connection closes after half of
	// the announced length.
	Cut float64
	// Truncated is the rate of lists that have only half of their text, with 200 and
	// the length of that half.
	Truncated float64
	// Duplicates is the share of rows that occur twice in a page.
	Duplicates float64
	// BeforePage is called before a page of recordings is read. Its argument counts the
	// pages since the start, from 1. It may add and remove recordings. Concurrent
	// requests call it concurrently.
	BeforePage func(s *Server, request int)
	// Always makes the audio of the recordings with these IDs fail every time.
	Always map[string]Misbehavior
}

// Misbehavior is a way for a recording's audio to fail.
type Misbehavior int

// All kinds of failing audio.
const (
	// AudioFails is 500 datastore_fault, as for audio that was removed from S3 (7.5).
	AudioFails Misbehavior = iota + 1
	// AudioEmpty is 200 with an empty body.
	AudioEmpty
	// AudioGone is 404, as for audio that was removed from CouchDB (1.5).
	AudioGone
	// AudioCut closes the connection after half of the audio.
	AudioCut
	// AudioShort sends the whole audio, but announces a greater length.
	AudioShort
)

// missing is the number of bytes that AudioShort announces but does not send.
const missing = 100

// maxFailures is how many times in a row the same request may fail.
const maxFailures = 3

// fate holds the faults of one request.
type fate struct{ slow, tooMany, broken, truncated, cut bool }

// dice decides the fate of requests. A fate depends only on the seed, the request,
// and the number of earlier attempts at that request.
type dice struct {
	seed uint64
	mu   sync.Mutex
	seen map[string]*history
}

// history counts the attempts at one request.
type history struct {
	// times is the number of attempts; row is the number of failures since the last
	// success.
	times, row int
}

// fate returns the fate of a request and counts the attempt.
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
	if h.row == maxFailures {
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

// copies returns how often a row occurs in a page: once or twice.
func (d *dice) copies(f *Faults, request, id string) int {
	if f.Duplicates > 0 && d.roll("twice", request+" "+id, 0) < f.Duplicates {
		return 2
	}
	return 1
}

// roll returns a pseudorandom number in [0, 1) that depends only on the seed and the
// arguments.
func (d *dice) roll(kind, request string, times int) float64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %s %d", d.seed, kind, request, times))
	return float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
}
