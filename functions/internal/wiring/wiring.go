// Package wiring starts the Lambda functions. [Start] is the start sequence of all
// of them. [Serve], [ServeAudio], [ServePage], [Follow] and [FollowChanges] use it for one kind of handler
// each.
//
// Clients of services that only some functions need are in separate packages (table,
// bucket, bus, queue). A function therefore links, and initializes at a cold start,
// only the services that it uses.
package wiring

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/gateway"
	"github.com/callrecordings/api/shared/issuer"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/tablestream"
)

// Env holds the parts that every kind of function is built with.
type Env struct {
	// Settings has the settings that the function reads. They are passed on as a pointer,
	// because copies of so large a struct fill the stack, which then has to grow.
	Settings *config.Settings
	// Log writes JSON lines to stdout, which Lambda sends to CloudWatch.
	Log *slog.Logger
	// Metrics is nil if METRICS_NAMESPACE is not set.
	Metrics *requestlog.Metrics
}

// Start loads the settings of f and calls build. Then it calls the function that build
// returned, which handles invocations and does not return. If loading or build fails,
// Start prints the error to stderr and exits with status 1. The error about the
// settings lists all problems at once.
func Start(f config.Function, build func(Env) (serve func(), err error)) {
	serve, err := prepare(f, build)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	serve()
}

func prepare(f config.Function, build func(Env) (func(), error)) (func(), error) {
	e, err := load(f)
	if err != nil {
		return nil, err
	}
	return build(e)
}

func load(f config.Function) (Env, error) {
	s, err := config.Load(os.Getenv, f)
	if err != nil {
		return Env{}, err
	}
	metrics, err := requestlog.NewMetrics(s.MetricsNamespace)
	if err != nil {
		return Env{}, err
	}
	return Env{Settings: &s, Log: logger(s.LogLevel), Metrics: metrics}, nil
}

// Serve starts a function that serves HTTP requests with the handler that build
// returns.
func Serve(f config.Function, build func(*config.Settings, api.Env) (http.Handler, error)) {
	serve(f, build, func(_ *config.Settings, h http.Handler) { gateway.Start(h) })
}

// ServeAudio is [Serve] for a function that answers with audio. If MEDIA_DELIVERY is
// stream, the integration of the function must have the response transfer mode STREAM.
func ServeAudio(f config.Function, build func(*config.Settings, api.Env) (http.Handler, error)) {
	serve(f, build, func(s *config.Settings, h http.Handler) {
		if media.Delivery(s.Delivery) == media.Stream {
			gateway.StartStreaming(h)
		}
		gateway.Start(h)
	})
}

// Delivery returns how a function that [ServeAudio] starts delivers audio.
func Delivery(s *config.Settings) api.Delivery {
	d := api.Delivery{
		Default: media.Delivery(s.Delivery), PresignTTL: s.PresignTTL, ExternalHosts: s.ExternalHosts, MaxWait: s.MaxWait,
	}
	if d.Default == media.Stream {
		d.StreamLimit = gateway.MaxStream
	}
	return d
}

// serve starts a function with the handler that build returns, by calling start.
func serve(f config.Function, build func(*config.Settings, api.Env) (http.Handler, error), start func(*config.Settings, http.Handler)) {
	Start(f, func(e Env) (func(), error) {
		keys, err := tokenKeys(e.Settings)
		if err != nil {
			return nil, fmt.Errorf("TOKEN_KEYS: %w", err)
		}
		verifier := auth.NewVerifier(keys, time.Now)
		if verifier.MaxTTL = e.Settings.MaxTokenTTL; verifier.MaxTTL == 0 && e.Settings.TokenKeys.Reveal() != "" {
			e.Log.Warn("MAX_TOKEN_TTL is not set: tokens are valid until their exp, however late it is")
		}
		handler, err := build(e.Settings, api.Env{
			Metrics:  e.Metrics,
			Verifier: verifier,
			Log:      e.Log,
			Now:      time.Now,
			Origin:   e.Settings.Origin,

			RequireReason: access.Reasons(e.Settings.RequireReason),
			Version:       api.Version,
			Node:          os.Getenv("AWS_LAMBDA_LOG_STREAM_NAME"),
		})
		if err != nil {
			return nil, err
		}
		return func() { start(e.Settings, handler) }, nil
	})
}

// Rules gives env the access rules, the issuers of tokens and the audit trail, all from the
// entries of the table. Nothing is read before a request needs it.
func Rules(env *api.Env, s *config.Settings, entries store.Entries) {
	env.Access = access.NewResolver(entries, access.Options{Default: access.Default(s.UserAccess), Now: time.Now})
	env.Verifier.Issuers = Issuers(entries)
	env.Audit = recorder(s, entries)
}

// recorder returns the audit trail, nil if it would record nothing.
func recorder(s *config.Settings, entries store.Entries) api.Recorder {
	return api.NewRecorder(entries, audit.Options{
		Level: audit.Level(s.Audit), Days: s.AuditDays, Addresses: audit.Addresses(s.AuditAddresses), Now: time.Now, Random: rand.Reader,
	})
}

// JobTrail returns a function that records the work of jobs in the audit trail; nil without a
// trail.
func JobTrail(s *config.Settings, entries store.Entries) job.Record {
	return api.JobTrail(recorder(s, entries))
}

// RetentionTrail returns a function that adds the removal of expired recordings to the audit
// trail; nil without a trail.
func RetentionTrail(s *config.Settings, entries store.Entries) func(context.Context, audit.Entry) error {
	if trail := recorder(s, entries); trail != nil {
		return trail.Record
	}
	return nil
}

// Issuers returns the token issuers in the table. It reads them when a token needs them.
func Issuers(entries store.EntryReader) auth.Issuers { return issuer.NewRegistry(entries, time.Now) }

// ServePage starts a function that serves HTTP requests outside the API, with the handler
// that build returns.
func ServePage(f config.Function, build func(e Env, now func() time.Time) (http.Handler, error)) {
	Start(f, func(e Env) (func(), error) {
		handler, err := build(e, time.Now)
		if err != nil {
			return nil, err
		}
		return func() { gateway.Start(handler) }, nil
	})
}

// Follow starts a function that does the work that build returns for every item
// of the table's stream.
func Follow(f config.Function, build func(*config.Settings) (tablestream.Work, error)) {
	Start(f, func(e Env) (func(), error) {
		work, err := build(e.Settings)
		if err != nil {
			return nil, err
		}
		o := tablestream.Options{Route: string(f), Work: work, Log: e.Log, Metrics: e.Metrics, Now: time.Now}
		return func() { tablestream.Start(o) }, nil
	})
}

// FollowChanges is [Follow] for a function that needs the changes themselves, in
// their order. Read decodes them, and build returns what takes them.
func FollowChanges(f config.Function, read tablestream.Read, build func(s *config.Settings, now func() time.Time) (tablestream.Feed, tablestream.Lost, error)) {
	Start(f, func(e Env) (func(), error) {
		feed, lost, err := build(e.Settings, time.Now)
		if err != nil {
			return nil, err
		}
		o := tablestream.ChangesOptions{
			Route: string(f), Read: read, Feed: feed, Lost: lost, Log: e.Log, Metrics: e.Metrics, Now: time.Now,
		}
		return func() { tablestream.StartChanges(o) }, nil
	})
}

// logger writes lines in Lambda's JSON format: Lambda reads the level of a line
// from "level" and its time from "timestamp".
func logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey && len(groups) == 0 {
				a.Key = "timestamp"
			}
			return a
		},
	}))
}

// tokenKeys parses the keys in the settings. A function without TOKEN_KEYS has
// an empty set, which accepts no token.
func tokenKeys(s *config.Settings) (*auth.Keys, error) {
	if s.TokenKeys.Reveal() == "" {
		return new(auth.Keys), nil
	}
	return auth.ParseKeys([]byte(s.TokenKeys.Reveal()))
}
