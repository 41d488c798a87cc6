package requestlog

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
)

// Metrics makes a line one that CloudWatch takes metrics from: its embedded
// metric format
// (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
//
// Each combination of dimensions is a metric that is billed by the month, so
// dimensions are the route and the class of the status and nothing that a
// client, or an account, could multiply. How many requests there are and how
// long they take is told by both, all else by the route alone.
type Metrics struct {
	directives json.RawMessage
}

// metric is a metric of a directive. Its name is that of a field of the line.
type metric struct {
	Name string
	Unit string
}

// directive says which fields of the line are metrics, and of what.
type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metric
}

// The dimensions; their values are fields of the line, too.
const (
	routeDimension  = "route"
	statusDimension = "status_class"
)

// NewMetrics returns the metrics of that namespace of CloudWatch; nil, which is
// none, if it is "".
func NewMetrics(namespace string) (*Metrics, error) {
	if namespace == "" {
		return nil, nil //nolint:nilnil // no metrics are a wish, not a failure
	}
	directives, err := json.Marshal([]directive{
		{
			Namespace: namespace, Dimensions: [][]string{{routeDimension, statusDimension}},
			Metrics: []metric{{"requests", "Count"}, {"duration_ms", "Milliseconds"}},
		},
		{
			Namespace: namespace, Dimensions: [][]string{{routeDimension}},
			Metrics: []metric{
				{"errors", "Count"},
				{"refused", "Count"},
				{"store_calls", "Count"},
				{"read_units", "Count"},
				{"write_units", "Count"},
				{"audio_bytes", "Bytes"},
			},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("metrics of %s: %w", namespace, err)
	}
	return &Metrics{directives: directives}, nil
}

// classes are the classes of statuses, by their first digit.
var classes = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

// append adds what the metrics need to the line of e: the block itself, and the
// fields that no line has without it.
func (m *Metrics) append(attrs []slog.Attr, e *Entry) []slog.Attr {
	if m == nil {
		return attrs
	}
	class, failed, refused := classes[0], 0, 0
	if c := e.Status / 100; c < len(classes) {
		class = classes[c]
	}
	if e.Status >= 500 {
		failed = 1
	}
	if e.Status == http.StatusUnprocessableEntity { // audio that arrived in vain; no answer of the API
		refused = 1
	}
	if e.MediaCalls == 0 { // else it is there
		attrs = append(attrs, slog.Int64("audio_bytes", e.AudioBytes))
	}
	return append(attrs,
		slog.String(statusDimension, class),
		slog.Int("requests", 1),
		slog.Int("errors", failed),
		slog.Int("refused", refused),
		slog.Attr{Key: "_aws", Value: slog.GroupValue(
			slog.Int64("Timestamp", e.Start.UnixMilli()),
			slog.Any("CloudWatchMetrics", m.directives),
		)},
	)
}
