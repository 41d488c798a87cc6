package requestlog

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
)

// Metrics adds metrics to log lines in CloudWatch's embedded metric format
// (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
//
// AWS bills each combination of dimension values as a separate metric. So the only
// dimensions are the route and the class of the status, because clients and accounts
// cannot add values to these. The number of requests and their duration have both
// dimensions; all other metrics have only the route.
type Metrics struct {
	namespace  string
	directives json.RawMessage
}

// metric is one metric of a directive. Its name is that of a field in the line.
type metric struct {
	Name string
	Unit string
}

// directive declares which fields of the line are metrics, with their dimensions.
type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metric
}

// The dimensions. Their values are also fields of the line.
const (
	routeDimension  = "route"
	statusDimension = "status_class"
)

// NewMetrics returns the metrics for a CloudWatch namespace. It returns nil, which
// adds no metrics, if namespace is "".
func NewMetrics(namespace string) (*Metrics, error) {
	if namespace == "" {
		return nil, nil //nolint:nilnil // metrics can be turned off, so this is not an error
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
	return &Metrics{namespace: namespace, directives: directives}, nil
}

// classes are the values of the status dimension, by the first digit of the status.
var classes = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

// append adds the fields that the metrics need to the line of e: the block of
// directives, and the fields that a line otherwise lacks.
func (m *Metrics) append(attrs []slog.Attr, e *Entry) []slog.Attr {
	if m == nil {
		return attrs
	}
	class, failed, rejected := classes[0], 0, 0
	if c := e.Status / 100; c < len(classes) {
		class = classes[c]
	}
	if e.Status >= 500 {
		failed = 1
	}
	if e.Status == http.StatusUnprocessableEntity { // rejected audio; the API itself never returns this status
		rejected = 1
	}
	if e.MediaCalls == 0 { // otherwise the line already has it
		attrs = append(attrs, slog.Int64("audio_bytes", e.AudioBytes))
	}
	return append(attrs,
		slog.String(statusDimension, class),
		slog.Int("requests", 1),
		slog.Int("errors", failed),
		slog.Int("refused", rejected),
		slog.Attr{Key: "_aws", Value: slog.GroupValue(
			slog.Int64("Timestamp", e.Start.UnixMilli()),
			slog.Any("CloudWatchMetrics", m.directives),
		)},
	)
}
