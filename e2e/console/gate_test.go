//go:build e2e

package console

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/e2e/given"
)

// gate is a server between the browser and the service.
type gate struct {
	url string

	mu   sync.Mutex
	life time.Duration // of presigned URLs, if not 0
	meet func(*http.Request) http.HandlerFunc
	seen map[string]int // requests by method and path
}

// newGate starts a gate in front of the server.
func (s *site) newGate(t *testing.T) *gate {
	t.Helper()
	to, err := url.Parse(s.box.URL)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{seen: map[string]int{}}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(resp *http.Response) error {
			g.mu.Lock()
			life := g.life
			g.mu.Unlock()
			if resp.StatusCode != http.StatusFound || life == 0 {
				return nil
			}
			return given.Shorten(s.dir, resp, life)
		},
		// Browsers end requests that they no longer need.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.seen[r.Method+" "+r.URL.Path]++
		meet := g.meet
		g.mu.Unlock()
		if meet != nil {
			if h := meet(r); h != nil {
				h(w, r)
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections) // a browser keeps connections open
	g.url = server.URL
	return g
}

// handle lets meet choose the handler of each request from now on. If meet is nil or
// returns nil, the request goes to the service.
func (g *gate) handle(meet func(*http.Request) http.HandlerFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.meet = meet
}

// shortLived limits the life of presigned URLs.
func (g *gate) shortLived(life time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.life = life
}

// count returns how many requests with a method had a path with that end.
func (g *gate) count(method, end string) (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for request, times := range g.seen {
		if strings.HasPrefix(request, method+" ") && strings.HasSuffix(request, end) {
			n += times
		}
	}
	return n
}

// isAPI reports whether a request is for the API, and not for the page.
func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v2/accounts/") }

// refuse answers the first n requests for recordings with a method with an error. With
// n below 0, it answers all.
func refuse(method string, n, status int, header ...string) func(*http.Request) http.HandlerFunc {
	var mu sync.Mutex
	return func(r *http.Request) http.HandlerFunc {
		mu.Lock()
		defer mu.Unlock()
		if !isAPI(r) || r.Method != method || n == 0 {
			return nil
		}
		n--
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"data":{"message":"from the gate"},"error":"` + http.StatusText(status) + `","message":"gate","status":"error","request_id":"x","version":"1.0.0"}`))
		}
	}
}
