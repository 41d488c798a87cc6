package keyset

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/callrecordings/api/shared/egress"
	"github.com/callrecordings/api/shared/issuer"
	"github.com/callrecordings/api/shared/strictjson"
)

const (
	// fetchTime is how long one request may take, from the connection to the last byte.
	fetchTime = 10 * time.Second
	// attempts is the maximum number of tries after transient failures.
	attempts = 2
	// pause is the time between two attempts.
	pause = time.Second
)

var (
	// ErrRedirect means that a provider answered with a redirect. A redirect could lead
	// anywhere, so it is never followed.
	ErrRedirect = errors.New("the answer is a redirect")
	// ErrStatus means that a provider answered with another status than 200.
	ErrStatus = errors.New("the answer is an error")
	// ErrConfiguration means that an OpenID configuration is not that of the issuer.
	ErrConfiguration = errors.New("not the OpenID configuration of the issuer")
	// ErrUnreachable means that a provider did not answer.
	ErrUnreachable = errors.New("no answer")
)

// Fetcher fetches JWKS documents: over https only, with a verified certificate of the
// host, at most MaxBytes, without redirects, proxies, cookies or compression, and only
// from public addresses.
type Fetcher struct {
	client *http.Client
	agent  string
	pause  time.Duration
}

// Options configure a Fetcher. All are optional.
type Options struct {
	// PrivateHosts are the hosts that may have private or local addresses: exact, or
	// all hosts below a domain ("*.example.com"), in lower case.
	PrivateHosts []string
	// Roots are the certificates that are trusted; nil means those of the system.
	Roots *x509.CertPool
	// Agent is the value of User-Agent.
	Agent string
}

// NewFetcher returns a Fetcher.
func NewFetcher(o Options) *Fetcher {
	client := egress.NewClient(egress.Options{PrivateHosts: o.PrivateHosts, Roots: o.Roots, Timeout: fetchTime})
	return &Fetcher{agent: o.Agent, pause: pause, client: client}
}

// Keys fetches the keys of an issuer from its URL: a JWKS, or an OpenID configuration
// that names one. The issuer in the configuration must be that of d (OpenID Connect Discovery 1.0, 4.3).
// skipped is as in Parse. Errors: those of Parse, egress.ErrAddress, ErrRedirect, ErrStatus,
// ErrConfiguration, ErrUnreachable.
func (f *Fetcher) Keys(ctx context.Context, d issuer.Definition) (keys []issuer.Key, skipped []string, err error) {
	document, err := f.get(ctx, d.URL)
	if err != nil {
		return nil, nil, err
	}
	var configuration struct {
		Issuer string          `json:"issuer"`
		URI    string          `json:"jwks_uri"`
		Keys   json.RawMessage `json:"keys"`
	}
	if strictjson.Check(document, maxDepth) != nil || json.Unmarshal(document, &configuration) != nil {
		return nil, nil, ErrNotKeys
	}
	if configuration.Keys != nil || configuration.URI == "" {
		return Parse(document, d.Algorithms)
	}
	if configuration.Issuer != d.Iss {
		return nil, nil, fmt.Errorf("%w: its issuer is not %s", ErrConfiguration, d.Iss)
	}
	if err := issuer.CheckURL(configuration.URI); err != nil {
		return nil, nil, fmt.Errorf("%w: jwks_uri: %w", ErrConfiguration, err)
	}
	if document, err = f.get(ctx, configuration.URI); err != nil {
		return nil, nil, fmt.Errorf("jwks_uri: %w", err)
	}
	return Parse(document, d.Algorithms)
}

// get fetches a document, and tries again after a failure that may pass.
func (f *Fetcher) get(ctx context.Context, url string) ([]byte, error) {
	if err := issuer.CheckURL(url); err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		document, again, err := f.once(ctx, url)
		if err == nil || !again || n == attempts {
			return document, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(f.pause):
		}
	}
}

// once makes one request. again is true if another attempt may succeed.
func (f *Fetcher) once(ctx context.Context, url string) (document []byte, again bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, false, errors.New("the URL of the keys: want https://HOST/PATH")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", f.agent)
	response, err := f.client.Do(request)
	if err != nil {
		return nil, !errors.Is(err, egress.ErrAddress), reach(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	switch {
	case response.StatusCode >= 300 && response.StatusCode < 400:
		return nil, false, fmt.Errorf("%w (%d)", ErrRedirect, response.StatusCode)
	case response.StatusCode != http.StatusOK:
		return nil, response.StatusCode >= 500, fmt.Errorf("%w (%d)", ErrStatus, response.StatusCode)
	}
	var buffer bytes.Buffer
	if _, err := io.Copy(&buffer, io.LimitReader(response.Body, MaxBytes+1)); err != nil {
		return nil, true, reach(err)
	}
	if buffer.Len() > MaxBytes {
		return nil, false, fmt.Errorf("%w: the document has more than %d bytes", ErrTooLarge, MaxBytes)
	}
	return buffer.Bytes(), false, nil
}

// reach returns ErrUnreachable with the cause. It omits the URL, because its query may
// contain a secret.
func reach(err error) error {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, egress.ErrAddress):
		return fmt.Errorf("%w: the host has %w; ISSUER_PRIVATE_HOSTS allows hosts that have one", ErrUnreachable, egress.ErrAddress)
	case errors.As(err, &certificate):
		return fmt.Errorf("%w: its certificate is not valid for the host, or not trusted", ErrUnreachable)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w in time", ErrUnreachable)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: %w", ErrUnreachable, context.Canceled)
	}
	return fmt.Errorf("%w from the host", ErrUnreachable)
}
