package attempt

import (
	"context"
	"errors"
	"net"
	"sync/atomic"

	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Watched is the outcome of the attempts of one call.
type Watched struct{ lost atomic.Bool }

// Lost reports whether an attempt failed that may have taken effect: its answer
// did not arrive, or was an error of the server.
func (w *Watched) Lost() bool { return w.lost.Load() }

// note records the outcome of an attempt.
func (w *Watched) note(err error) {
	if w != nil && ambiguous(err) {
		w.lost.Store(true)
	}
}

// ambiguous reports whether an attempt that failed with err may have taken effect.
// It cannot if the service rejected the request (status 4xx), or if the connection
// could not be opened.
func ambiguous(err error) bool {
	if err == nil {
		return false
	}
	if re, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && re.HTTPStatusCode() != 0 {
		return re.HTTPStatusCode() < 400 || re.HTTPStatusCode() >= 500
	}
	op, ok := errors.AsType[*net.OpError](err)
	return !ok || op.Op != "dial"
}

type watchKey struct{}

// Watch returns a context for one call, and the record of the call's attempts.
func Watch(ctx context.Context) (context.Context, *Watched) {
	w := new(Watched)
	return context.WithValue(ctx, watchKey{}, w), w
}

// watchFrom returns the Watched of a context, nil without one.
func watchFrom(ctx context.Context) *Watched {
	w, _ := ctx.Value(watchKey{}).(*Watched)
	return w
}
