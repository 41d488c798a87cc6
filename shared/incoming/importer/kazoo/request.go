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

	"callrecordings/shared/attempt"
	"callrecordings/shared/incoming/importer"
)

// How often a request is made and how long the waits between are: the longest
// first, doubled each time. Audio that Kazoo's own storage does not give (5xx) is
// soon given up, since there may be a whole month of it. A 429 is a matter of
// waiting, and counts apart.
const (
	tries     = 7
	faults    = 4
	refusals  = 30
	renewals  = 5
	firstWait = 500 * time.Millisecond
	lastWait  = 20 * time.Second
)

// longestHold is the longest that is believed of a Retry-After.
const longestHold = 5 * time.Minute

// stall is how long a body may bring nothing.
const stall = 30 * time.Second

// transport has the time-outs of Options.Transport.
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

// statusError is an answer that is not the one that was asked for.
type statusError struct {
	status int
	code   string // Kazoo's, "" for none
	data   json.RawMessage
}

func (e *statusError) Error() string {
	if e.code == "" {
		return strconv.Itoa(e.status)
	}
	return strconv.Itoa(e.status) + " " + e.code
}

// ofID reports whether it says that there is nothing under an id.
func (e *statusError) ofID() bool { return e.code == "bad_identifier" || e.code == "bad identifier" }

// errNotKazoo is an answer that Kazoo would not give.
var errNotKazoo = errors.New("its answer is not in Kazoo's envelope")

// finalError is what another try would not mend.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

func final(err error) error { return finalError{err} }

// request is one request, made as often as it takes.
type request struct {
	method, path string // behind /v2, escaped
	query        url.Values
	header       map[string]string
	body         any  // JSON; nil for none
	open         bool // needs no token
	tries        int  // where it is answered by 5xx; 0 for as many as otherwise
	// read reads a good answer. Its error is one that may not come again, unless
	// it is final.
	read func(*http.Response) error
}

// do makes a request until it is answered.
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

// trial is how often a request was made already.
type trial struct {
	tries, refusals, renewals int
}

// next does what has to be done before another try, and returns an error where
// there is no use in one. wait is what the last answer asked for, err what was
// wrong with it.
func (s *Source) next(ctx context.Context, q request, t *trial, token string, wait time.Duration, err error) error {
	var status *statusError
	var last finalError
	answered := errors.As(err, &status)
	switch {
	case errors.As(err, &last):
		return last.error
	case answered && status.status == http.StatusUnauthorized && !q.open:
		if t.renewals++; t.renewals > renewals {
			return fmt.Errorf("%w: tokens that were just made are not taken: %w", importer.ErrStop, err)
		}
		return s.renew(ctx, token)
	case answered && status.status == http.StatusTooManyRequests && t.refusals < refusals:
		t.refusals++
		s.pause(max(min(wait, longestHold), attempt.Jitter(min(firstWait<<min(t.refusals, 8), lastWait))))
		return nil
	case answered && !mayPass(status.status):
		return verdict(err, status)
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

// mayPass reports whether a status may be another one the next time.
func mayPass(status int) bool {
	return status >= 500 || status == http.StatusRequestTimeout || status == http.StatusTooManyRequests
}

// verdict says of a final status whether there is any use in going on.
func verdict(err error, s *statusError) error {
	switch {
	case s.status == http.StatusForbidden:
		return fmt.Errorf("%w: the token does not reach this account: %w", importer.ErrStop, err)
	case s.status/100 == 3:
		return fmt.Errorf("%w: it leads elsewhere, and the token is not taken there: %w", importer.ErrStop, err)
	}
	return err
}

// netError is a request without an answer.
type netError struct{ error }

func (e netError) Unwrap() error { return e.error }

func unanswered(err error) bool {
	var n netError
	return errors.As(err, &n)
}

// ready waits for the turn of the next request, and returns the token for it.
func (s *Source) ready(ctx context.Context) (string, error) {
	for {
		if err := s.pace.Wait(ctx); err != nil {
			return "", fmt.Errorf("wait for a turn: %w", err)
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

// pause keeps everybody from asking for a while.
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

// once makes a request one time. wait is what the answer asks for.
func (s *Source) once(ctx context.Context, q request, token string) (wait time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := s.build(ctx, q, token)
	if err != nil {
		return 0, final(err)
	}
	resp, err := s.client.Do(r) //nolint:bodyclose // guarded.end closes it
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
		return nil, fmt.Errorf("make a request: %w", err)
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

// machineCode is what Kazoo's codes look like; other texts are not shown.
var machineCode = regexp.MustCompile(`^[a-z][a-z_ ]{1,40}$`)

// refusal reads an answer that is none.
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

// cause takes the URL out of an error of net/http.
func cause(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return u.Err
	}
	return err
}

// body gives up a server that stalls.
type body struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Read reads on, for as long as something comes.
func (b *body) Read(p []byte) (int, error) {
	guard := time.AfterFunc(stall, b.cancel)
	defer guard.Stop()
	return b.ReadCloser.Read(p)
}

// end closes the body. A little of what is left is read, so that the connection
// can be used again.
func (b *body) end() {
	_, _ = io.CopyN(io.Discard, b, 16<<10)
	_ = b.Close()
}
