package main_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
)

// A request that waits for audio takes a place in the table, and gives it back.
func TestGetWaitsInAPlace(t *testing.T) {
	t.Parallel()
	f := startGet(t)
	const pending = "202601-pending"
	created := recording.SecondsOf(time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC))
	if err := f.table.Put(t.Context(), &recording.Recording{Account: streamAccount, ID: pending, Created: created, Modified: created}); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.writes = nil
	f.mu.Unlock()
	for prefer, want := range map[string][]string{
		"wait=0": nil,
		"wait=1": {"Put #waits/" + streamAccount, "Delete #waits/" + streamAccount},
	} {
		event := strings.Replace(f.event(http.MethodGet, "auto", "Prefer", prefer), streamID, pending, 1)
		got := f.do(event, nil, false)
		if applied := strings.Join(got.Header["Preference-Applied"], ","); got.Status != http.StatusNotFound || (applied == prefer) != (want != nil) {
			t.Errorf("%s: %d with Preference-Applied %q, %s", prefer, got.Status, applied, got.first)
		}
		f.mu.Lock()
		if !slices.Equal(f.writes, want) {
			t.Errorf("%s: the writes are %q, want %q", prefer, f.writes, want)
		}
		f.writes = nil
		f.mu.Unlock()
	}
}
