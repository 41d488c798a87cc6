package mediatest

import (
	"net/http"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"callrecordings/shared/media"
)

const (
	// largeSize is audio that no answer of a function can carry.
	largeSize = 200 << 20
	// heapGrowth is what storing and reading it may add to the heap at its
	// peak, the store's own share included if it runs in this process.
	heapGrowth = 64 << 20
)

// large streams both ways.
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

// watchHeap looks at the heap all the time; the function that it returns ends
// that and says by how many bytes it grew.
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
		most := start
		for {
			select {
			case <-stop:
				peak <- most
				return
			case <-tick.C:
				most = max(most, read())
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-peak - start
	}
}
