package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// After a burst of requests, Go keeps the memory for the next one and returns it over
// minutes, if at all: a quiet process does not collect. On a machine that also runs a
// PBX, others need that memory.
const (
	// memoryEvery is the time between two looks at the memory.
	memoryEvery = 10 * time.Second
	// burst and quiet are the bytes that the process allocates in that time when it is
	// busy, and when it is not.
	burst = 32 << 20
	quiet = 4 << 20
)

// trimmer decides when to return memory to the operating system.
type trimmer struct {
	last uint64 // bytes allocated so far
	busy bool   // there was a burst since the last return
}

// due reports whether a burst is over. allocated is the number of bytes that the process
// has allocated so far.
func (t *trimmer) due(allocated uint64) bool {
	recent := allocated - t.last
	t.last = allocated
	if recent >= burst {
		t.busy = true
	}
	if !t.busy || recent > quiet {
		return false
	}
	t.busy = false
	return true
}

// trimMemory returns the memory of bursts to the operating system until ctx ends.
func trimMemory(ctx context.Context) {
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	var t trimmer
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if t.due(allocated()) {
				releaseMemory()
			}
		}
	}
}

// allocated returns the number of bytes that the process has allocated so far.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// releaseMemory returns all unused memory to the operating system. Objects in a
// [sync.Pool] survive one collection.
func releaseMemory() {
	runtime.GC()
	debug.FreeOSMemory()
}
