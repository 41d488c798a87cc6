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

// gatewayName is the name by which nginx knows the recordings service.
const gatewayName = "recordings.test"

// log keeps the requests that a stand-in got.
type log struct {
	mu   sync.Mutex
	seen []*http.Request
}

func (l *log) add(r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, r.Clone(context.WithoutCancel(r.Context())))
}

// take returns what came since the last take.
func (l *log) take() []*http.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := l.seen
	l.seen = nil
	return seen
}

// gateway stands in for an API Gateway before the local server: it is reached
// by TLS, by its own name and below its stage only.
type gateway struct {
	log
	port int
	addr atomic.Value // the address that its name has at the moment
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
	// On every loopback address, so that the name can move.
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

// startNames starts a name server that gives every name g's address of the
// moment, good for one second, and returns where it listens.
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

// answer is a name server's answer (RFC 1035, 4) to a query for one address.
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

// kazoo stands in for everything that is not recordings.
type kazoo struct {
	log
	url     string
	release chan struct{} // lets /v2/stream go on
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

// upload takes the first byte, tells that it has it, and hashes the body.
func (k *kazoo) upload(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	_, err := io.CopyN(hash, r.Body, 1)
	k.release <- struct{}{}
	n, err2 := io.Copy(hash, r.Body)
	_, _ = fmt.Fprint(w, n+1, " ", hex.EncodeToString(hash.Sum(nil)), " ", err, " ", err2, " ", r.TransferEncoding)
}

// stream sends a line, waits until the client has told of it, and ends.
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

// headers sends what a proxy might think is its own.
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

// large is more than any buffer of a proxy.
func large(w http.ResponseWriter, _ *http.Request) {
	line := strings.Repeat("0123456789abcde\n", 64)
	for range 10 * 1024 {
		_, _ = io.WriteString(w, line)
	}
}

// status answers with the status asked for, and says so.
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
