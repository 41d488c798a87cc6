// Package requestlog carries what one request's log line will say. The API
// puts an [Entry] into the context, whoever does work for the request adds to
// it on the way, and it is logged once, at the end, as one JSON line. With
// [Metrics] the same line is what CloudWatch takes metrics from.
//
// What never goes into an Entry: tokens, phone numbers, names, query strings.
package requestlog

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// Entry is filled on the way. It belongs to one request and one goroutine.
type Entry struct {
	// RequestID is the one that the client sees.
	RequestID string
	// Start is when the request came; it dates the metrics.
	Start time.Time
	// GatewayID is the front's own id of the request, "" where there is none.
	GatewayID string
	// Account is the one in the path, after the token was found to reach it.
	Account string
	// Route is the operation, "list", never a path.
	Route string
	// Method is the HTTP method.
	Method string
	// Status is the HTTP status of the answer.
	Status int
	// Bytes is the length of the answer's body.
	Bytes int64
	// Duration of the whole request.
	Duration time.Duration
	// Calls counts the requests made to the metadata store, retries included.
	Calls int
	// ReadUnits and WriteUnits are DynamoDB's consumed capacity.
	ReadUnits, WriteUnits float64
	// MediaCalls counts the requests made to the object store.
	MediaCalls int
	// AudioBytes counts bytes of audio that passed through.
	AudioBytes int64
	// Outcome says in a word what became of something that is no request.
	Outcome string
	// Items counts the items of a stream that the line is about; 0 for a
	// request, which is about none.
	Items int
	// Events counts those that were passed on, and EventCalls the requests made
	// for it, retries included.
	Events, EventCalls int
	// Cause is the private cause of an error.
	Cause error
}

// lineFields is room for all fields of a line, those of its metrics included.
const lineFields = 22

type key struct{}

// With returns a context that carries e.
func With(ctx context.Context, e *Entry) context.Context {
	return context.WithValue(ctx, key{}, e)
}

// From returns the context's entry. Where there is none it returns one that
// is thrown away, so that callers need not ask.
func From(ctx context.Context) *Entry {
	if e, ok := ctx.Value(key{}).(*Entry); ok {
		return e
	}
	return &Entry{}
}

// Log writes the line of e, with m's block of metrics if m is not nil. A status
// of 500 or more is an error.
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

// attrs are the fields of the line.
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
