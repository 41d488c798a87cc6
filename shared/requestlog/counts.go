package requestlog

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"
)

// Count is a number that a function reports as a metric of its own.
type Count struct {
	// Name is the name of the metric, and N its value.
	Name string
	N    int
}

// LogCounts writes a line with counts. If m is not nil, they become metrics with the
// dimension route. A namespace bills each of them, so only a function that reports rarely
// writes them.
func LogCounts(ctx context.Context, log *slog.Logger, m *Metrics, route string, at time.Time, counts ...Count) {
	attrs := []slog.Attr{slog.String("route", route)}
	d := directive{Dimensions: [][]string{{routeDimension}}}
	for _, c := range counts {
		attrs = append(attrs, slog.Int(c.Name, c.N))
		d.Metrics = append(d.Metrics, metric{c.Name, "Count"})
	}
	if m != nil {
		d.Namespace = m.namespace
		if directives, err := json.Marshal([]directive{d}); err == nil {
			attrs = append(attrs, slog.Attr{Key: "_aws", Value: slog.GroupValue(
				slog.Int64("Timestamp", at.UnixMilli()),
				slog.Any("CloudWatchMetrics", json.RawMessage(directives)),
			)})
		}
	}
	log.LogAttrs(ctx, slog.LevelInfo, "counts", attrs...)
}
