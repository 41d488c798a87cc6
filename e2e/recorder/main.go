// Command recorder is a proxy between the functions and an AWS emulator. It
// records which function makes which call on which resource.
//
//	recorder -listen 127.0.0.1:4600 -target http://127.0.0.1:4566 -out calls.jsonl
//
// It identifies a function by the application ID in the User-Agent of its SDK
// clients. It writes each distinct call once, as a line of JSON:
// {"function":"get","action":"dynamodb:GetItem","resource":"Table.Arn"}. Resources
// are written as in the policies of template.yaml (package stack).
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:4600", "`address` to listen on")
	target := flag.String("target", "http://127.0.0.1:4566", "the emulator's `URL`")
	out := flag.String("out", "calls.jsonl", "`file` to which calls are appended")
	flag.Parse()
	if err := run(*listen, *target, *out); err != nil {
		fmt.Fprintln(os.Stderr, "recorder:", err)
		os.Exit(1)
	}
}

func run(listen, target, out string) error {
	u, err := url.Parse(target)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Clean(out), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	r := &recorder{out: json.NewEncoder(file), seen: map[call]bool{}}
	r.next = &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(u)
		p.Out.Host = p.In.Host
	}}
	server := &http.Server{Addr: listen, Handler: r, ReadHeaderTimeout: 10 * time.Second}
	return errors.Join(server.ListenAndServe(), file.Close())
}

// recorder is the proxy's handler.
type recorder struct {
	next *httputil.ReverseProxy

	mu   sync.Mutex // guards the fields below
	out  *json.Encoder
	seen map[call]bool
	err  error
}

// maxBody is the maximum size of a request body in bytes that the recorder
// buffers. DynamoDB accepts no larger requests.
const maxBody = 1 << 20

// ServeHTTP records the call and forwards the request.
func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var body []byte
	if req.Header.Get(dynamoTarget) != "" {
		var err error
		if body, err = io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody)); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	for _, c := range callsOf(req, body) {
		if err := r.record(c); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	r.next.ServeHTTP(w, req)
}

// record writes a call to the file unless the file already contains it.
func (r *recorder) record(c call) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.seen[c] {
		r.seen[c] = true
		r.err = errors.Join(r.err, r.out.Encode(c))
	}
	return r.err
}
