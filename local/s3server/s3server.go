// Package s3server runs an S3 server in this process, with its data on disk. It
// uses versitygw as a library. `make run`, the tests and a single machine thereby
// use the same S3 code as the cloud, with real presigned URLs
// (docs/adr/005-s3-server.md).
//
// Guarantees:
//
//   - Requests must be signed with the one key pair of [Options], in the header
//     or in the URL. A forged, expired or missing signature is a 403.
//   - There is one bucket. Its objects and their content types are under
//     Options.Dir and survive a restart; the folder can be moved. A write is
//     atomic, but it is not synced: a power failure can lose the last seconds.
//   - CORS is as in the contract (Document or audio), so that a browser can
//     follow a redirect to the server.
//   - The server prints nothing and does not change the working directory.
//     Several servers can run at once, even on the same folder, in one process or
//     in many.
//
// Layout of Dir: objects/BUCKET/KEY is the file as it was uploaded.
// attributes/BUCKET/KEY/meta/ holds its content type and ETag, one file each. The
// objects "a" and "a/b" cannot both exist, because a file cannot be a folder.
//
// The bucket reports every object that PutObject, CopyObject or
// CompleteMultipartUpload has stored to Options.Created, with the ObjectCreated
// event that S3 would send, before the client gets its response. The library's
// own event sender is not used.
package s3server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3api/utils"
)

// Options are the options of a server. All but Region and Created are required.
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
	// Created, if not nil, is called for every stored object, before the client
	// gets its response. event is the JSON of the event that S3 sends (docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
	Created func(ctx context.Context, event []byte)
}

// Server is a running server.
type Server struct {
	addr  string
	api   *s3api.S3ApiServer
	disk  *posix.Posix
	ended chan struct{} // closed when the library has stopped serving
	close sync.Once
	err   error
}

const (
	defaultRegion  = "us-east-1"
	maxConnections = 1024
	maxRequests    = 1024
	maxParts       = 10_000
	listenAttempts = 5
	stopAgain      = 10 * time.Millisecond
)

// Start creates the folder and the bucket if necessary, and serves until Close.
// ctx applies only to the start. The error names the port if it is in use, or the
// folder if it is not writable.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Region == "" {
		o.Region = defaultRegion
	}
	if o.AccessKeyID == "" || o.SecretAccessKey == "" || !utils.IsValidBucketName(o.Bucket) {
		return nil, fmt.Errorf("S3 server: a key pair and a valid bucket name are required, not %q", o.Bucket)
	}
	disk, b, err := openBucket(o)
	if err != nil {
		return nil, fmt.Errorf("S3 server: the folder %s cannot be used: %w", o.Dir, err)
	}
	s := &Server{disk: disk}
	ready := make(chan struct{}, 1)
	s.api, err = s3api.New(b,
		middlewares.RootUserConfig{Access: o.AccessKeyID, Secret: o.SecretAccessKey},
		o.Region,
		newKeyPair(o.AccessKeyID, o.SecretAccessKey),
		nil, nil, // no audit logs
		nil, // no event sender: bucket calls Options.Created itself
		nil, // no metrics
		s3api.WithQuiet(), s3api.WithKeepAlive(), s3api.WithMiddleware("/", addCORS),
		s3api.WithConcurrencyLimiter(maxConnections, maxRequests), s3api.WithMpMaxParts(maxParts),
		s3api.WithOnListen(func() {
			select {
			case ready <- struct{}{}:
			default:
			}
		}))
	if err == nil {
		err = s.listen(ctx, o.Addr, ready)
	}
	if err != nil {
		disk.Shutdown()
		return nil, fmt.Errorf("S3 server: %w", err)
	}
	return s, nil
}

// listen chooses the port and serves on it. The library does not report which
// port it got for port 0, so listen finds a free one first. If another process
// takes that port before the library does, listen tries again.
func (s *Server) listen(ctx context.Context, addr string, ready <-chan struct{}) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("the address %q is not of the form host:port", addr)
	}
	for attempt := 1; ; attempt++ {
		var lc net.ListenConfig
		probe, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			return fmt.Errorf("cannot listen: %w", err)
		}
		s.addr = probe.Addr().String()
		if err := probe.Close(); err != nil {
			return fmt.Errorf("cannot listen: %w", err)
		}
		ended := make(chan struct{})
		var why error
		go func() {
			defer close(ended)
			why = s.api.ServeMultiPort([]string{s.addr})
		}()
		select {
		case <-ready:
			s.ended = ended
			return nil
		case <-ended:
			if port != "0" || attempt == listenAttempts {
				return fmt.Errorf("cannot listen: %w", why)
			}
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

// Close stops the server. Requests in progress get ten seconds to finish. A
// connection that is open even after that ends with the process; this is not an
// error. Some idle goroutines of the library remain: the cleaner of its worker
// pool, which ends within ten seconds, and its clocks, which run once per process.
func (s *Server) Close() error {
	s.close.Do(func() {
		err := s.stop()
		if errors.Is(err, context.DeadlineExceeded) {
			return // requests in progress still use the disk
		}
		if err != nil {
			s.err = fmt.Errorf("close the S3 server: %w", err)
			return // requests in progress still use the disk
		}
		s.disk.Shutdown()
	})
	return s.err
}

// stop asks the library to stop, and repeats that until it has stopped. The
// library announces that it listens slightly too early, and ignores a request to
// stop before it really listens.
func (s *Server) stop() error {
	for {
		if err := s.api.ShutDown(); err != nil {
			return err
		}
		select {
		case <-s.ended:
			return nil
		case <-time.After(stopAgain):
		}
	}
}

// openBucket creates the folders, accessible only to their owner, and opens the
// backend on them.
func openBucket(o Options) (*posix.Posix, *bucket, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, nil, err
	}
	objects, attributes := filepath.Join(dir, "objects"), filepath.Join(dir, "attributes")
	for _, d := range []string{filepath.Join(objects, o.Bucket), attributes} {
		if err := os.MkdirAll(d, dirPerm); err != nil {
			return nil, nil, err
		}
	}
	return newBucket(o.Bucket, objects, attributes, o.AccessKeyID, o.notify())
}
