package main_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/waiting"
)

// fill takes all places for streams of an account.
func (f *function) fill(account string) {
	f.t.Helper()
	places := waiting.NewPlaces(f.table, waiting.Streams(), time.Now)
	for n := range waiting.MaxStreams {
		if _, ok, err := places.Take(f.t.Context(), account, time.Hour); !ok || err != nil {
			f.t.Fatalf("place %d of %s: %t, %v", n, account, ok, err)
		}
	}
	if _, ok, err := places.Take(f.t.Context(), account, time.Hour); ok || err != nil {
		f.t.Fatalf("%s has one more place: %t, %v", account, ok, err)
	}
	f.written()
}

// written returns the writes since the last call.
func (f *function) written() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.writes
	f.writes = nil
	return all
}

// placed are the writes of a stream.
var placed = []string{"Put #streams/" + streamAccount, "Delete #streams/" + streamAccount}

// A stream takes a place of its account, and gives it back at its end. Other answers take none.
func TestGetStreamsInAPlace(t *testing.T) {
	t.Parallel()
	f := startGet(t)
	f.written()
	for _, c := range []struct {
		method, delivery, ranges string
		want                     []string
	}{
		{http.MethodGet, "stream", "bytes=0-9999999", placed},
		{http.MethodGet, "auto", "bytes=0-9999999", placed},
		{http.MethodGet, "stream", "bytes=0-999", nil},
		{http.MethodGet, "auto", "bytes=0-999", nil},
		{http.MethodGet, "redirect", "bytes=0-9999999", nil},
		{http.MethodHead, "stream", "bytes=0-9999999", nil},
	} {
		f.do(f.event(c.method, c.delivery, "Range", c.ranges), nil, false)
		if got := f.written(); !slices.Equal(got, c.want) {
			t.Errorf("%s %s of %s: the writes are %q, want %q", c.method, c.delivery, c.ranges, got, c.want)
		}
	}
}

// When the client leaves, the stream gives its place back.
func TestGetGivesThePlaceBackWhenItsClientLeaves(t *testing.T) {
	t.Parallel()
	f := startGet(t)
	f.written()
	f.do(f.event(http.MethodGet, "stream", "Range", "bytes=0-199000000"), nil, true)
	var got []string
	for end := time.Now().Add(patience); len(got) < len(placed) && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		got = append(got, f.written()...)
	}
	if !slices.Equal(got, placed) {
		t.Errorf("the writes are %q, want %q", got, placed)
	}
}

// While the places of another account are full, a stream begins. While those of its own account
// are, auto redirects, and delivery=stream is a 429 with Retry-After.
func TestGetWithoutAPlaceForAStream(t *testing.T) {
	t.Parallel()
	f := startGet(t)
	const ranges = "bytes=0-9999999"
	f.fill("other")
	if got := f.do(f.event(http.MethodGet, "stream", "Range", ranges), nil, false); got.Status != http.StatusPartialContent {
		t.Errorf("while another account has no places: %d, want 206", got.Status)
	}
	f.fill(streamAccount)
	got := f.do(f.event(http.MethodGet, "stream", "Range", ranges), nil, false)
	if retry := fmt.Sprint(got.Header["Retry-After"]); got.Status != http.StatusTooManyRequests || retry != "[5]" {
		t.Errorf("delivery=stream: %d with Retry-After %s, want 429 with 5", got.Status, retry)
	}
	got = f.do(f.event(http.MethodGet, "auto", "Range", ranges), nil, false)
	if got.Status != http.StatusFound || len(got.Header["Location"]) != 1 {
		t.Errorf("auto: %d with %v, want 302 with a Location", got.Status, got.Header)
	}
	if got := f.written(); got != nil {
		t.Errorf("requests without a place wrote %q", got)
	}
}
