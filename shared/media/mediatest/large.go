package mediatest

import (
	"net/http"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/media"
)

const (
	// largeSize, in bytes, is more audio than a function can return in an answer.
	largeSize = 200 << 20
	// heapGrowth is how many bytes the heap may grow at its peak while the audio is
	// stored and read. It includes the store itself if that runs in this process.
	heapGrowth = 64 << 20
)

// large stores and reads largeSize bytes and measures the heap.
func large(t *testing.T, s *suite) {
	heap := watchHeap(t)
	key := s.put(t, "audio", "audio/x-wav", largeSize)
	if o := s.stat(t, key); o.Size != largeSize {
		t.Errorf("Stat = %d bytes, want %d", o.Size, largeSize)
	}
	link, err := s.Presign(t.Context(), key, media.Grant{ContentType: "audio/x-wav", TTL: time.Minute})
	if err != nil {
		t.Fatalf("Presign = %v, want nil", err)
	}
	fetch(t, http.MethodGet, link, nil, func(res *http.Response) {
		if res.StatusCode != http.StatusOK || res.ContentLength != largeSize {
			t.Errorf("GET = %d with %d bytes, want 200 with %d", res.StatusCode, res.ContentLength, largeSize)
		}
		same(t, "by presigned URL", res.Body, pattern(0, largeSize))
	})
	body, _, err := s.Open(t.Context(), key, "", &media.Part{Offset: largeSize - 1000, Length: 1000})
	if err != nil {
		t.Fatalf("Open(the last bytes) = %v, want nil", err)
	}
	same(t, "the last bytes", body, pattern(largeSize-1000, 1000))
	if grown := heap(); grown > heapGrowth {
		t.Errorf("the heap grew by %d MB, want at most %d", grown>>20, heapGrowth>>20)
	} else {
		t.Logf("the heap grew by %d MB", grown>>20)
	}
}

// watchHeap samples the heap until grown is called. grown returns by how many
// bytes the heap grew at its peak.
func watchHeap(t *testing.T) (grown func() int64) {
	t.Helper()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	read := func() int64 {
		metrics.Read(sample)
		return int64(sample[0].Value.Uint64())
	}
	runtime.GC()
	start := read()
	stop, peak := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		highest := start
		for {
			select {
			case <-stop:
				peak <- highest
				return
			case <-tick.C:
				highest = max(highest, read())
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-peak - start
	}
}
