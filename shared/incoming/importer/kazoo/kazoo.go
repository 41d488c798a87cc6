// Package kazoo reads the recordings of a running Kazoo over its own API
// (docs/kazoo.md 1, 3, 6), as a source of package migration.
//
// It is somebody's production PBX, so there is one pace for all requests, and a
// 429 makes everybody wait. Whatever is broken for a moment is tried again:
// connections that are cut, answers that are no whole JSON, 5xx. A token that has
// expired is renewed if there is a key for it.
//
// # Windows
//
// Kazoo keeps a recording in the database of the month that it started in, by
// its id, and lists it by the time when it was saved; a list sees only the databases of
// the months that its window touches (kazoo.md 2.1, 3.4). What began before the
// turn of a month and was saved after it is seen by a window alone that touches
// both. And the pages of such a window cannot be trusted: they go from one
// database to the next with one cursor, and pass by what lies before it there.
//
// So each month is asked for twice. A window that begins half an hour earlier
// shows, the oldest database first, what the month before has for it; as soon as
// its pages reach the month's own database, or at once where one page holds
// everything, it has served. Then comes a window of the month itself, which
// touches one database. What comes twice counts once. Where a Kazoo allows
// narrower windows alone, they are halved until they fit.
//
// # What is believed
//
// That an answer is Kazoo's envelope, and that audio is as long as its
// Content-Length. Redirects are not followed: they would lead the token elsewhere.
// Errors tell statuses and Kazoo's codes, and nothing else of what was answered.
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

	"callrecordings/shared/attempt"
	"callrecordings/shared/incoming/importer"
	"callrecordings/shared/recording"
)

// Options say where the Kazoo is and what is wanted of it.
type Options struct {
	// URL of its API, "https://pbx.example.com:8443"; a "/v2" at the end is fine.
	URL string
	// Account whose recordings are wanted; with Descendants those of the accounts
	// below it, too.
	Account     string
	Descendants bool
	// Token is an auth token, APIKey a key that makes them (kazoo.md 6.2); one of
	// the two.
	Token, APIKey string
	// Since and Until bound the time of saving; 0 stands for the time before Kazoo,
	// and for now.
	Since, Until recording.Seconds
	// Rate is the most requests in a second, more than 0.
	Rate float64
	// MaxBytes is the most audio that is fetched; 0 sets no limit.
	MaxBytes int64
	// Spool makes an empty file for audio, and says how to be rid of it.
	Spool func() (f *os.File, remove func() error, err error)
	// Now is the clock.
	Now func() time.Time
	// Again, if not nil, is told of each row that has come before.
	Again func()
	// Transport carries requests; nil is one with time-outs: 5 s to connect, 10 s
	// for TLS, 60 s to the first byte of an answer.
	Transport http.RoundTripper
	// Wait waits between tries; nil waits by the clock.
	Wait func(ctx context.Context, d time.Duration) error
}

// Source is the recordings of a Kazoo. It is safe for concurrent use.
type Source struct {
	Options
	base   string // without a final slash
	client *http.Client
	pace   *rate.Limiter

	renewing sync.Mutex // held by whoever gets a token

	mu    sync.Mutex
	token string
	hold  time.Time // nobody asks before
}

var (
	_ importer.Source = (*Source)(nil)
	_ importer.Sizer  = (*Source)(nil)
)

// What is wrong with options.
var (
	ErrURL   = errors.New("the URL of Kazoo is http:// or https://, a host, and no user, query or fragment")
	ErrLogin = errors.New("give either a token or an API key")
)

// Open finds out whether there is a Kazoo that lets us list the account's
// recordings. Errors: ErrURL, ErrLogin, importer.ErrStop, ErrUnreachable.
func Open(ctx context.Context, o Options) (*Source, error) {
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
		Options: o, base: base, token: o.Token, pace: rate.NewLimiter(rate.Limit(o.Rate), 1),
		client: &http.Client{Transport: o.Transport, CheckRedirect: stay},
	}
	if s.token == "" {
		if err := s.renew(ctx, ""); err != nil {
			return nil, err
		}
	}
	if _, err := s.page(ctx, o.Account, window{o.Until - 3600, o.Until}, "", 1); err != nil {
		return nil, fmt.Errorf("%w: %w", importer.ErrStop, explain(err))
	}
	return s, nil
}

// stay keeps the token from whatever host an answer leads to.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// versioned is the version at the end of an address.
var versioned = regexp.MustCompile(`/v[12]$`)

func parseBase(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", ErrURL
	}
	return versioned.ReplaceAllString(strings.TrimRight(u.String(), "/"), ""), nil
}

// explain adds what an operator may do about the first answer.
func explain(err error) error {
	var s *statusError
	switch {
	case errors.Is(err, errNotKazoo):
		return fmt.Errorf("this is no Kazoo: %w", err)
	case !errors.As(err, &s) || s.status != http.StatusNotFound:
		return err
	case s.ofID():
		return fmt.Errorf("there is no such account: %w", err)
	}
	return fmt.Errorf("it has no recordings to list; is this Kazoo, and its module started (sup crossbar_maintenance start_module cb_recordings)? %w", err)
}
