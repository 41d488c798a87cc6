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
	"strings"
	"time"

	"callrecordings/shared/auth"
	"callrecordings/shared/requestlog"
	"callrecordings/shared/version"
)

// Version is the API's version, as answers name it.
const Version = version.Number

// Env is what every handler needs.
type Env struct {
	// Verifier checks tokens.
	Verifier *auth.Verifier
	// Log gets one line for each request; nil logs nothing.
	Log *slog.Logger
	// Metrics, if not nil, are in the same line.
	Metrics *requestlog.Metrics
	// Now is the clock; required.
	Now func() time.Time
	// Random is where ids of requests come from that bring none; nil is the
	// system's.
	Random io.Reader
	// Origin is the allowed origin of CORS; "" is "*".
	Origin string
	// Version is what answers call the API's version; "" is [Version].
	Version string
	// Node names the machine. Clients see a hash of it, as in Kazoo.
	Node string
}

// request is one request on its way through the chain.
type request struct {
	*http.Request
	env    *Env
	entry  *requestlog.Entry
	target target
	bearer auth.Bearer
	op     Operation
	// version is "v1" or "v2"; user is "" where the path is of the whole
	// account, id is as the client wrote it and not checked yet.
	version, account, user, id string
}

// handlerFunc is the part of an operation between the checks and the answer.
// It writes the whole answer, or returns an error before it writes anything.
type handlerFunc func(w http.ResponseWriter, r *request) error

// chain is what stands around a handlerFunc.
type chain struct {
	env  *Env
	op   Operation
	next handlerFunc
	// check is what comes before route and method: whose the request is.
	check func(ctx context.Context, r *request) error
}

// handle puts the whole chain around f, which serves op. The environment is
// copied.
func (e *Env) handle(op Operation, f handlerFunc) http.Handler {
	return e.handleFor(op, func(ctx context.Context, r *request) error { return r.authenticate(ctx) }, f)
}

// handleFor is handle for an operation that knows by other means than a token
// whose the request is.
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
func (c *chain) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	start := c.env.Now()
	entry := &requestlog.Entry{
		RequestID: c.env.requestID(hr),
		GatewayID: requestlog.GatewayID(hr.Context()),
		Method:    loggedMethod(hr.Method),
		Start:     start,
	}
	ctx := requestlog.With(hr.Context(), entry)
	r := &request{Request: hr.WithContext(ctx), env: c.env, entry: entry}
	r.target = parseTarget(hr.URL.EscapedPath())
	r.op, _ = r.target.operation(hr.Method)
	r.version, r.account, r.user, r.id = r.target.version, r.target.account, r.target.user, r.target.id
	entry.Route = string(r.op)

	a := &answer{ResponseWriter: w, head: hr.Method == http.MethodHead}
	r.commonHeaders(a.Header())
	err := c.run(ctx, a, r)
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

// run makes the checks and calls the handler; a panic becomes an error.
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
	if err := c.check(ctx, r); err != nil {
		return err
	}
	if err := c.admit(r); err != nil {
		return err
	}
	return c.next(a, r)
}

// authenticate checks the token and whether it reaches the account of the
// path. An account that cannot exist is refused like one that does not.
func (r *request) authenticate(ctx context.Context) error {
	if r.target.public() {
		return nil
	}
	bearer, err := r.env.Verifier.Verify(ctx, auth.Token(r.Request))
	if err != nil {
		return err
	}
	r.bearer = bearer
	if !r.target.owned {
		return nil
	}
	if !bearer.Reaches(r.account) {
		return errForbidden
	}
	r.entry.Account = r.account
	return nil
}

// admit checks route and method, and that the operation is c's own.
func (c *chain) admit(r *request) error {
	if r.target.resource == nil {
		return errNotFound
	}
	if _, ok := r.target.operation(r.Method); !ok || r.tunnels() {
		return invalidMethod(r.target.allow())
	}
	if r.op != c.op {
		return errNotFound // it came to a function that does not serve it
	}
	if r.user != "" && !auth.ValidName(r.user) {
		return badIdentifier(r.user, "")
	}
	return nil
}

// tunnels reports whether the query asks for another method than the
// request's. Kazoo would take it for that method, so it may not be answered
// as if it had not been said (contract, Where we differ).
func (r *request) tunnels() bool {
	if !strings.Contains(r.URL.RawQuery, "verb") {
		return false
	}
	verb := r.URL.Query().Get("verb")
	return !isAbsent(verb) && !strings.EqualFold(verb, r.Method)
}

// maxRequestID is the longest id that a client may give its request.
const maxRequestID = 128

// requestID is the client's, if it is fit to be seen, else the gateway's, else
// a new one (contract, Envelope).
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

// isPrintable reports whether s is printable ASCII, and anything at all.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

// loggedMethod keeps methods that nobody knows out of the log.
func loggedMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// panicError is a panic of a handler, with its stack for the log.
type panicError struct {
	value any
	stack []byte
}

// Error implements error. A value that is not the runtime's own is told by its
// type alone: it may quote what a client has sent.
func (p *panicError) Error() string {
	if e, ok := p.value.(runtime.Error); ok {
		return fmt.Sprintf("panic: %v\n%s", e, p.stack)
	}
	return fmt.Sprintf("panic: a %T\n%s", p.value, p.stack)
}
