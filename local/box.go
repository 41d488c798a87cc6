package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/callrecordings/api/console"
	"github.com/callrecordings/api/local/connections"
	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/local/eventlog"
	"github.com/callrecordings/api/local/s3server"
	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/archive"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/gateway"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/incoming/namepattern"
	"github.com/callrecordings/api/shared/issuer"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/link"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/openapi"
	"github.com/callrecordings/api/shared/person"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store/sqlite"
	"github.com/callrecordings/api/shared/waiting"
	"github.com/callrecordings/api/shared/webhook"
)

// box holds all parts of the service on one machine.
type box struct {
	dir      *datadir.Dir
	settings config.Settings
	now      func() time.Time
	log      *slog.Logger

	listener net.Listener
	store    *sqlite.Store
	s3       *s3server.Server
	bucket   *s3media.Bucket
	// audio is bucket as the API uses it, with the URLs for clients.
	audio   clientAudio
	events  *eventlog.Log
	seeding atomic.Bool
	// issuers are the token issuers, as requests and jobs see them.
	issuers auth.Issuers
	// kept is the result of rules.
	kept     *retention.Rules
	keeping  sync.Once
	unqueued unqueued
	// written is when the database was last written before this process opened it.
	written time.Time
	// names are the name patterns of the inboxes.
	names namepattern.Set
	// jobs wakes the workers of jobs.
	jobs *job.Pool
}

// open listens on the ports and opens the parts of the data folder. The caller
// must call close, even after an error.
func (b *box) open(ctx context.Context) (err error) {
	host, port := b.settings.Host, b.settings.Port
	if b.names, err = namepattern.Open(b.settings.InboxPatterns, b.settings.InboxTimezone); err != nil {
		return fmt.Errorf("INBOX_PATTERNS, INBOX_TIMEZONE: %w", err)
	}
	var lc net.ListenConfig
	b.listener, err = lc.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return listenError(err, host, port, "PORT")
	}
	b.written = b.checkedUntil()
	if b.store, err = b.dir.OpenStore(ctx, b.now); err != nil {
		return err
	}
	b.issuers = issuer.NewRegistry(b.store, b.now)
	if b.events, err = eventlog.Open(b.dir.File("events.jsonl"), b.eventOptions()); err != nil {
		return err
	}
	port = b.s3Port()
	if b.s3, err = b.dir.StartS3(ctx, net.JoinHostPort(host, port), b.enqueueArrival, b.limitS3); err != nil {
		return listenError(err, host, port, "S3_PORT")
	}
	public := b.settings.S3PublicEndpoint
	if public == "" {
		public = b.s3.URL()
	}
	// The API's own requests do not compete with other clients for connections.
	b.bucket, err = b.dir.OpenOwnBucket(b.s3, public) //nolint:contextcheck // it only makes a client, without any request
	b.audio = b.bucket
	b.jobs = job.NewPool(b.now)
	if b.settings.S3PublicEndpoint == "" && isUnspecified(host) {
		b.audio = hostBucket{b.bucket, b.s3.Port()}
	}
	return err
}

// eventOptions returns the limits of events.jsonl.
func (b *box) eventOptions() eventlog.Options {
	return eventlog.Options{MaxBytes: b.settings.EventsMaxBytes, Keep: b.settings.EventsKeep, Failed: func(err error) {
		b.log.Warn("an old file of events could not be put away; this is retried", slog.String("cause", err.Error()))
	}}
}

// clientAudio is the audio that the API serves to clients.
type clientAudio interface {
	media.Reader
	api.UploadAudio
}

// limitS3 makes the S3 server reject audio that is too large for ingest, before the audio
// takes up disk space, and limits its connections. The files of jobs are not limited.
func (b *box) limitS3(o *s3server.Options) {
	o.MaxBytes, o.Unlimited = b.settings.MaxAudioBytes, recording.ExportsPrefix
	_, o.MaxConnections = connections.Most()
}

// s3Port returns the configured port of the S3 server. The default is the API's
// port plus one, or any free port if the API takes any free port.
func (b *box) s3Port() string {
	switch {
	case b.settings.S3Port != "":
		return b.settings.S3Port
	case b.settings.Port == "0":
		return "0"
	}
	return strconv.Itoa(b.listener.Addr().(*net.TCPAddr).Port + 1)
}

// listenError explains an error from listening on an address, and names the
// settings that change the address.
func listenError(err error, host, port, setting string) error {
	var op *net.OpError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("port %s of %s is already in use; choose another with %s=…", port, host, setting)
	case errors.As(err, &op):
		return fmt.Errorf("cannot listen on %s: %w; choose another address with HOST=… and %s=…", net.JoinHostPort(host, port), op.Err, setting)
	}
	return err
}

// url returns the API's base URL. If the API listens on all addresses, the URL
// has the loopback address.
func (b *box) url() string {
	addr := b.listener.Addr().(*net.TCPAddr)
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(addr.Port))
}

// handler returns the API, and the console unless it is off.
func (b *box) handler() (http.Handler, error) {
	operations, err := b.operations()
	if err != nil {
		return nil, err
	}
	page, err := b.console()
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if page != nil && console.Serves(r.URL.EscapedPath()) {
			page.ServeHTTP(w, r)
			return
		}
		operations[api.Match(r.Method, r.URL.EscapedPath())].ServeHTTP(w, withRequestHost(r))
	}), nil
}

// tokenKeys returns the JWKS that tokens are verified with: TOKEN_KEYS, or else that of
// the data folder.
func (b *box) tokenKeys() []byte {
	if given := b.settings.TokenKeys.Reveal(); given != "" {
		return []byte(given)
	}
	return b.dir.Keys.Token
}

// operations returns the handler of each operation. Each has a gateway of its own,
// as in the cloud.
func (b *box) operations() (map[api.Operation]http.Handler, error) {
	keys, err := auth.ParseKeys(b.tokenKeys())
	if err != nil {
		return nil, err
	}
	sealer, err := cursor.New(b.dir.Keys.Cursor, "")
	if err != nil {
		return nil, fmt.Errorf("cursor key in the data folder: %w", err)
	}
	node, _ := os.Hostname() // on error, the name is ""
	s := b.settings
	verifier := auth.NewVerifier(keys, b.now)
	verifier.MaxTTL = s.MaxTokenTTL
	verifier.Issuers = b.issuers
	env := api.Env{
		Verifier: verifier, Log: b.log, Now: b.now, Origin: s.Origin, Node: node,
		Access:        access.NewResolver(b.store, access.Options{Default: access.Default(s.UserAccess), Now: b.now}),
		RequireReason: access.Reasons(s.RequireReason),
		Audit:         b.trail(),
	}
	if s.Console {
		env.Home = console.Path
	}
	bodies := gateway.NewBudget(gateway.DefaultBudget)
	places := &waiting.LocalPlaces{}
	waits := b.delivery()
	waits.Places = places
	bodies.Party = func(r *http.Request) string { return api.Account(r.URL.EscapedPath()) }
	return map[api.Operation]http.Handler{
		api.OpList: bodies.Local(api.List(env, b.view(), sealer, s.Search)),
		api.OpGet:  bodies.Local(api.Get(env, b.view(), b.audio, waits)),
		api.OpCreate: bodies.Local(api.Create(env, b.locking(), api.Uploads{
			Audio: b.audio, MaxBytes: s.MaxAudioBytes, TTL: s.UploadTTL,
		})),
		api.OpReceive: bodies.Local(api.Receive(env, b.locking(), api.Storage{
			Audio: b.bucket, MaxBytes: s.MaxAudioBytes, Names: b.names.Call, Zone: b.names.Zone,
		})),
		api.OpPatch:     bodies.Local(api.Patch(env, b.locking())),
		api.OpAccess:    bodies.Local(api.Manage(env, b.store, sealer, b.hooks())),
		api.OpChanges:   bodies.Local(b.changes(env, places, sealer)),
		api.OpRetention: bodies.Local(api.Retention(env, b.store, hold.NewBook(b.store, b.now, rand.Reader, true))),
		api.OpShare:     bodies.Local(api.Share(env, b.view(), link.New(b.store, b.now, rand.Reader), b.audio, b.delivery(), s.PublicURL)),
		api.OpDelete:    bodies.Local(api.Delete(env, b.locking(), b.bucket, s.RestoreDays)),
		api.OpJobs: bodies.Local(api.Jobs(env, &job.Book{Entries: b.store, Queue: b.jobs, Now: b.now},
			api.JobOptions{
				Kinds: api.JobKinds(person.Params, s.Search), Files: b.audio, TTL: s.PresignTTL, FileAge: archive.FileAge, Prices: s.Prices,
			})),
		api.OpFallback: bodies.Local(api.Fallback(env, openapi.JSON)),
	}, nil
}

// trail returns an audit trail, nil if it would record nothing.
func (b *box) trail() api.Recorder {
	s := b.settings
	return api.NewRecorder(b.store, audit.Options{
		Level: audit.Level(s.Audit), Days: s.AuditDays, Addresses: audit.Addresses(s.AuditAddresses), Now: b.now, Random: rand.Reader,
	})
}

// delivery returns how audio is delivered. The server streams audio of any length.
func (b *box) delivery() api.Delivery {
	return api.Delivery{
		Default: media.Delivery(b.settings.Delivery), PresignTTL: b.settings.PresignTTL,
		ExternalHosts: b.settings.ExternalHosts, MaxWait: b.settings.MaxWait, StreamLimit: math.MaxInt64,
	}
}

// hooks returns the webhooks of the accounts, nil if the feed of changes is off.
func (b *box) hooks() *webhook.Book {
	if !b.settings.Feed {
		return nil
	}
	return &webhook.Book{Entries: b.store, Feed: feed.New(b.store, b.now), PrivateHosts: b.settings.WebhookPrivateHosts, Now: b.now}
}

// changes returns the handler of the feed of changes. Its requests wait in places.
func (b *box) changes(env api.Env, places api.Places, sealer *cursor.Sealer) http.Handler {
	if !b.settings.Feed {
		return api.Changes(env, nil, nil, sealer, 0)
	}
	return api.Changes(env, feed.New(b.store, b.now), places, sealer, b.settings.FeedWait)
}

// Timeouts of the server. As behind API Gateway, a request and its response are
// each sent as a whole.
const (
	headerTime   = 5 * time.Second
	bodyTime     = 30 * time.Second
	idleTime     = 2 * time.Minute
	shutdownTime = 3 * time.Second
)

// serve answers requests until ctx ends. Requests in progress then get
// shutdownTime to finish.
func (b *box) serve(ctx context.Context, h http.Handler) error {
	most, _ := connections.Most()
	limited := connections.Limit(b.listener, most)
	server := &http.Server{
		ConnState: limited.Track, Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, IdleTimeout: idleTime,
		WriteTimeout: gateway.Deadline + bodyTime, MaxHeaderBytes: 4 * gateway.MaxHeader,
		ErrorLog: slog.NewLogLogger(b.log.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(limited) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		_ = server.Close() // cut off requests that did not finish in time
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// close closes everything that open opened.
func (b *box) close() error {
	var errs []error
	if b.listener != nil {
		if err := b.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if b.bucket != nil {
		b.bucket.CloseIdleConnections()
	}
	if b.s3 != nil {
		errs = append(errs, b.s3.Close())
	}
	if b.events != nil {
		errs = append(errs, b.events.Close())
	}
	if b.store != nil {
		errs = append(errs, b.store.Close())
	}
	return errors.Join(errs...)
}
