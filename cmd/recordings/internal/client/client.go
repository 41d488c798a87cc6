// Package client is an HTTP client of the API. The command line uses it to list, read,
// tag and delete recordings, and to read their audio. It relies only on
// docs/contract.md.
//
// Each request has time-outs. A request that is answered with 429 or 503, or not at
// all, is sent again after the time in Retry-After, a few times. The token goes only
// to the API's own address: a redirect to a bucket is followed without it.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The limits of a request.
const (
	// connectTime limits a connection and its TLS handshake, each.
	connectTime = 10 * time.Second
	// headerTime limits the wait for the header of an answer. API Gateway itself
	// gives up after 29 s.
	headerTime = 35 * time.Second
	// documentTime limits a request for a document or a page of a list, with its retries.
	documentTime = 5 * time.Minute
	// maxDocument is the largest answer with a document or a page of a list, in bytes.
	// A page has at most 5 MB (contract, List).
	maxDocument = 32 << 20
	// maxTries is how often a request is sent, and maxWait the longest wait before it is
	// sent again.
	maxTries = 5
	maxWait  = time.Minute
)

// Options configure a Client.
type Options struct {
	// URL is the base URL of the API, with the stage if there is one.
	URL string
	// Token is the access token, Account the ID of the account.
	Token, Account string
	// User restricts all requests to the recordings of this user; "" for none.
	User string
	// Reason is why the client acts, for operators who demand a reason; "" for none.
	Reason string
	// Agent is the value of User-Agent.
	Agent string
	// Sleep waits, unless ctx ends before. The default is a timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Retrying, if not nil, is called before each wait.
	Retrying func(cause error, wait time.Duration)
}

// Client sends requests to the API. It is safe for concurrent use.
type Client struct {
	options Options
	base    *url.URL
	http    *http.Client
}

// ErrURL means that the base URL of the API is not an http or https URL.
var ErrURL = errors.New("the API's URL must begin with http:// or https:// and have no query")

// New makes a client. Error: ErrURL.
func New(o Options) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(o.URL, "/"))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.RawQuery != "" || base.User != nil {
		return nil, fmt.Errorf("%w: %q", ErrURL, o.URL)
	}
	if o.Sleep == nil {
		o.Sleep = Sleep
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectTime, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   connectTime,
		ResponseHeaderTimeout: headerTime,
		IdleConnTimeout:       time.Minute,
		ForceAttemptHTTP2:     true,
	}
	return &Client{options: o, base: base, http: &http.Client{Transport: transport, CheckRedirect: checkRedirect}}, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Base returns the base URL of the API.
func (c *Client) Base() string { return c.base.String() }

// maxRedirects is the longest chain of redirects that is followed.
const maxRedirects = 5

// checkRedirect follows redirects of reading requests. A redirect to another origin
// loses the token. A redirect of a change is not followed, because it would become a
// GET: its answer is an error.
func checkRedirect(r *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case first.Method != http.MethodGet && first.Method != http.MethodHead:
		return http.ErrUseLastResponse
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case r.URL.Scheme != first.URL.Scheme || r.URL.Host != first.URL.Host:
		r.Header.Del(tokenHeader)
		r.Header.Del(reasonHeader)
		r.Header.Del("Referer")
	}
	return nil
}

// reasonHeader carries the reason. Only the API gets it.
const reasonHeader = "X-Reason"

// tokenHeader carries the token. Unlike Authorization, it is not sent to S3 by this
// client, which would answer 400.
const tokenHeader = "X-Auth-Token" //nolint:gosec // the name of a header field

// request is a request to the API.
type request struct {
	method string
	// path follows the base URL. The token is sent along unless anonymous is set.
	path      string
	anonymous bool
	query     url.Values
	header    http.Header
	body      []byte
}

// recordings returns the path of the recordings, or of one if id is not "".
func (c *Client) recordings(id string) string {
	path := "/v2/accounts/" + url.PathEscape(c.options.Account)
	if c.options.User != "" {
		path += "/users/" + url.PathEscape(c.options.User)
	}
	path += "/recordings"
	if id != "" {
		path += "/" + url.PathEscape(id)
	}
	return path
}

// send sends a request, again if the answer asks for it, and returns the answer with
// a status below 400. The caller closes its body. uncertain is true if an earlier try
// may have done its work although it was not answered.
func (c *Client) send(ctx context.Context, r request) (resp *http.Response, uncertain bool, err error) {
	for try := 1; ; try++ {
		resp, err = c.try(ctx, r)
		wait, again := retryAfter(err, try)
		if err == nil || !again || try == maxTries || ctx.Err() != nil {
			return resp, uncertain, err
		}
		uncertain = uncertain || !isStatus(err, http.StatusTooManyRequests)
		if c.options.Retrying != nil {
			c.options.Retrying(err, wait)
		}
		if err := c.options.Sleep(ctx, wait); err != nil {
			return nil, uncertain, err
		}
	}
}

// try sends a request once.
func (c *Client) try(ctx context.Context, r request) (*http.Response, error) {
	u := *c.base
	target := u.String() + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, body(r.body))
	if err != nil {
		return nil, err
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if !r.anonymous {
		req.Header.Set(tokenHeader, c.options.Token)
		if c.options.Reason != "" {
			req.Header.Set(reasonHeader, c.options.Reason)
		}
	}
	if c.options.Agent != "" {
		req.Header.Set("User-Agent", c.options.Agent)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, &UnreachableError{URL: c.Base(), cause: unwrapURL(err)}
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		defer resp.Body.Close() //nolint:errcheck // it is only read
		return nil, c.errorOf(resp)
	}
	return resp, nil
}

// body returns the body of a request.
func body(text []byte) io.Reader {
	if text == nil {
		return http.NoBody
	}
	return strings.NewReader(string(text))
}

// retryAfter returns how long to wait before a failed request is sent again after its
// nth try. again is false if a retry cannot succeed.
func retryAfter(err error, n int) (wait time.Duration, again bool) {
	wait = time.Second << (n - 1)
	var unreachable *UnreachableError
	var e *Error
	switch {
	case errors.As(err, &unreachable):
		return wait, unreachable.temporary()
	case !errors.As(err, &e), e.Status != http.StatusTooManyRequests && e.Status != http.StatusServiceUnavailable:
		return 0, false
	case e.retryAfter >= 0:
		wait = e.retryAfter
	}
	return min(wait, maxWait), true
}

// retryAfterOf returns the time in a Retry-After header, or -1 without one. The header
// holds a number of seconds: this API sends no dates.
func retryAfterOf(h http.Header) time.Duration {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || n < 0 {
		return -1
	}
	return time.Duration(min(n, int(maxWait/time.Second))) * time.Second
}

// document sends a request and decodes the JSON of the answer into v.
func (c *Client) document(ctx context.Context, r request, v any) (header http.Header, uncertain bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, documentTime)
	defer cancel()
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Set("Accept", "application/json")
	resp, uncertain, err := c.send(ctx, r)
	if err != nil {
		return nil, uncertain, err
	}
	defer resp.Body.Close() //nolint:errcheck // it is only read
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxDocument)).Decode(v); err != nil {
		return nil, uncertain, &UnreachableError{URL: c.Base(), cause: fmt.Errorf("the answer is not JSON: %w", err)}
	}
	return resp.Header, uncertain, nil
}

// Sleep waits for d, or until ctx ends.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
