package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"callrecordings/local/datadir"
	"callrecordings/local/eventlog"
	"callrecordings/local/s3server"
	"callrecordings/shared/api"
	"callrecordings/shared/auth"
	"callrecordings/shared/config"
	"callrecordings/shared/cursor"
	"callrecordings/shared/gateway"
	"callrecordings/shared/incoming/namepattern"
	"callrecordings/shared/media"
	"callrecordings/shared/media/s3media"
	"callrecordings/shared/openapi"
	"callrecordings/shared/purge"
	"callrecordings/shared/store/sqlite"
)

// box is what runs in the one process.
type box struct {
	dir      *datadir.Dir
	settings config.Settings
	now      func() time.Time
	log      *slog.Logger

	listener net.Listener
	store    *sqlite.Store
	s3       *s3server.Server
	bucket   *s3media.Bucket
	events   *eventlog.Log
	seeding  atomic.Bool
	// names are the layouts of names in inboxes.
	names namepattern.Set
}

// open takes the ports and opens the folder's parts. The caller calls close,
// whatever comes of it.
func (b *box) open(ctx context.Context) (err error) {
	host, port := b.settings.Host, b.settings.Port
	if b.names, err = namepattern.Open(b.settings.InboxPatterns, b.settings.InboxTimezone); err != nil {
		return fmt.Errorf("INBOX_PATTERNS, INBOX_TIMEZONE: %w", err)
	}
	var lc net.ListenConfig
	b.listener, err = lc.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return taken(err, host, port, "PORT")
	}
	if b.store, err = b.dir.OpenStore(ctx, b.now); err != nil {
		return err
	}
	if b.events, err = eventlog.Open(b.dir.File("events.jsonl")); err != nil {
		return err
	}
	port = b.s3Port()
	if b.s3, err = b.dir.StartS3(ctx, net.JoinHostPort(host, port), b.arrived); err != nil {
		return taken(err, host, port, "S3_PORT")
	}
	b.bucket, err = b.dir.OpenBucket(b.s3.URL(), b.settings.S3PublicEndpoint) //nolint:contextcheck // it makes a client and calls nobody
	return err
}

// s3Port is the one that was asked for, else the API's successor; where any
// port will do for the API, any will do here.
func (b *box) s3Port() string {
	switch {
	case b.settings.S3Port != "":
		return b.settings.S3Port
	case b.settings.Port == "0":
		return "0"
	}
	return strconv.Itoa(b.listener.Addr().(*net.TCPAddr).Port + 1)
}

// taken says of an address that is in use, or is not ours, what helps.
func taken(err error, host, port, setting string) error {
	var op *net.OpError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("port %s of %s is taken; choose another with %s=…", port, host, setting)
	case errors.As(err, &op):
		return fmt.Errorf("cannot listen on %s: %w; HOST=… and %s=… choose another address", net.JoinHostPort(host, port), op.Err, setting)
	}
	return err
}

// url is the API's base address.
func (b *box) url() string {
	addr := b.listener.Addr().(*net.TCPAddr)
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(addr.Port))
}

// pendingAtOnce bounds how many purges are read at a time.
const pendingAtOnce = 100

// finishPurges finishes the deletes that an earlier process has left. What
// fails stays pending for the next start.
func (b *box) finishPurges(ctx context.Context) {
	for {
		pending, err := b.store.PendingPurges(ctx, pendingAtOnce)
		for _, t := range pending {
			err = errors.Join(err, purge.Finish(ctx, b.store, b.bucket, t))
		}
		if err != nil {
			b.log.WarnContext(ctx, "purges stay pending", slog.String("cause", err.Error()))
		}
		if err != nil || len(pending) < pendingAtOnce {
			return
		}
	}
}

// handler is the API: each operation behind a gateway of its own, as in the
// cloud.
func (b *box) handler() (http.Handler, error) {
	keys, err := auth.ParseKeys(b.dir.Keys.Token)
	if err != nil {
		return nil, fmt.Errorf("the token keys in the data folder: %w", err)
	}
	sealer, err := cursor.New(b.dir.Keys.Cursor, "")
	if err != nil {
		return nil, fmt.Errorf("the cursor key in the data folder: %w", err)
	}
	node, _ := os.Hostname() // "" is a name, too
	s := b.settings
	env := api.Env{Verifier: auth.NewVerifier(keys, b.now), Log: b.log, Now: b.now, Origin: s.Origin, Node: node}
	operations := map[api.Operation]http.Handler{
		api.OpList: gateway.Local(api.List(env, b.store, sealer)),
		api.OpGet: gateway.Local(api.Get(env, b.store, b.bucket, api.Delivery{
			Default: media.Delivery(s.Delivery), PresignTTL: s.PresignTTL, ExternalHosts: s.ExternalHosts, MaxWait: s.MaxWait,
		})),
		api.OpCreate: gateway.Local(api.Create(env, b.store, api.Uploads{
			Audio: b.bucket, MaxBytes: s.MaxAudioBytes, TTL: s.UploadTTL,
		})),
		api.OpReceive: gateway.Local(api.Receive(env, b.store, api.Storage{
			Audio: b.bucket, MaxBytes: s.MaxAudioBytes, Names: b.names.Call,
		})),
		api.OpPatch:    gateway.Local(api.Patch(env, b.store)),
		api.OpDelete:   gateway.Local(api.Delete(env, b.store, b.bucket)),
		api.OpFallback: gateway.Local(api.Fallback(env, openapi.JSON)),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		operations[api.Match(r.Method, r.URL.EscapedPath())].ServeHTTP(w, r)
	}), nil
}

// Time-outs of the server. A request and its answer are one piece each, as
// behind the gateway.
const (
	headerTime   = 5 * time.Second
	bodyTime     = 30 * time.Second
	idleTime     = 2 * time.Minute
	shutdownTime = 3 * time.Second
)

// serve answers requests until ctx ends; those under way then may finish.
func (b *box) serve(ctx context.Context, h http.Handler) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, IdleTimeout: idleTime,
		WriteTimeout: gateway.Deadline + bodyTime, MaxHeaderBytes: 4 * gateway.MaxHeader,
		ErrorLog: slog.NewLogLogger(b.log.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(b.listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		_ = server.Close() // what did not finish in time is cut off
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// close gives back what open took.
func (b *box) close() error {
	var errs []error
	if b.listener != nil {
		if err := b.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
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
