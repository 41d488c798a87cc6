// Package kazoo lists the recordings of a running Kazoo through Kazoo's own API
// (docs/kazoo.md 1, 3, 6), as a source of package importer. It also reads the account
// tree, users and groups.
//
// The Kazoo is usually a production PBX. So one rate limit applies to all
// requests, and a 429 pauses all requests. Temporary failures are retried: broken
// connections, incomplete JSON, 5xx. An expired token is renewed if there is an
// API key.
//
// # Windows
//
// Kazoo stores a recording in the database of the month in which the recording
// started; the ID begins with that month. But Kazoo lists recordings by the time
// when they were saved, and a list reads only the databases of the months that its
// window touches (kazoo.md 2.1, 3.4). So a recording that started before the end of
// a month and was saved in the next month appears only in a window that touches
// both months. But the pages of such a window are not reliable: after the first
// database, they continue in the second database with the same cursor, and skip the
// rows of the second database before that cursor.
//
// So each month is listed twice. The first window begins half an hour before the
// month. Kazoo lists the oldest database first, so this window shows the recordings
// in the database of the previous month. The listing of this window stops when its
// pages reach the month's own database, or after one page if that page is complete.
// The second window covers the month itself and touches one database. Recordings
// that appear twice count once. If Kazoo allows only narrower windows, the windows
// are halved until they fit.
//
// # Trust
//
// Answers must have Kazoo's envelope, and audio must be as long as its
// Content-Length. Redirects are not followed, since they would send the token to
// another host. Errors contain statuses and Kazoo's codes, and nothing else from
// an answer.
package kazoo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
)

// Options are the address of a Kazoo and the recordings to list.
type Options struct {
	// URL of the API, such as "https://pbx.example.com:8443". It may end in
	// "/v2".
	URL string
	// Account is the account to list; Descendants adds the accounts below it.
	Account     string
	Descendants bool
	// Token is an auth token. APIKey is a key that creates tokens (kazoo.md 6.2).
	// Exactly one of the two must be set.
	Token, APIKey string
	// Since and Until limit the list by the time when recordings were saved. A zero
	// Since stands for a time before the first Kazoo, a zero Until for now.
	Since, Until recording.Seconds
	// Rate is the maximum number of requests per second; 0 sets no limit.
	Rate float64
	// MaxBytes limits the size of a recording's audio; 0 sets no limit.
	MaxBytes int64
	// Spool creates an empty file for audio, and returns a function that removes it.
	Spool func() (f *os.File, remove func() error, err error)
	// Now is the clock.
	Now func() time.Time
	// Duplicate, if not nil, is called for each row that was already listed.
	Duplicate func()
	// Transport sends the requests. nil stands for one with timeouts: 5 s to
	// connect, 10 s for TLS, 60 s to the first byte of an answer.
	Transport http.RoundTripper
	// Wait waits before a retry; nil uses the real clock.
	Wait func(ctx context.Context, d time.Duration) error
}

// Source lists the recordings of a Kazoo. It is safe for concurrent use.
type Source struct {
	Options
	base   string // without a final slash
	client *http.Client
	pace   *rate.Limiter

	renewing sync.Mutex // held while a token is renewed

	mu    sync.Mutex
	token string
	hold  time.Time // no request is sent before this time
}

var (
	_ importer.Source = (*Source)(nil)
	_ importer.Sizer  = (*Source)(nil)
)

// Errors of invalid options.
var (
	ErrURL   = errors.New("the URL of Kazoo must be http:// or https:// and a host, without a user, query or fragment")
	ErrLogin = errors.New("give either a token or an API key")
)

// Open checks that the Kazoo exists and lists the account's recordings. Errors:
// ErrURL, ErrLogin, importer.ErrStop, importer.ErrUnreachable.
func Open(ctx context.Context, o Options) (*Source, error) {
	s, err := Connect(ctx, o)
	if err != nil {
		return nil, err
	}
	if _, err := s.page(ctx, s.Account, window{s.Until - 3600, s.Until}, "", 1); err != nil {
		return nil, fmt.Errorf("%w: %w", importer.ErrStop, explain(err))
	}
	return s, nil
}

// Connect is Open for a Kazoo that need not list recordings. It gets a token, if there
// is an API key, and sends no other request. Errors: those of Open.
func Connect(ctx context.Context, o Options) (*Source, error) {
	base, err := parseBase(o.URL)
	if err != nil {
		return nil, err
	}
	if (o.Token == "") == (o.APIKey == "") {
		return nil, ErrLogin
	}
	if o.Transport == nil {
		o.Transport = transport()
	}
	if o.Wait == nil {
		o.Wait = attempt.Sleep
	}
	if o.Until == 0 {
		o.Until = recording.SecondsOf(o.Now())
	}
	s := &Source{
		Options: o, base: base, token: o.Token, pace: rate.NewLimiter(limitOf(o.Rate), 1),
		client: &http.Client{Transport: o.Transport, CheckRedirect: noRedirect},
	}
	if s.token != "" {
		return s, nil
	}
	if err := s.renew(ctx, ""); err != nil {
		return nil, err
	}
	return s, nil
}

// limitOf returns the limit for a number of requests per second; 0 sets no limit.
func limitOf(perSecond float64) rate.Limit {
	if perSecond == 0 {
		return rate.Inf
	}
	return rate.Limit(perSecond)
}

// noRedirect prevents redirects, which would send the token to another host.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// versioned matches the version at the end of a URL.
var versioned = regexp.MustCompile(`/v[12]$`)

func parseBase(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", ErrURL
	}
	return versioned.ReplaceAllString(strings.TrimRight(u.String(), "/"), ""), nil
}

// explain adds advice for the operator to an error of the first request.
func explain(err error) error {
	var s *statusError
	switch {
	case errors.Is(err, errNotKazoo):
		return fmt.Errorf("this is not Kazoo: %w", err)
	case !errors.As(err, &s) || s.status != http.StatusNotFound:
		return err
	case s.ofID():
		return fmt.Errorf("the account does not exist: %w", err)
	}
	return fmt.Errorf("it does not list recordings; is this Kazoo, and has its module been started (sup crossbar_maintenance start_module cb_recordings)? %w", err)
}
