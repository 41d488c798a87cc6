package s3media

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/callrecordings/api/shared/attempt"
)

const (
	// idle is how many unused connections each HTTP client keeps.
	idle = 16
	// stall is the longest wait between two bytes of a body.
	stall = 5 * time.Second
)

// network holds the limits of ordinary calls, of uploads and of small uploads
// (docs/adr/007-time-outs.md). S3 needs more time to store a part, or to join the
// parts, than to answer other calls.
type network struct {
	calls, uploads, small attempt.Limits
	// call is the longest that a small upload takes with all its attempts.
	call time.Duration
}

// standard returns the limits that the package comment promises.
func standard() network {
	n := network{
		calls: attempt.Streaming(2 * time.Second), uploads: attempt.Streaming(time.Minute),
		small: attempt.Streaming(5 * time.Second), call: 10 * time.Second,
	}
	n.calls.Streams = "GetObject"
	return n
}

// limited returns an option that gives an operation other limits than those of
// ordinary calls.
func limited(l attempt.Limits, client *http.Client) func(*s3.Options) {
	retryer := l.Retryer()
	return func(o *s3.Options) { o.HTTPClient, o.Retryer = client, retryer }
}
