package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fewFiles is a script that runs the server with 300 open files at most.
const fewFiles = `#!/bin/sh
ulimit -n 300 && exec "$SERVER" "$@"
`

// A client without a token that opens many connections, and leaves them idle after one request
// each, keeps nobody out: others are answered, and a request that waits meanwhile goes on.
func TestIdleConnectionsKeepNobodyOut(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "server")
	if err := os.WriteFile(script, []byte(fewFiles), 0o700); err != nil {
		t.Fatal(err)
	}
	p := launchProgram(t, script, t.TempDir(), []string{"SERVER=" + os.Args[0], "FEED_WAIT_S=5"}, "--empty", "--token")
	base := p.vars["URL"]
	list := base + "/v2/accounts/" + p.vars["ACCOUNT_ID"] + "/recordings"
	get := func(url, prefer string) (status int, err error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			return 0, err
		}
		r.Header.Set("X-Auth-Token", p.vars["TOKEN"])
		r.Header.Set("Prefer", prefer)
		c := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := c.Do(r)
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp.StatusCode, err
	}
	waited := make(chan error, 1)
	go func() {
		status, err := get(list+"/changes", "wait=5")
		if err == nil && status != http.StatusOK {
			t.Errorf("the request that waits = %d, want 200", status)
		}
		waited <- err
	}()
	host := strings.TrimPrefix(base, "http://")
	for n := range 400 {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() //nolint:errcheck // it ends with the test
		_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("idle client %d got no answer: %v", n, err)
		}
		_ = resp.Body.Close()
	}
	if status, err := get(list, ""); status != http.StatusOK || err != nil {
		t.Errorf("another client got %d, %v, want 200", status, err)
	}
	if err := <-waited; err != nil {
		t.Errorf("the request that waits: %v", err)
	}
	if log := p.stderr.String(); strings.Contains(log, "too many open files") {
		t.Errorf("the server ran out of open files: %.300s", log)
	}
}
