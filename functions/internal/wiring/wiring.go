// Package wiring makes of a function's settings what every function needs.
// What only some need is in packages beside it (table, bucket), so that a
// function links, and initialises, only the services that it uses.
package wiring

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"callrecordings/shared/api"
	"callrecordings/shared/auth"
	"callrecordings/shared/config"
	"callrecordings/shared/gateway"
	"callrecordings/shared/requestlog"
	"callrecordings/shared/tablestream"
)

// Serve loads the settings of f, hands them and the handlers' environment to
// build, and serves requests with what build made. It ends the process with one
// clear message when the function cannot start.
func Serve(f config.Function, build func(config.Settings, api.Env) (http.Handler, error)) {
	handler, err := handler(f, build)
	if err != nil {
		Fail(err)
	}
	gateway.Start(handler)
}

// Follow loads the settings of f, hands them to build, and does what build
// made for every item of the table's stream. It ends the process as Serve does.
func Follow(f config.Function, build func(config.Settings) (tablestream.Work, error)) {
	s, work, metrics := prepare(f, build)
	tablestream.Start(tablestream.Options{Route: string(f), Work: work, Log: Logger(s), Metrics: metrics, Now: time.Now})
}

// FollowChanges is Follow for who needs the changes themselves, in their order:
// it feeds what build made with what read makes of the stream.
func FollowChanges(f config.Function, read tablestream.Read, build func(config.Settings) (tablestream.Feed, error)) {
	s, feed, metrics := prepare(f, build)
	tablestream.StartChanges(tablestream.ChangesOptions{
		Route: string(f), Read: read, Feed: feed, Log: Logger(s), Metrics: metrics, Now: time.Now,
	})
}

// prepare is what both have in common.
func prepare[T any](f config.Function, build func(config.Settings) (T, error)) (config.Settings, T, *requestlog.Metrics) {
	s, err := config.Load(os.Getenv, f)
	if err != nil {
		Fail(err)
	}
	made, err := build(s)
	if err != nil {
		Fail(err)
	}
	metrics, err := requestlog.NewMetrics(s.MetricsNamespace)
	if err != nil {
		Fail(err)
	}
	return s, made, metrics
}

// Fail ends a function that cannot start.
func Fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// Logger writes lines as Lambda's JSON format has them: it takes the level from
// level and the time from timestamp.
func Logger(s config.Settings) *slog.Logger {
	return slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{
		Level: s.LogLevel,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey && len(groups) == 0 {
				a.Key = "timestamp"
			}
			return a
		},
	}))
}

// tokenKeys are those that the settings have. A function without tokens has
// none, by which none is accepted.
func tokenKeys(s config.Settings) (*auth.Keys, error) {
	if s.TokenKeys.Reveal() == "" {
		return new(auth.Keys), nil
	}
	return auth.ParseKeys([]byte(s.TokenKeys.Reveal()))
}

func handler(f config.Function, build func(config.Settings, api.Env) (http.Handler, error)) (http.Handler, error) {
	s, err := config.Load(os.Getenv, f)
	if err != nil {
		return nil, err
	}
	keys, err := tokenKeys(s)
	if err != nil {
		return nil, fmt.Errorf("TOKEN_KEYS: %w", err)
	}
	metrics, err := requestlog.NewMetrics(s.MetricsNamespace)
	if err != nil {
		return nil, err
	}
	return build(s, api.Env{
		Metrics:  metrics,
		Verifier: auth.NewVerifier(keys, time.Now),
		Log:      Logger(s),
		Now:      time.Now,
		Origin:   s.Origin,
		Version:  api.Version,
		Node:     os.Getenv("AWS_LAMBDA_LOG_STREAM_NAME"),
	})
}
