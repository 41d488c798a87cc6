package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/version"
)

// Version is the API's default version in answers.
const Version = version.Number

// Env holds the dependencies and settings that all handlers share.
type Env struct {
	// Verifier checks tokens.
	Verifier *auth.Verifier
	// Access decides about the rights of a token in an account. If Access is nil, a token
	// may do everything in its own account, and nothing elsewhere.
	Access Access
	// RequireReason has the actions that need a reason (contract, Reasons).
	RequireReason map[access.Action]bool
	// Audit keeps the audit trail; nil keeps none.
	Audit Recorder
	// Log gets one line per request; nil disables logging.
	Log *slog.Logger
	// Metrics, if not nil, adds metrics to that line.
	Metrics *requestlog.Metrics
	// Now is the clock; required.
	Now func() time.Time
	// Random is the source of new request IDs, for requests without an ID; nil means
	// [rand.Reader].
	Random io.Reader
	// Origin is the origin that CORS allows; "" means "*".
	Origin string
	// Version is the API's version in answers; "" means [Version].
	Version string
	// Home is the relative URL of a page for people. Browsers that ask for "/" are
	// redirected to it; "" means that the service has no page.
	Home string
	// Node is the name of the machine. As in Kazoo, clients see a hash of it.
	Node string
}

// Access decides about the rights of a token. [access.Resolver] implements it.
type Access interface {
	// Grant returns the rights of b in an account. Errors: access.ErrOutOfReach,
	// access.ErrDisabled, access.ErrTooMany, store.ErrUnavailable.
	Grant(ctx context.Context, b auth.Bearer, account string) (access.Grant, error)
}

// request is a request with the results of the checks so far.
type request struct {
	*http.Request
	env    *Env
	entry  *requestlog.Entry
	target target
	bearer auth.Bearer
	// grant has the rights of the bearer in the account of the path.
	grant access.Grant
	// action is the action that the bearer needs a right for.
	action access.Action
	// object names the user, group or account that the request is about, for the audit
	// trail.
	object string
	// link is the ID of the link that the request makes or revokes, for the audit trail.
	link string
	// terms, if not nil, are those of the link that plays the audio.
	terms *terms
	// answer is the answer to the request.
	answer *answer
	// reason is why the client acts, "" if it gives no reason.
	reason string
	op     Operation
	// version is "v1" or "v2". user is "" if the path is for the whole account. id is
	// unchecked.
	version, account, user, id string
}

// handlerFunc serves an operation after the common checks. It writes the whole
// answer, or returns an error before it writes anything.
type handlerFunc func(w http.ResponseWriter, r *request) error

// chain wraps a handlerFunc in the steps that all requests share.
type chain struct {
	env  *Env
	op   Operation
	next handlerFunc
	// check authenticates the request, before its route and method are checked.
	check func(ctx context.Context, r *request) error
}

// handle returns the handler of op, which authenticates by token and then calls f.
// handle copies the environment.
func (e *Env) handle(op Operation, f handlerFunc) http.Handler {
	return e.handleFor(op, func(ctx context.Context, r *request) error { return r.authenticate(ctx) }, f)
}

// handleFor is like handle, but authenticates with check.
func (e *Env) handleFor(op Operation, check func(context.Context, *request) error, f handlerFunc) http.Handler {
	env := *e
	if env.Log == nil {
		env.Log = slog.New(slog.DiscardHandler)
	}
	if env.Random == nil {
		env.Random = rand.Reader
	}
	if env.Origin == "" {
		env.Origin = "*"
	}
	if env.Version == "" {
		env.Version = Version
	}
	sum := sha256.Sum256([]byte(env.Node))
	env.Node = base64.RawURLEncoding.EncodeToString(sum[:16])
	return &chain{env: &env, op: op, next: f, check: check}
}

// ServeHTTP implements [http.Handler].
func (c *chain) ServeHTTP(w http.ResponseWriter, hr *http.Request) { c.serve(w, hr, c.run) }

// serve answers a request with the result of run, and logs it.
func (c *chain) serve(w http.ResponseWriter, hr *http.Request, run func(context.Context, *answer, *request) error) {
	start := c.env.Now()
	entry := &requestlog.Entry{
		RequestID: c.env.requestID(hr),
		GatewayID: requestlog.GatewayID(hr.Context()),
		Method:    loggedMethod(hr.Method),
		Start:     start,
	}
	ctx := requestlog.With(hr.Context(), entry)
	r := &request{Request: hr.WithContext(ctx), env: c.env, entry: entry}
	r.parseTarget()
	entry.Route = string(r.op)

	a := &answer{ResponseWriter: w, head: hr.Method == http.MethodHead}
	r.commonHeaders(a.Header())
	r.answer = a
	err := r.recordRefusal(a.settle(run(ctx, a, r))) //nolint:contextcheck // it takes the request's context
	if err == nil && a.status == 0 {
		err = errNoAnswer
	}
	if err != nil {
		r.fail(a, err)
	}
	entry.Status, entry.Bytes = a.status, a.bytes
	entry.Duration = c.env.Now().Sub(start)
	entry.Log(ctx, c.env.Log, c.env.Metrics)
}

// parseTarget parses the path, and finds the operation.
func (r *request) parseTarget() {
	r.target = parseTarget(r.URL.EscapedPath())
	r.op, _ = r.target.operation(r.Method)
	r.version, r.account, r.user, r.id = r.target.version, r.target.account, r.target.user, r.target.id
}

// run runs the checks and calls the handler. It turns a panic into an error.
func (c *chain) run(ctx context.Context, a *answer, r *request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{value: p, stack: debug.Stack()}
		}
	}()
	if r.Method == http.MethodOptions {
		r.preflight(a)
		return nil
	}
	if r.wantsHome() {
		a.Header().Set("Location", c.env.Home)
		writeBytes(a, http.StatusSeeOther, nil)
		return nil
	}
	if err := c.inspect(ctx, r); err != nil {
		return err
	}
	return c.next(a, r)
}

// inspect runs the checks that do not need the body.
func (c *chain) inspect(ctx context.Context, r *request) error {
	if err := c.check(ctx, r); err != nil {
		return err
	}
	return c.admit(r)
}

// maxRequestID is the length of the longest request ID that a client may send.
const maxRequestID = 128

// requestID returns the client's request ID if it is printable and not too long, else
// the gateway's request ID, else a new ID (contract, Envelope).
func (e *Env) requestID(r *http.Request) string {
	for _, id := range []string{r.Header.Get("X-Request-ID"), requestlog.GatewayID(r.Context())} {
		if isPrintable(id) && len(id) <= maxRequestID {
			return id
		}
	}
	var b [16]byte
	if _, err := io.ReadFull(e.Random, b[:]); err != nil {
		return "unknown"
	}
	return hex.EncodeToString(b[:])
}

// isPrintable reports whether s is not empty and printable ASCII.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

// loggedMethod returns the method for the log, or "other" for an unknown method.
func loggedMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// panicError is a panic of a handler, with the stack for the log.
type panicError struct {
	value any
	stack []byte
}

// Error implements error. Unless the runtime panicked, it shows only the type of
// the value, because the value may contain text of a client.
func (p *panicError) Error() string {
	if e, ok := p.value.(runtime.Error); ok {
		return fmt.Sprintf("panic: %v\n%s", e, p.stack)
	}
	return fmt.Sprintf("panic: a %T\n%s", p.value, p.stack)
}
