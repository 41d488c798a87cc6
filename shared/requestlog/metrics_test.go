package requestlog_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/requestlog"
)

// block is the _aws member of a line as specified.
type block struct {
	Timestamp         int64
	CloudWatchMetrics []struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []struct{ Name, Unit string }
	}
}

func newMetrics(t testing.TB) *requestlog.Metrics {
	t.Helper()
	m, err := requestlog.NewMetrics("CallRecordings/test")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var start = time.Date(2026, 1, 5, 12, 0, 0, int(250*time.Millisecond), time.UTC)

// A line with metrics follows CloudWatch's embedded metric format: all names in the
// block are fields at the root, metrics as numbers and dimensions as strings.
func TestMetricsFollowTheFormat(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]map[string]any{
		200: {"status_class": "2xx", "errors": 0.0},
		302: {"status_class": "3xx", "errors": 0.0},
		404: {"status_class": "4xx", "errors": 0.0},
		503: {"status_class": "5xx", "errors": 1.0},
		0:   {"status_class": "none", "errors": 0.0},
		422: {"status_class": "4xx", "errors": 0.0, "refused": 1.0},
		500: {"status_class": "5xx", "errors": 1.0, "refused": 0.0},
		999: {"status_class": "none", "errors": 1.0},
	} {
		for _, media := range []int{0, 2} {
			e := &requestlog.Entry{Start: start, Route: "get", Status: status, Calls: 1, MediaCalls: media, AudioBytes: int64(media)}
			got := line(t, e, newMetrics(t))
			for name, value := range want {
				if got[name] != value {
					t.Errorf("%d: %s = %v, want %v", status, name, got[name], value)
				}
			}
			if got["requests"] != 1.0 || got["audio_bytes"] != float64(media) {
				t.Errorf("%d: requests %v, audio_bytes %v, want 1, %d", status, got["requests"], got["audio_bytes"], media)
			}
			checkBlock(t, got)
		}
	}
}

func checkBlock(t *testing.T, line map[string]any) {
	t.Helper()
	text, err := json.Marshal(line["_aws"])
	if err != nil {
		t.Fatal(err)
	}
	var b block
	if err := json.Unmarshal(text, &b); err != nil || b.Timestamp != start.UnixMilli() || len(b.CloudWatchMetrics) == 0 {
		t.Fatalf("_aws = %s, %v", text, err)
	}
	units := []string{"Count", "Milliseconds", "Bytes"}
	for _, d := range b.CloudWatchMetrics {
		if d.Namespace != "CallRecordings/test" || len(d.Dimensions) != 1 || len(d.Metrics) == 0 || len(d.Metrics) > 100 {
			t.Errorf("directive %+v", d)
		}
		for _, m := range d.Metrics {
			if _, ok := line[m.Name].(float64); !ok || !slices.Contains(units, m.Unit) {
				t.Errorf("metric %s in %s is %v in the line", m.Name, m.Unit, line[m.Name])
			}
		}
		for _, name := range d.Dimensions[0] {
			if value, ok := line[name].(string); !ok || value == "" {
				t.Errorf("dimension %s is %v in the line", name, line[name])
			}
		}
	}
}

// AWS bills each value of a dimension as another metric, so there are only two
// dimensions, and neither can contain an account.
func TestDimensionsAreRouteAndStatusClass(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(line(t, &requestlog.Entry{Start: start, Route: "list", Account: "a"}, newMetrics(t))["_aws"])
	if err != nil {
		t.Fatal(err)
	}
	var b block
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	var got [][]string
	var metrics []string
	for _, d := range b.CloudWatchMetrics {
		got = append(got, d.Dimensions...)
		for _, m := range d.Metrics {
			metrics = append(metrics, m.Name)
		}
	}
	if diff := cmp.Diff([][]string{{"route", "status_class"}, {"route"}}, got); diff != "" {
		t.Errorf("dimensions (-want +got):\n%s", diff)
	}
	want := []string{"requests", "duration_ms", "errors", "refused", "store_calls", "read_units", "write_units", "audio_bytes"}
	if !slices.Equal(metrics, want) {
		t.Errorf("metrics %q, want %q", metrics, want)
	}
}

// Without a namespace, a line has no metrics fields.
func TestNoMetricsWithoutNamespace(t *testing.T) {
	t.Parallel()
	m, err := requestlog.NewMetrics("")
	if err != nil || m != nil {
		t.Errorf("NewMetrics(\"\") = %v, %v", m, err)
	}
	got := slices.Collect(maps.Keys(line(t, &requestlog.Entry{}, m)))
	for _, name := range []string{"_aws", "status_class", "requests", "errors", "audio_bytes"} {
		if slices.Contains(got, name) {
			t.Errorf("the line has %s", name)
		}
	}
}

func BenchmarkLog(b *testing.B) {
	log := slog.New(slog.NewJSONHandler(io.Discard, nil)) //nolint:sloglint // the encoding is what is measured
	e := &requestlog.Entry{
		RequestID: "5d1b7f3c-0000-4000-8000-0123456789ab", GatewayID: "5d1b7f3c-0000-4000-8000-0123456789ab",
		Account: "5a3f0c9e7b1d4e2f8a6c0b9d7e5f3a1c", Route: "get", Method: "GET", Status: 200, Bytes: 900, Duration: time.Millisecond, Calls: 1, ReadUnits: 1,
		Start: start,
	}
	for name, m := range map[string]*requestlog.Metrics{"plain": nil, "metrics": newMetrics(b)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.Log(b.Context(), log, m)
			}
		})
	}
}
