//go:build e2e

package front

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// gatewayName is the host name of the recordings service in nginx's
// configuration.
const gatewayName = "recordings.test"

// log records the requests to a stand-in.
type log struct {
	mu   sync.Mutex
	seen []*http.Request
}

func (l *log) add(r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, r.Clone(context.WithoutCancel(r.Context())))
}

// take returns the requests since the last take.
func (l *log) take() []*http.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := l.seen
	l.seen = nil
	return seen
}

// gateway stands in for an API Gateway in front of the local server. It accepts
// only TLS requests for its own name and stage.
type gateway struct {
	log
	port int
	addr atomic.Value // the current IP address of its name
}

func startGateway(t *testing.T, cert tls.Certificate, local string) *gateway {
	t.Helper()
	g := &gateway{}
	to, err := url.Parse(local)
	if err != nil {
		t.Fatal(err)
	}
	onward := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL, err = url.ParseRequestURI(strings.TrimPrefix(r.In.RequestURI, "/live"))
		if err != nil {
			t.Errorf("gateway: %v", err)
			r.Out.URL = &url.URL{Path: "/"}
		}
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = to.Scheme, to.Host, to.Host
	}}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.add(r)
		switch {
		case r.TLS.ServerName != gatewayName || r.Host != net.JoinHostPort(gatewayName, strconv.Itoa(g.port)):
			http.Error(w, fmt.Sprintf("reached as %q, %q", r.TLS.ServerName, r.Host), http.StatusForbidden)
		case !strings.HasPrefix(r.RequestURI, "/live/"):
			http.Error(w, "no such stage", http.StatusForbidden)
		default:
			onward.ServeHTTP(w, r)
		}
	})
	// Listen on all addresses, so that testMoved can change the address.
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	g.port = listener.Addr().(*net.TCPAddr).Port
	g.addr.Store("127.0.0.1")
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: handler}, TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return g
}

// startNames starts a name server and returns its address. It answers every
// query with g's current address, with a TTL of one second.
func startNames(t *testing.T, g *gateway) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		query := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(query)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(answer(query[:n], net.ParseIP(g.addr.Load().(string)).To4()), from)
		}
	}()
	return conn.LocalAddr().String()
}

// answer returns a name server's answer (RFC 1035, 4) to a query for an A record.
func answer(query []byte, ip net.IP) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5
	out := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[12:end]...)
	if binary.BigEndian.Uint16(query[end-4:]) != 1 { // not A
		return out
	}
	out[7] = 1
	out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4) // the name at 12, A, IN, 1 s, 4 bytes
	return append(out, ip...)
}

// kazoo stands in for Kazoo's API, that is, for everything except recordings.
type kazoo struct {
	log
	url     string
	release chan struct{} // synchronizes /v2/stream and /v2/upload with the test
}

func startKazoo(t *testing.T) *kazoo {
	t.Helper()
	k := &kazoo{release: make(chan struct{})}
	mux := map[string]http.HandlerFunc{
		"/v2/upload": k.upload, "/v2/stream": k.stream, "/v2/headers": k.headers, "/v2/websocket": upgrade, "/v2/large": large, "/v2/status": status,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.add(r)
		if h, ok := mux[r.URL.Path]; ok {
			h(w, r)
			return
		}
		_, _ = io.WriteString(w, "kazoo")
	}))
	t.Cleanup(server.Close)
	k.url = server.URL
	return k
}

// upload reads the first byte, signals its arrival on release, and answers with the
// hash of the body.
func (k *kazoo) upload(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	_, err := io.CopyN(hash, r.Body, 1)
	k.release <- struct{}{}
	n, err2 := io.Copy(hash, r.Body)
	_, _ = fmt.Fprint(w, n+1, " ", hex.EncodeToString(hash.Sum(nil)), " ", err, " ", err2, " ", r.TransferEncoding)
}

// stream sends a line, waits until the test has received it, and sends another.
func (k *kazoo) stream(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "first\n")
	_ = http.NewResponseController(w).Flush()
	select {
	case <-k.release:
	case <-time.After(10 * time.Second):
		return
	case <-r.Context().Done():
		return
	}
	_, _ = io.WriteString(w, "last\n")
}

// headers sends headers that a proxy might replace or act on.
func (k *kazoo) headers(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h["Set-Cookie"] = []string{"a=1; Path=/", "b=2; HttpOnly"}
	h.Set("Server", "Cowboy")
	h.Set("Date", "Thu, 01 Jan 1998 00:00:00 GMT")
	h.Set("X-Auth-Token", "fresh")
	h.Set("X-Accel-Redirect", "/v2/user_auth")
	h.Set("Location", k.url+"/v2/elsewhere")
	h.Set("ETag", `"strong"`)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Www-Authenticate", "Basic")
	_, _ = io.WriteString(w, strings.Repeat("<p>compressible</p>", 1000))
}

// large sends 10 MB, which is larger than any proxy buffer.
func large(w http.ResponseWriter, _ *http.Request) {
	line := strings.Repeat("0123456789abcde\n", 64)
	for range 10 * 1024 {
		_, _ = io.WriteString(w, line)
	}
}

// status answers with the requested status, both as the HTTP status and in the body.
func status(w http.ResponseWriter, r *http.Request) {
	code, _ := strconv.Atoi(r.URL.Query().Get("code"))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `{"error":"%d"}`, code)
}

// upgrade echoes one line over an upgraded connection.
func upgrade(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "websocket" || !strings.EqualFold(r.Header.Get("Connection"), "upgrade") {
		http.Error(w, "no upgrade", http.StatusBadRequest)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = buffered.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	_ = buffered.Flush()
	line, _ := buffered.ReadString('\n')
	_, _ = buffered.WriteString("echo " + line)
	_ = buffered.Flush()
}
