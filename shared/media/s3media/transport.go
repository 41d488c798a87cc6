package s3media

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"callrecordings/shared/attempt"
)

const (
	// idle is how many unused connections each HTTP client keeps.
	idle = 16
	// stall is the longest wait between two bytes of a body.
	stall = 5 * time.Second
)

// network holds the limits of ordinary calls and of uploads
// (docs/adr/007-time-outs.md). S3 needs more time to store a part, or to join the
// parts, than to answer other calls.
type network struct {
	calls, uploads attempt.Limits
}

// standard returns the limits that the package comment promises.
func standard() network {
	return network{calls: attempt.Streaming(2 * time.Second), uploads: attempt.Streaming(time.Minute)}
}

// patient returns an option that gives an operation the limits of an upload.
func (n network) patient(client *http.Client) func(*s3.Options) {
	retryer := n.uploads.Retryer()
	return func(o *s3.Options) { o.HTTPClient, o.Retryer = client, retryer }
}
