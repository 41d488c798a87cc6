// Package s3server is an S3 server in this process, on disk: versitygw as a
// library. With it `make run`, the tests and a single box use the very code
// that talks to S3 in the cloud, real presigned URLs included
// (docs/adr/005-s3-server.md).
//
// What it promises:
//
//   - Requests are signed with the one key pair of [Options], in the header
//     or in the URL. A forged, expired or missing signature is 403.
//   - There is one bucket. Its objects and their types lie under Options.Dir
//     and survive a restart; the folder can be moved. A write is atomic, but
//     not forced to the disk: a power cut can lose the last seconds.
//   - Its CORS is the contract's (Document or audio), so that a browser can
//     follow a redirect to it.
//   - It prints nothing and leaves the working directory alone. Several may
//     run at once, also over the same folder, in one process or in many.
//
// Layout of Dir: objects/BUCKET/KEY is the very file that was uploaded, and
// attributes/BUCKET/KEY/meta/ holds its type and ETag, a file each. An object
// "a" and an object "a/b" cannot both exist, because a file is no folder.
//
// The server's own ObjectCreated events, for whatever reads audio on arrival,
// have their place in the call of s3api.New in [Start]: the argument evs takes
// an s3event.S3EventSender.
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

// Options of a server. All but Region are required.
type Options struct {
	// Dir holds everything; it is made if missing.
	Dir string
	// Addr is the address to listen on. "127.0.0.1:0" takes any free port.
	Addr string
	// AccessKeyID and SecretAccessKey are the one key pair.
	AccessKeyID, SecretAccessKey string
	// Bucket is the name of the one bucket.
	Bucket string
	// Region that signatures name; "" stands for us-east-1.
	Region string
	// Created, if not nil, is told of every object that was stored, by the
	// event that S3 sends (docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html),
	// before whoever stored it has an answer.
	Created func(ctx context.Context, event []byte)
}

// Server is a running server.
type Server struct {
	addr  string
	api   *s3api.S3ApiServer
	disk  *posix.Posix
	ended chan struct{} // closed when serving has ended
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

// Start makes the folder and the bucket if they are missing, and serves until
// Close. ctx bounds the start only. A port that is taken and a folder that
// cannot be written are errors that say so.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Region == "" {
		o.Region = defaultRegion
	}
	if o.AccessKeyID == "" || o.SecretAccessKey == "" || !utils.IsValidBucketName(o.Bucket) {
		return nil, fmt.Errorf("S3 server: it needs a key pair and a valid bucket name, not %q", o.Bucket)
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
		nil, // evs: nobody is told of events
		nil, // no metrics
		s3api.WithQuiet(), s3api.WithKeepAlive(), s3api.WithMiddleware("/", refusals),
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

// listen finds the port and serves on it. The library takes an address and
// does not say which port it got, so a free one is found first; should
// somebody be faster in taking it, there is another.
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

// URL is the server's base URL, without a slash at the end.
func (s *Server) URL() string {
	host, port, _ := net.SplitHostPort(s.addr)
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Close lets the requests under way end, for ten seconds at most, and stops.
// A connection that is still open then ends with the process, which is no error.
// What it leaves to the library are sleepers that hold nothing: the caretaker
// of a pool, which wakes once more within ten seconds and ends, and the clocks
// of the process.
func (s *Server) Close() error {
	s.close.Do(func() {
		err := s.stop()
		if errors.Is(err, context.DeadlineExceeded) {
			return // what is still under way uses the disk
		}
		if err != nil {
			s.err = fmt.Errorf("closing the S3 server: %w", err)
			return // the requests under way still use the disk
		}
		s.disk.Shutdown()
	})
	return s.err
}

// stop tells the library to stop until it did. It says that it listens a
// moment before it does, and what it is told in that moment it forgets.
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

// openBucket makes the folders, readable for their owner only, and the
// backend over them.
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
