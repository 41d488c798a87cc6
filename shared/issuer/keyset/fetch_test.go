package keyset

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/egress"
	"github.com/callrecordings/api/shared/issuer"
)

// provider is a provider of keys on a loopback address.
type provider struct {
	*httptest.Server
	// routes has the answers by path.
	routes map[string]http.HandlerFunc
	calls  atomic.Int64
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{routes: map[string]http.HandlerFunc{}}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.calls.Add(1)
		if answer := p.routes[r.URL.Path]; answer != nil {
			answer(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	p.Config.ErrorLog = nil
	t.Cleanup(p.Close)
	return p
}

// roots trust the provider's certificate.
func (p *provider) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.Certificate())
	return pool
}

// fetcher returns a fetcher that trusts the provider and may reach its address.
func (p *provider) fetcher() *Fetcher {
	f := NewFetcher(Options{PrivateHosts: []string{"127.0.0.1"}, Roots: p.roots(), Agent: "test"})
	f.pause = time.Millisecond
	return f
}

func text(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func definition(url string) issuer.Definition {
	return issuer.Definition{Iss: "https://acme.example", Algorithms: []string{"ES256"}, URL: url}
}

func TestFetch(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	jwks := string(set(jwk("a", "", ecPair().Public())))
	p.routes["/jwks"] = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("User-Agent") != "test" || r.Header.Get("Accept") != "application/json" || r.Header.Get("Accept-Encoding") != "" {
			http.Error(w, "bad headers", http.StatusBadRequest)
			return
		}
		text(200, jwks)(w, r)
	}
	p.routes["/.well-known/openid-configuration"] = text(200, `{"issuer":"https://acme.example","jwks_uri":"`+p.URL+`/jwks","x":1}`)
	var flaky atomic.Int64
	p.routes["/flaky"] = func(w http.ResponseWriter, r *http.Request) {
		if flaky.Add(1) == 1 {
			text(503, "")(w, r)
			return
		}
		text(200, jwks)(w, r)
	}
	for _, path := range []string{"/jwks", "/.well-known/openid-configuration", "/flaky"} {
		keys, _, err := p.fetcher().Keys(t.Context(), definition(p.URL+path))
		if err != nil || len(keys) != 1 || keys[0].ID != "a" {
			t.Errorf("%s: Keys = %v, %v", path, describe(keys), err)
		}
	}
}

func TestFetchRejects(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	target := newProvider(t)
	jwks := string(set(jwk("a", "", ecPair().Public())))
	target.routes["/jwks"] = text(200, jwks)
	configuration := func(iss, uri string) http.HandlerFunc {
		return text(200, string(must(json.Marshal(map[string]string{"issuer": iss, "jwks_uri": uri}))))
	}
	p.routes["/moved"] = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.URL+"/jwks", http.StatusFound)
	}
	p.routes["/huge"] = text(200, `{"keys":["`+strings.Repeat("x", 5<<20)+`"]}`)
	p.routes["/down"] = text(500, "")
	p.routes["/html"] = text(200, "<html>")
	p.routes["/empty"] = text(200, `{"keys":[]}`)
	p.routes["/other"] = configuration("https://other.example", target.URL+"/jwks")
	p.routes["/plain"] = configuration("https://acme.example", "http://127.0.0.1/jwks")
	p.routes["/private"] = configuration("https://acme.example", "https://169.254.169.254/latest/meta-data")
	p.routes["/loop"] = configuration("https://acme.example", p.URL+"/loop")
	for path, want := range map[string]error{
		"/moved": ErrRedirect, "/huge": ErrTooLarge, "/down": ErrStatus, "/absent": ErrStatus, "/html": ErrNotKeys, "/empty": ErrNoKeys,
		"/other": ErrConfiguration, "/plain": ErrConfiguration, "/private": egress.ErrAddress, "/loop": ErrNotKeys,
	} {
		keys, _, err := p.fetcher().Keys(t.Context(), definition(p.URL+path))
		if !errors.Is(err, want) || keys != nil {
			t.Errorf("%s: Keys = %v, %v, want %v", path, describe(keys), err, want)
		}
	}
	if n := target.calls.Load(); n > 0 {
		t.Errorf("%d requests followed a redirect or a foreign configuration", n)
	}
}

// Without a trusted certificate, or at a private address that is not allowed, there is
// no request.
func TestEgressRules(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.routes["/jwks"] = text(200, string(set(jwk("a", "", ecPair().Public()))))
	port := p.URL[strings.LastIndex(p.URL, ":"):]
	for name, tt := range map[string]struct {
		o    Options
		url  string
		want string
	}{
		"private address":     {Options{Roots: p.roots()}, p.URL + "/jwks", egress.ErrAddress.Error()},
		"another host":        {Options{Roots: p.roots(), PrivateHosts: []string{"10.0.0.1", "*.internal"}}, p.URL + "/jwks", egress.ErrAddress.Error()},
		"a name for it":       {Options{Roots: p.roots(), PrivateHosts: []string{"127.0.0.1"}}, "https://localhost" + port + "/jwks", egress.ErrAddress.Error()},
		"mapped address":      {Options{Roots: p.roots(), PrivateHosts: []string{"127.0.0.1"}}, "https://[::ffff:127.0.0.1]" + port + "/jwks", egress.ErrAddress.Error()},
		"decimal address":     {Options{Roots: p.roots()}, "https://2130706433" + port + "/jwks", ErrUnreachable.Error()},
		"unknown certificate": {Options{PrivateHosts: []string{"127.0.0.1"}}, p.URL + "/jwks", "certificate"},
		"wrong name":          {Options{Roots: p.roots(), PrivateHosts: []string{"localhost"}}, "https://localhost" + port + "/jwks", "certificate"},
		"http":                {Options{PrivateHosts: []string{"127.0.0.1"}}, "http://127.0.0.1" + port + "/jwks", "https://"},
		"file":                {Options{}, "file:///etc/passwd", "want https://HOST/PATH"},
	} {
		f := NewFetcher(tt.o)
		f.pause = time.Millisecond
		if _, _, err := f.Keys(t.Context(), definition(tt.url)); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), port) {
			t.Errorf("%s: Keys = %v, want an error with %q and without the URL", name, err, tt.want)
		}
	}
	if n := p.calls.Load(); n > 0 {
		t.Errorf("%d requests reached the provider, want none", n)
	}
}

// An old TLS version is refused.
func TestOldTLS(t *testing.T) {
	t.Parallel()
	p := &provider{Server: httptest.NewUnstartedServer(text(200, "{}"))}
	p.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	p.StartTLS()
	t.Cleanup(p.Close)
	if _, _, err := p.fetcher().Keys(t.Context(), definition(p.URL)); !errors.Is(err, ErrUnreachable) {
		t.Errorf("Keys over TLS 1.1 = %v, want %v", err, ErrUnreachable)
	}
}

// A provider that does not answer holds nothing up beyond the caller's time.
func TestSlowProvider(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.routes["/slow"] = func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // a return would send an empty answer, which the client may still read
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, _, err := p.fetcher().Keys(ctx, definition(p.URL+"/slow")); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "in time") {
		t.Errorf("Keys = %v, want %v in time", err, ErrUnreachable)
	}
}
