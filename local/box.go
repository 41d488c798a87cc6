package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"

	"callrecordings/local/datadir"
	"callrecordings/local/s3server"
	"callrecordings/shared/api"
	"callrecordings/shared/auth"
	"callrecordings/shared/config"
	"callrecordings/shared/cursor"
	"callrecordings/shared/gateway"
	"callrecordings/shared/intake"
	"callrecordings/shared/media"
	"callrecordings/shared/media/s3media"
	"callrecordings/shared/purge"
	"callrecordings/shared/store/sqlite"
)

// box is what runs in the one process.
type box struct {
	listener net.Listener
	store    *sqlite.Store
	s3       *s3server.Server
	bucket   *s3media.Bucket
}

// open takes the ports and opens the folder's parts.
func open(ctx context.Context, dir *datadir.Dir, s config.Settings) (b *box, err error) {
	b = &box{}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	var lc net.ListenConfig
	b.listener, err = lc.Listen(ctx, "tcp", net.JoinHostPort(s.Host, s.Port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return b, fmt.Errorf("port %s of %s is taken; choose another with PORT=…", s.Port, s.Host)
	}
	if err != nil {
		return b, err
	}
	if b.store, err = dir.OpenStore(ctx); err != nil {
		return b, err
	}
	port := s.S3Port
	if port == "" {
		port = strconv.Itoa(b.listener.Addr().(*net.TCPAddr).Port + 1)
	}
	if b.s3, err = dir.StartS3(ctx, net.JoinHostPort(s.Host, port)); err != nil {
		return b, fmt.Errorf("%w; S3_PORT=… chooses another port", err)
	}
	b.bucket, err = dir.OpenBucket(b.s3.URL(), s.S3PublicEndpoint)
	return b, err
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

// prepare finishes the deletes that an earlier process has left, and stores
// the demo recordings once.
func (b *box) prepare(ctx context.Context, dir *datadir.Dir, samples bool) error {
	for {
		pending, err := b.store.PendingPurges(ctx, pendingAtOnce)
		if err != nil {
			return err
		}
		for _, t := range pending {
			if err := purge.Finish(ctx, b.store, b.bucket, t); err != nil {
				return err
			}
		}
		if len(pending) < pendingAtOnce {
			break
		}
	}
	if !samples || seeded(dir) != "" {
		return nil
	}
	in := intake.Intake{Store: b.store, Audio: b.bucket, Now: time.Now, Random: rand.Reader}
	id, err := seed(ctx, in, dir.Keys)
	if err != nil {
		return err
	}
	return writePrivate(dir.File(seededFile), id)
}

// seededFile holds the id of a demo recording, once all are there.
const seededFile = "demo.done"

// seeded returns the id of a demo recording to try things on, "" if the demo
// recordings were never stored.
func seeded(dir *datadir.Dir) string {
	id, err := os.ReadFile(dir.File(seededFile))
	if err != nil {
		return ""
	}
	return string(id)
}

// handler is the API: each operation behind a gateway of its own, as in the
// cloud.
func (b *box) handler(dir *datadir.Dir, s config.Settings, log *slog.Logger) (http.Handler, error) {
	keys, err := auth.ParseKeys(dir.Keys.Token)
	if err != nil {
		return nil, fmt.Errorf("the token keys in the data folder: %w", err)
	}
	sealer, err := cursor.New(dir.Keys.Cursor, "")
	if err != nil {
		return nil, fmt.Errorf("the cursor key in the data folder: %w", err)
	}
	node, _ := os.Hostname()
	env := api.Env{Verifier: auth.NewVerifier(keys, time.Now), Log: log, Now: time.Now, Origin: s.Origin, Node: node}
	operations := map[api.Operation]http.Handler{
		api.OpList: gateway.Local(api.List(env, b.store, sealer)),
		api.OpGet: gateway.Local(api.Get(env, b.store, b.bucket, api.Delivery{
			Default: media.Delivery(s.Delivery), PresignTTL: s.PresignTTL, ExternalHosts: s.ExternalHosts,
		})),
		api.OpPatch:    gateway.Local(api.Patch(env, b.store)),
		api.OpDelete:   gateway.Local(api.Delete(env, b.store, b.bucket)),
		api.OpFallback: gateway.Local(api.Fallback(env, nil)),
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
	shutdownTime = 5 * time.Second
)

// serve answers requests until ctx ends; those under way then may finish.
func (b *box) serve(ctx context.Context, h http.Handler) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, IdleTimeout: idleTime,
		WriteTimeout: gateway.Deadline + bodyTime, MaxHeaderBytes: 4 * gateway.MaxHeader,
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
	<-ended
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
	if b.store != nil {
		errs = append(errs, b.store.Close())
	}
	return errors.Join(errs...)
}
