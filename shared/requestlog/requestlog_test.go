package requestlog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/requestlog"
)

// line logs an entry in the way the functions do, and parses the line.
func line(t *testing.T, e *requestlog.Entry, m *requestlog.Metrics) map[string]any {
	t.Helper()
	var b bytes.Buffer
	e.Log(t.Context(), slog.New(slog.NewJSONHandler(&b, nil)), m)
	var all map[string]any
	if err := json.Unmarshal(b.Bytes(), &all); err != nil || bytes.Count(b.Bytes(), []byte("\n")) != 1 {
		t.Fatalf("not one line of JSON: %v: %s", err, b.Bytes())
	}
	for name := range all {
		if name == "time" || name == "level" || name == "msg" {
			delete(all, name)
		}
	}
	return all
}

func TestLine(t *testing.T) {
	t.Parallel()
	got := line(t, &requestlog.Entry{
		RequestID: "r\n1", GatewayID: "g", Account: "a", Route: "get", Method: "GET", Status: 503, Bytes: 7,
		Duration: 1500 * time.Microsecond, Calls: 2, ReadUnits: 0.5, WriteUnits: 1, MediaCalls: 3, AudioBytes: 9,
		Cause: errors.New("store unavailable"),
	}, nil)
	want := map[string]any{
		"request_id": "r\n1", "gateway_id": "g", "account": "a", "route": "get", "method": "GET", "status": 503.0, "bytes": 7.0,
		"duration_ms": 1.5, "store_calls": 2.0, "read_units": 0.5, "write_units": 1.0, "media_calls": 3.0, "audio_bytes": 9.0,
		"cause": "store unavailable",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
}

// The line has exactly these fields: none for a token, header, query, path, body,
// phone number or name. A new field must be added here, after considering whether a
// secret can get into it.
func TestLineHasNoFieldForSecrets(t *testing.T) {
	t.Parallel()
	always := []string{
		"account", "bytes", "duration_ms", "gateway_id", "method", "read_units", "request_id", "route", "status",
		"store_calls", "write_units",
	}
	if got := slices.Sorted(maps.Keys(line(t, &requestlog.Entry{}, nil))); !slices.Equal(got, always) {
		t.Errorf("fields = %q, want %q", got, always)
	}
	full := slices.Sorted(slices.Values(append(always, "audio_bytes", "cause", "media_calls")))
	e := &requestlog.Entry{MediaCalls: 1, Cause: errors.New("x")}
	if got := slices.Sorted(maps.Keys(line(t, e, nil))); !slices.Equal(got, full) {
		t.Errorf("fields = %q, want %q", got, full)
	}
	stream := slices.Sorted(slices.Values(append(always, "event_calls", "events", "items")))
	if got := slices.Sorted(maps.Keys(line(t, &requestlog.Entry{Items: 1}, nil))); !slices.Equal(got, stream) {
		t.Errorf("fields of a stream's line = %q, want %q", got, stream)
	}
}
