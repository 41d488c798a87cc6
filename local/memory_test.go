package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/incoming/upload"
)

// Memory is returned once after each burst, when the burst is over.
func TestMemoryIsReturnedAfterABurst(t *testing.T) {
	t.Parallel()
	var trim trimmer
	total := uint64(0)
	for i, c := range []struct {
		bytes uint64
		want  bool
	}{{0, false}, {quiet, false}, {burst - 1, false}, {0, false}, {burst, false}, {quiet + 1, false}, {quiet, true}, {0, false}, {burst, false}, {burst, false}, {0, true}, {0, false}} {
		total += c.bytes
		if got := trim.due(total); got != c.want {
			t.Errorf("step %d, %d bytes: due = %t, want %t", i, c.bytes, got, c.want)
		}
	}
}

// heldMemory returns the memory of the process in bytes that Go has not returned to the
// operating system.
func heldMemory() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}

// Hundreds of clients that ask for large audio at once all get it, in bounded memory,
// and the memory is free afterwards.
//
//nolint:paralleltest // it measures the memory of the whole process
func TestABurstOfPlayersTakesBoundedMemory(t *testing.T) {
	b, _, _ := newBox(t)
	b.settings.Delivery = "inline"
	audio := append(demoFile(t, "05-voicemail.wav"), make([]byte, 4_000_000)...)
	account := b.dir.Keys.Account
	r, err := b.uploader().Add(t.Context(), upload.Request{Account: account}, bytes.NewReader(audio), int64(len(audio)), nil)
	if err != nil {
		t.Fatal(err)
	}
	h, err := b.handler()
	if err != nil {
		t.Fatal(err)
	}
	token, err := auth.Sign(b.dir.Keys.Token, auth.Claims{Account: account, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	defer s.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	play := func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v2/accounts/"+account+"/recordings/"+r.ID, http.NoBody)
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set("X-Auth-Token", token)
		req.Header.Set("Accept", "audio/*")
		resp, err := client.Do(req)
		for err == nil && resp.StatusCode == http.StatusTooManyRequests { // a busy machine has no room in time
			_ = resp.Body.Close()
			resp, err = client.Do(req)
		}
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		if n, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK || n != int64(len(audio)) {
			t.Errorf("GET = %s with %d bytes, %v, want 200 with %d", resp.Status, n, err, len(audio))
		}
	}
	play()
	releaseMemory()
	before, most := heldMemory(), uint64(0)
	var clients sync.WaitGroup
	for range 200 {
		clients.Go(play)
	}
	done := make(chan struct{})
	go func() { clients.Wait(); close(done) }()
	for running := true; running; {
		most = max(most, heldMemory())
		select {
		case <-done:
			running = false
		case <-time.After(5 * time.Millisecond):
		}
	}
	// Without a bound the players would take 800 MB. The garbage of a burst depends on when the
	// collector runs; with the race detector up to 213 MB were seen.
	if limit := uint64(400 << 20); most > before+limit {
		t.Errorf("200 players of 4 MB took %d MB, want at most %d", (most-before)>>20, limit>>20)
	}
	releaseMemory()
	runtime.GC()
	if after, limit := heldMemory(), uint64(24<<20); after > before+limit {
		t.Errorf("%d MB are still held after the burst, want at most %d", (after-before)>>20, limit>>20)
	}
}
