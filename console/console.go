// Package console serves the console: a page on which people find, play and handle
// recordings. The page is plain HTML, CSS and ES modules in assets, embedded in the
// binary, and talks to the public API like any other client (console/README.md).
//
//	/console                  redirects to /console/
//	/console/                 the page, revalidated on every visit
//	/console/{version}/{name} an asset, cached for a year
//
// The version is a hash of all assets and of the Content-Security-Policy. The page
// refers to its assets by {version}/{name}, and they refer to each other by their
// relative names. So every name is immutable without a build step, and a page never
// mixes two versions that its browser has cached (docs/adr/018-console.md).
//
// The package reads no recording and needs no token. Everything that it serves is in
// the public repository.
package console

import (
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/callrecordings/api/shared/httpfield"
	"github.com/callrecordings/api/shared/requestlog"
)

// Path is the path of the page, relative to the root of the service. Redirects to it
// stay relative because a stage of API Gateway puts a segment before it.
const Path = "console/"

// Options configures a [Console].
type Options struct {
	// Origins returns the origins besides the page's own that serve audio, such as
	// "https://bucket.s3.eu-central-1.amazonaws.com": the Content-Security-Policy
	// allows only these. They may depend on the request's Host.
	Origins func(*http.Request) []string
	// Log gets one line per request; nil disables logging.
	Log *slog.Logger
	// Now is the clock; required.
	Now func() time.Time
}

// Console is the handler. It is safe for concurrent use.
type Console struct {
	Options

	assets *assets
	// last is the edition that the last request got. In the cloud there is only one.
	last atomic.Pointer[edition]
}

// New returns the console with the embedded assets.
func New(o Options) (*Console, error) {
	a, err := load(embedded, folder)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Console{Options: o, assets: a}, nil
}

// Serves reports whether an escaped path is the console's.
func Serves(escapedPath string) bool {
	rest, ok := strings.CutPrefix(escapedPath, "/console")
	return ok && (rest == "" || rest[0] == '/')
}

// ServeHTTP implements [http.Handler].
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	entry := &requestlog.Entry{
		GatewayID: requestlog.GatewayID(r.Context()), Route: "console", Method: "other", Start: c.Now(),
	}
	entry.RequestID = entry.GatewayID
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		entry.Method = r.Method
	}
	entry.Status, entry.Bytes = c.answer(w, r)
	entry.Duration = c.Now().Sub(entry.Start)
	entry.Log(r.Context(), c.Log, nil)
}

// Precheck answers the whole request. A server that holds whole bodies in memory
// calls it before it reads a body. The console needs no body (gateway.Prechecker).
func (c *Console) Precheck(w http.ResponseWriter, r *http.Request) bool {
	c.ServeHTTP(w, r)
	return false
}

// answer answers a request and returns the status and the length of the body.
func (c *Console) answer(w http.ResponseWriter, r *http.Request) (status int, length int64) {
	e := c.edition(r)
	h := w.Header()
	for _, field := range securityHeaders {
		h.Set(field.name, field.value)
	}
	h.Set("Content-Security-Policy", e.policy)
	if id := requestlog.GatewayID(r.Context()); id != "" {
		h.Set("X-Request-Id", id)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		return plain(w, r, http.StatusMethodNotAllowed)
	}
	rest := strings.TrimPrefix(r.URL.EscapedPath(), "/console")
	if rest == "" {
		h.Set("Location", Path)
		h.Set("Cache-Control", "no-cache")
		return plain(w, r, http.StatusPermanentRedirect)
	}
	rest = rest[1:]
	if rest == "" || rest == indexName {
		return send(w, r, e.index, "no-cache")
	}
	version, name, _ := strings.Cut(rest, "/")
	asset, ok := c.assets.byName[name]
	switch {
	case !ok:
		return plain(w, r, http.StatusNotFound)
	case version != e.version:
		// While functions are being replaced, the page may come from one version and its
		// assets from the other. The page may work, and no cache keeps the mixture.
		return send(w, r, asset, "no-store")
	}
	return send(w, r, asset, "public, max-age=31536000, immutable")
}

// edition returns the edition for the policy of a request.
func (c *Console) edition(r *http.Request) *edition {
	policy := policy(c.Origins(r))
	if e := c.last.Load(); e != nil && e.policy == policy {
		return e
	}
	e := c.assets.edition(policy)
	c.last.Store(e)
	return e
}

// send answers with a file, or with 304 or 412, depending on the request's conditions. It
// compresses the file if the client accepts gzip.
func send(w http.ResponseWriter, r *http.Request, f *file, caching string) (status int, length int64) {
	body, etag := f.body, f.etag
	h := w.Header()
	if f.gzip != nil {
		h.Set("Vary", "Accept-Encoding")
		if httpfield.AcceptsGzip(r.Header.Values("Accept-Encoding")) {
			// Another representation needs another strong entity tag (RFC 9110, 8.8.3.3).
			body, etag = f.gzip(), strings.TrimSuffix(f.etag, `"`)+`-gzip"`
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("Etag", etag)
	h.Set("Cache-Control", caching)
	switch (httpfield.Validators{ETag: etag}).Evaluate(r.Header) {
	case httpfield.NotModified:
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return http.StatusNotModified, 0
	case httpfield.PreconditionFailed:
		h.Del("Content-Encoding")
		return plain(w, r, http.StatusPreconditionFailed)
	case httpfield.Proceed:
	}
	h.Set("Content-Type", f.kind)
	return write(w, r, http.StatusOK, body)
}

// plain answers with a status and its text.
func plain(w http.ResponseWriter, r *http.Request, status int) (int, int64) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	return write(w, r, status, []byte(http.StatusText(status)+"\n"))
}

// write sends a body, or only its length to HEAD. It ignores the error of a client that
// has disconnected.
func write(w http.ResponseWriter, r *http.Request, status int, body []byte) (int, int64) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return status, 0
	}
	n, _ := w.Write(body)
	return status, int64(n)
}
