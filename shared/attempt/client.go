package attempt

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Client returns an HTTP client that keeps up to idle unused connections per
// host. It speaks only HTTP/1.1, like the AWS services that it calls. It does
// not request compression: within a region, reading the plain answer costs less
// than decompressing it. It does not follow redirects, because the signature
// would be wrong at the new address (S3 redirects to a bucket's own region).
func (l Limits) Client(idle int) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				ctx, cancel := context.WithTimeout(ctx, l.Connect)
				defer cancel()
				c, err := l.Dial(ctx, network, addr)
				if err != nil {
					return nil, err
				}
				return &guarded{Conn: c, stall: max(l.Head, l.Attempt)}, nil
			},
			TLSHandshakeTimeout:   l.Handshake,
			ResponseHeaderTimeout: l.Head,
			ExpectContinueTimeout: time.Second, // only S3 uploads ask for "100 Continue"
			IdleConnTimeout:       90 * time.Second,
			MaxIdleConnsPerHost:   idle,
			DisableCompression:    true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// guarded is a connection with a time-out for each write. Without this time-out, a
// server that stops reading would block a request with a body for as long as the
// caller waits.
type guarded struct {
	net.Conn
	stall time.Duration // longest time for one write
}

// Write writes p, which has at most a few kilobytes, because net/http and TLS split
// a body into pieces of that size.
func (g *guarded) Write(p []byte) (int, error) {
	if err := g.SetWriteDeadline(time.Now().Add(g.stall)); err != nil { //nolint:forbidigo // deadlines of connections follow the system clock
		return 0, err
	}
	return g.Conn.Write(p)
}

// Warm opens a connection to address with an unsigned GET, so that the first
// real request does not wait for one. Any answer will do.
func Warm(ctx context.Context, client aws.HTTPClient, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	// The client keeps a connection only if its answer was read.
	_, err = io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return errors.Join(err, resp.Body.Close())
}

// WithoutURL returns err without the URL that net/http puts into its errors.
// The URL shows the endpoint, and anyone with a presigned URL can fetch the audio,
// so URLs must not appear in errors or logs.
func WithoutURL(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return ue.Err
	}
	return err
}
