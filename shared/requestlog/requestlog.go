// Package requestlog carries what one request's log line will say. The API
// puts an [Entry] into the context, whoever does work for the request adds to
// it on the way, and it is logged once, at the end, as one JSON line.
//
// What never goes into an Entry: tokens, phone numbers, names, query strings.
package requestlog

import (
	"context"
	"log/slog"
	"time"
)

// Entry is filled on the way. It belongs to one request and one goroutine.
type Entry struct {
	// RequestID is the one that the client sees.
	RequestID string
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
	// Cause is the private cause of an error.
	Cause error
}

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

// LogValue lists the fields of the line; it implements [slog.LogValuer].
func (e *Entry) LogValue() slog.Value {
	attrs := []slog.Attr{
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
	}
	if e.MediaCalls > 0 {
		attrs = append(attrs, slog.Int("media_calls", e.MediaCalls), slog.Int64("audio_bytes", e.AudioBytes))
	}
	if e.Cause != nil {
		attrs = append(attrs, slog.String("cause", e.Cause.Error()))
	}
	return slog.GroupValue(attrs...)
}
