package kazoo

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/incoming/importer"
)

// Limits for the attempts of one request. The waits between attempts start at
// firstWait and double up to lastWait. Audio for which Kazoo's own storage fails
// (5xx) gets fewer attempts, faults, since the failure may affect a whole month of
// recordings. Answers of 429 have their own limit, refusals, since the request only
// has to wait. renewals limits the number of new tokens.
const (
	tries     = 7
	faults    = 4
	refusals  = 30
	renewals  = 5
	firstWait = 500 * time.Millisecond
	lastWait  = 20 * time.Second
)

// longestHold is the longest Retry-After that is honored.
const longestHold = 5 * time.Minute

// stall is how long a body may deliver no bytes.
const stall = 30 * time.Second

// transport returns the default for Options.Transport.
func transport() http.RoundTripper {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: time.Minute,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   64,
	}
}

// statusError is an answer with an unexpected status.
type statusError struct {
	status int
	code   string // Kazoo's code, "" if it has none
	data   json.RawMessage
}

func (e *statusError) Error() string {
	if e.code == "" {
		return strconv.Itoa(e.status)
	}
	return strconv.Itoa(e.status) + " " + e.code
}

// ofID reports whether the ID in the path is unknown to Kazoo.
func (e *statusError) ofID() bool { return e.code == "bad_identifier" || e.code == "bad identifier" }

// errNotKazoo means that an answer does not have Kazoo's envelope.
var errNotKazoo = errors.New("its answer is not in Kazoo's envelope")

// finalError is an error that no retry can fix.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

func final(err error) error { return finalError{err} }

// request is one request, with its retries.
type request struct {
	method, path string // after /v2, escaped
	query        url.Values
	header       map[string]string
	body         any  // encoded as JSON; nil sends none
	open         bool // sent without a token
	tries        int  // limit for 5xx answers; 0 stands for the general limit
	// read reads a successful answer. Errors of read are retried, unless they are final.
	read func(*http.Response) error
}

// do sends a request until it gets an answer.
func (s *Source) do(ctx context.Context, q request) error {
	var t trial
	for {
		token, err := s.ready(ctx)
		if err != nil {
			return err
		}
		wait, err := s.once(ctx, q, token)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := s.next(ctx, q, &t, token, wait, err); err != nil {
			return err
		}
	}
}

// trial counts the attempts of a request.
type trial struct {
	tries, refusals, renewals int
}

// next prepares another attempt after err, or returns an error if a retry would not
// help. wait is the pause that the last answer requested.
func (s *Source) next(ctx context.Context, q request, t *trial, token string, wait time.Duration, err error) error {
	var status *statusError
	var last finalError
	answered := errors.As(err, &status)
	switch {
	case errors.As(err, &last):
		return last.error
	case answered && status.status == http.StatusUnauthorized && !q.open:
		if t.renewals++; t.renewals > renewals {
			return fmt.Errorf("%w: new tokens are rejected: %w", importer.ErrStop, err)
		}
		return s.renew(ctx, token)
	case answered && status.status == http.StatusTooManyRequests && t.refusals < refusals:
		t.refusals++
		s.pause(max(min(wait, longestHold), attempt.Jitter(min(firstWait<<min(t.refusals, 8), lastWait))))
		return nil
	case answered && !mayPass(status.status):
		return rejected(err, status)
	}
	t.tries++
	switch {
	case answered && t.tries == q.tries:
		return err
	case t.tries < tries:
		return s.Wait(ctx, attempt.Jitter(min(firstWait<<t.tries, lastWait)))
	case !answered && unanswered(err):
		return fmt.Errorf("%w: %w", importer.ErrUnreachable, err)
	}
	return err
}

// mayPass reports whether a retry may get another status.
func mayPass(status int) bool {
	return status >= 500 || status == http.StatusRequestTimeout || status == http.StatusTooManyRequests
}

// rejected returns the error for a status that a retry cannot change. The error wraps
// importer.ErrStop if other requests would fail too.
func rejected(err error, s *statusError) error {
	switch {
	case s.status == http.StatusForbidden:
		return fmt.Errorf("%w: the token does not reach this account: %w", importer.ErrStop, err)
	case s.status/100 == 3:
		return fmt.Errorf("%w: it redirects to another address, which must not get the token: %w", importer.ErrStop, err)
	}
	return err
}

// netError means that a request got no answer.
type netError struct{ error }

func (e netError) Unwrap() error { return e.error }

func unanswered(err error) bool {
	var n netError
	return errors.As(err, &n)
}

// ready waits until the next request may be sent, and returns the token for it.
func (s *Source) ready(ctx context.Context) (string, error) {
	for {
		if err := s.pace.Wait(ctx); err != nil {
			return "", fmt.Errorf("wait for the rate limit: %w", err)
		}
		s.mu.Lock()
		token, hold := s.token, s.hold
		s.mu.Unlock()
		left := hold.Sub(s.Now())
		if left <= 0 {
			return token, nil
		}
		if err := s.Wait(ctx, left); err != nil {
			return "", err
		}
	}
}

// pause delays all requests.
func (s *Source) pause(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if until := s.Now().Add(d); until.After(s.hold) {
		s.hold = until
	}
}

func (s *Source) current() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// once sends a request once. wait is the pause that the answer requests.
func (s *Source) once(ctx context.Context, q request, token string) (wait time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := s.build(ctx, q, token)
	if err != nil {
		return 0, final(err)
	}
	resp, err := s.client.Do(r) //nolint:bodyclose // guarded.end closes the body
	if err != nil {
		var untrusted *tls.CertificateVerificationError
		if errors.As(err, &untrusted) {
			return 0, final(fmt.Errorf("%w: %w", importer.ErrStop, cause(err)))
		}
		return 0, netError{cause(err)}
	}
	guarded := &body{ReadCloser: resp.Body, cancel: cancel}
	resp.Body = guarded
	defer guarded.end()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusPartialContent {
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return time.Duration(seconds) * time.Second, refusal(resp)
	}
	return 0, q.read(resp)
}

func (s *Source) build(ctx context.Context, q request, token string) (*http.Request, error) {
	address := s.base + "/v2" + q.path
	if len(q.query) > 0 {
		address += "?" + q.query.Encode()
	}
	var content io.Reader = http.NoBody
	if q.body != nil {
		pipe, err := jsonBody(q.body)
		if err != nil {
			return nil, err
		}
		content = pipe
	}
	r, err := http.NewRequestWithContext(ctx, q.method, address, content)
	if err != nil {
		return nil, fmt.Errorf("create a request: %w", err)
	}
	if q.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if !q.open {
		r.Header.Set("X-Auth-Token", token)
	}
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	return r, nil
}

// machineCode matches Kazoo's codes. Other texts are not shown.
var machineCode = regexp.MustCompile(`^[a-z][a-z_ ]{1,40}$`)

// refusal returns the error of an answer with an unexpected status.
func refusal(resp *http.Response) error {
	e := &statusError{status: resp.StatusCode}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	var envelope struct {
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	if err == nil && json.Unmarshal(text, &envelope) == nil {
		e.data = envelope.Data
		if machineCode.MatchString(envelope.Message) {
			e.code = envelope.Message
		}
	}
	return e
}

// cause removes the URL from an error of net/http.
func cause(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return u.Err
	}
	return err
}

// body cancels a request when the server stalls.
type body struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Read fails if nothing arrives for the time of stall.
func (b *body) Read(p []byte) (int, error) {
	guard := time.AfterFunc(stall, b.cancel)
	defer guard.Stop()
	return b.ReadCloser.Read(p)
}

// end closes the body. It reads a little of the rest first, so that the
// connection can be reused.
func (b *body) end() {
	_, _ = io.CopyN(io.Discard, b, 16<<10)
	_ = b.Close()
}
