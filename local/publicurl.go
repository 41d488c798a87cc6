package main

import (
	"context"
	"net"
	"net/http"
	"regexp"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
)

// requestHostKey is the context key for the host name of a request.
type requestHostKey struct{}

// withRequestHost adds the host name that the client used to the request's context.
func withRequestHost(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), requestHostKey{}, hostName(r.Host)))
}

// validHost matches a host name or an IPv4 address. A name in a URL may have other
// characters, but no client needs them to reach this machine.
var validHost = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]{0,252})$`)

// hostName returns the host of a Host header (RFC 9110, section 7.2) without its port,
// or "" if it is neither a host name nor an IP address.
func hostName(header string) string {
	host, _, err := net.SplitHostPort(header)
	if err != nil { // no port
		host = header
		if n := len(header); n > 2 && header[0] == '[' && header[n-1] == ']' {
			host = header[1 : n-1]
		}
	}
	if net.ParseIP(host) == nil && !validHost.MatchString(host) {
		return ""
	}
	return host
}

// hostBucket is the bucket of a server that listens on all addresses. No single
// name works for all clients, so each presigned URL has the host name that its
// client used for the API, which leads to this machine, and the port of the S3 server.
//
// A client can write any name into its Host header. That gives it nothing: the key
// pair that signs is this data folder's own and is valid on no other server, the
// signature covers the same object and time under any name, and the answer goes to that
// client only (Cache-Control: no-store).
type hostBucket struct {
	*s3media.Bucket
	// port is the port of the S3 server.
	port string
}

// Presign is [s3media.Bucket.Presign] for the host of the request.
func (b hostBucket) Presign(ctx context.Context, key string, g media.Grant) (string, error) {
	at, err := b.at(ctx)
	if err != nil {
		return "", err
	}
	return at.Presign(ctx, key, g)
}

// PresignPut is [s3media.Bucket.PresignPut] for the host of the request.
func (b hostBucket) PresignPut(ctx context.Context, key string, a media.Admission) (media.SignedRequest, error) {
	at, err := b.at(ctx)
	if err != nil {
		return media.SignedRequest{}, err
	}
	return at.PresignPut(ctx, key, a)
}

// at returns the bucket as the client of the request reaches it.
func (b hostBucket) at(ctx context.Context) (*s3media.Bucket, error) {
	host, _ := ctx.Value(requestHostKey{}).(string)
	if host == "" {
		return b.Bucket, nil
	}
	return b.At(b.endpoint(host)) //nolint:contextcheck // it makes no request
}

// endpoint returns the URL of the S3 server for clients that reach this machine as host.
func (b hostBucket) endpoint(host string) string { return "http://" + net.JoinHostPort(host, b.port) }

// isUnspecified reports whether host means all addresses of the machine.
func isUnspecified(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}
