// Package requestlog collects the fields of a request's log line. The API puts an
// [Entry] into the context, and the code that works on the request adds to it. At
// the end it is logged once, as one JSON line. With [Metrics], CloudWatch extracts
// metrics from the same line.
//
// Tokens, phone numbers, names and query strings must never go into an Entry.
package requestlog

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// Entry holds the fields of one line. It belongs to one request and one goroutine.
type Entry struct {
	// RequestID is the ID that the client sees.
	RequestID string
	// Start is when the request arrived. It is the time of the metrics.
	Start time.Time
	// GatewayID is API Gateway's own ID of the request, "" without a gateway.
	GatewayID string
	// Account is the account in the path, set only if the token reaches it.
	Account string
	// Route is the operation, such as "list", never a path.
	Route string
	// Method is the HTTP method.
	Method string
	// Status is the HTTP status of the response.
	Status int
	// Bytes is the length of the response's body.
	Bytes int64
	// Duration is the duration of the whole request.
	Duration time.Duration
	// Calls counts the requests made to the metadata store, retries included.
	Calls int
	// ReadUnits and WriteUnits are the consumed capacity of DynamoDB.
	ReadUnits, WriteUnits float64
	// MediaCalls counts the requests made to the object store.
	MediaCalls int
	// AudioBytes counts the bytes of audio that were transferred.
	AudioBytes int64
	// Outcome is the result, in one word, for a line that is not about a request.
	Outcome string
	// Items is the number of stream items that the line is about, 0 for a request.
	Items int
	// Events counts the events that were sent, and EventCalls the requests that
	// sent them, retries included.
	Events, EventCalls int
	// Cause is the cause of an error. It is logged, but clients never see it.
	Cause error
}

// lineFields is the capacity for all fields of a line, including its metrics.
const lineFields = 22

type key struct{}

// With returns a context that carries e.
func With(ctx context.Context, e *Entry) context.Context {
	return context.WithValue(ctx, key{}, e)
}

// From returns the entry in ctx. If ctx has none, it returns a new one that is never
// logged, so that callers need not check.
func From(ctx context.Context) *Entry {
	if e, ok := ctx.Value(key{}).(*Entry); ok {
		return e
	}
	return &Entry{}
}

// Log writes the line of e, with metrics if m is not nil. A status of 500 or more is
// logged as an error.
func (e *Entry) Log(ctx context.Context, log *slog.Logger, m *Metrics) {
	level := slog.LevelInfo
	if e.Status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if !log.Enabled(ctx, level) {
		return
	}
	log.LogAttrs(ctx, level, "request", m.append(e.attrs(), e)...)
}

// attrs returns the fields of the line.
func (e *Entry) attrs() []slog.Attr {
	attrs := append(make([]slog.Attr, 0, lineFields),
		slog.String("request_id", e.RequestID),
		slog.String("gateway_id", e.GatewayID),
		slog.String("account", e.Account),
		slog.String("route", e.Route),
		slog.String("method", e.Method),
		slog.Int("status", e.Status),
		slog.Int64("bytes", e.Bytes),
		slog.Float64("duration_ms", float64(e.Duration.Microseconds())/1000),
		slog.Int("store_calls", e.Calls),
		slog.Float64("read_units", e.ReadUnits),
		slog.Float64("write_units", e.WriteUnits),
	)
	if e.MediaCalls > 0 {
		attrs = append(attrs, slog.Int("media_calls", e.MediaCalls), slog.Int64("audio_bytes", e.AudioBytes))
	}
	if e.Outcome != "" {
		attrs = append(attrs, slog.String("outcome", e.Outcome))
	}
	if e.Items > 0 {
		attrs = append(attrs, slog.Int("items", e.Items), slog.Int("events", e.Events), slog.Int("event_calls", e.EventCalls))
	}
	if e.Cause != nil {
		attrs = append(attrs, slog.String("cause", e.Cause.Error()))
	}
	return attrs
}
