// Package s3server runs an S3 server in this process, with its data on disk.
// With it, `make run`, the tests and a single machine use the same S3 code as the
// cloud, with real presigned URLs (docs/adr/016-own-s3-server.md).
//
// Guarantees:
//
//   - Requests must be signed with the one key pair of [Options], in the header
//     or in the URL. A forged, expired or missing signature is a 403.
//   - There is one bucket. Its objects and their attributes are under Options.Dir
//     and survive a restart; the folder can be moved.
//   - A write is atomic and durable: when the client has its answer, and when
//     Options.Created is called, the object survives a power cut. The same holds
//     for a deletion.
//   - An object's attributes (type, metadata, checksums) are part of its file. They
//     are replaced with it and removed with it.
//   - CORS is as in the contract (Document or audio), so that a browser can
//     follow a redirect to the server.
//   - The server prints nothing. Several servers can run at once, even on the same
//     folder, in one process or in many.
//
// Layout of Dir: objects/BUCKET/KEY is the file as it was uploaded, followed by its
// attributes. Players ignore them. A file without attributes, for example one
// put there by hand, is an object too. tmp/ and uploads/ hold unfinished uploads.
// attributes/ holds the attributes that earlier versions stored. They are read, and
// removed with their objects. The objects "a" and "a/b" cannot both exist, because a
// file cannot be a folder.
package s3server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/callrecordings/api/local/connections"
)

// Options are the options of a server. Dir, Addr, the key pair and Bucket are
// required.
type Options struct {
	// Dir is the folder for all data. It is created if necessary.
	Dir string
	// Addr is the address to listen on. Port 0, as in "127.0.0.1:0", takes any
	// free port.
	Addr string
	// AccessKeyID and SecretAccessKey are the one key pair.
	AccessKeyID, SecretAccessKey string
	// Bucket is the name of the one bucket.
	Bucket string
	// Region is the region in signatures; "" means us-east-1.
	Region string
	// MaxBytes is the maximum size of an object; 0 means any size. Larger uploads
	// are rejected before their first byte.
	MaxBytes int64
	// Unlimited is the prefix of the keys to which MaxBytes does not apply; "" for none.
	Unlimited string
	// MaxConnections is the maximum number of connections to Addr; 0 means 1024. Requests for
	// the objects of one account get at most three quarters of them. Connections to [Server.InternalURL] do not count.
	MaxConnections int
	// Created, if not nil, is called for every stored object, before the client
	// gets its response. event is the JSON of the event that S3 sends
	// (docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
	Created func(ctx context.Context, event []byte)

	sync       func(*os.File) error // replaces (*os.File).Sync in tests
	spaceTime  time.Duration        // replaces spaceTime in tests
	unreadTime time.Duration        // replaces unreadTime in tests
}

// Server is a running server.
type Server struct {
	o       Options
	keys    keyPair
	disk    *disk
	created func(ctx context.Context, key, etag string)
	// spaceTime and unreadTime are the constants of these names, except in tests.
	spaceTime, unreadTime time.Duration

	completions *completions
	shares      *shares // of the connections to public

	addr, internal string
	public         *http.Server
	own            *http.Server
	stop           chan struct{}
	running        sync.WaitGroup
	close          sync.Once
	err            error
}

const (
	defaultRegion         = "us-east-1"
	defaultMaxConnections = connections.MaxS3
	closeTime             = 10 * time.Second
	sweepEvery            = time.Hour
)

// bucketName matches the bucket names that S3 permits, except for its rules about
// IP addresses and reserved prefixes.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// Start creates the folder and the bucket if necessary, and serves until Close.
// ctx applies only to the start. The error names the port if it is in use, or the
// folder if it is not writable.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Region == "" {
		o.Region = defaultRegion
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = defaultMaxConnections
	}
	if o.sync == nil {
		o.sync = (*os.File).Sync
	}
	if o.AccessKeyID == "" || o.SecretAccessKey == "" || !bucketName.MatchString(o.Bucket) {
		return nil, fmt.Errorf("S3 server: a key pair and a valid bucket name are required, not %q", o.Bucket)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("S3 server: the folder %s cannot be used: %w", o.Dir, err)
	}
	s := &Server{
		o: o, keys: keyPair{o.AccessKeyID, o.SecretAccessKey, o.Region}, created: o.notify(), stop: make(chan struct{}),
		spaceTime: cmp.Or(o.spaceTime, spaceTime), unreadTime: cmp.Or(o.unreadTime, unreadTime), completions: newCompletions(), shares: newShares(o.MaxConnections),
	}
	if s.disk, err = openDisk(dir, o.Bucket, o.sync); err == nil {
		err = errors.Join(s.disk.sweepFormer(), s.disk.sweep(time.Now()))
	}
	if err != nil {
		return nil, fmt.Errorf("S3 server: the folder %s cannot be used: %w", o.Dir, err)
	}
	if err := s.listen(ctx); err != nil {
		return nil, fmt.Errorf("S3 server: cannot listen: %w", err)
	}
	s.running.Go(s.sweepAlways)
	return s, nil
}

// listen serves on the public address, with limited connections, and on an internal
// one.
func (s *Server) listen(ctx context.Context) error {
	if _, _, err := net.SplitHostPort(s.o.Addr); err != nil {
		return fmt.Errorf("the address %q is not of the form host:port", s.o.Addr)
	}
	var lc net.ListenConfig
	public, err := lc.Listen(ctx, "tcp", s.o.Addr)
	if err != nil {
		return err
	}
	internal, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, public.Close())
	}
	s.addr, s.internal = public.Addr().String(), internal.Addr().String()
	limited := connections.Limit(public, s.o.MaxConnections)
	s.public, s.own = s.server(), s.server()
	s.public.ConnState = limited.Track
	s.running.Go(func() { _ = s.public.Serve(limited) })
	s.running.Go(func() { _ = s.own.Serve(internal) })
	return nil
}

// server returns an HTTP server that prints nothing. The timeouts of bodies and
// answers are extended while bytes are transferred; see patientReader and extendWrite.
func (s *Server) server() *http.Server {
	return &http.Server{
		Handler: s, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog: log.New(io.Discard, "", 0),
	}
}

// sweepAlways removes the leftovers of crashed uploads every hour.
func (s *Server) sweepAlways() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case now := <-tick.C:
			_ = s.disk.sweep(now) // what stays is tried again in an hour
		}
	}
}

// URL returns the server's base URL, without a trailing slash.
func (s *Server) URL() string {
	host, port, _ := net.SplitHostPort(s.addr)
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Port returns the port of the server's public address.
func (s *Server) Port() string {
	_, port, _ := net.SplitHostPort(s.addr)
	return port
}

// InternalURL returns a base URL that only this machine can reach. The connections
// of other clients cannot use it up.
func (s *Server) InternalURL() string { return "http://" + s.internal }

// Close stops the server. Requests in progress get ten seconds to finish. Then
// Close closes their connections, and stops joining parts; this is not an error.
func (s *Server) Close() error {
	s.close.Do(func() {
		close(s.stop)
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		for _, h := range []*http.Server{s.public, s.own} {
			err := h.Shutdown(ctx)
			if errors.Is(err, context.DeadlineExceeded) {
				err = h.Close()
			}
			if err != nil {
				s.err = fmt.Errorf("close the S3 server: %w", err)
			}
		}
		s.completions.stop()
		s.running.Wait()
	})
	return s.err
}
