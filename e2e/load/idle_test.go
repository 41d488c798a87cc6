//go:build e2e

package load_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/e2e/given"
)

const (
	// openFiles is how many files the server of TestIdleConnections may open.
	openFiles = 2000
	// idleClients is how many connections one client opens.
	idleClients = 2100
)

// TestIdleConnections has one client without a token open more connections than the server may
// have open files. Each sends one request, and then stays idle. Clients of an account must go
// on being served by both ports, and no file must fail to open.
func TestIdleConnections(t *testing.T) {
	seconds := setting(t, "SECONDS", 60)
	bin := given.Programs(t, "github.com/callrecordings/api/local")
	script := filepath.Join(bin, "few-files")
	text := fmt.Sprintf("#!/bin/sh\nulimit -n %d && exec '%s' \"$@\"\n", openFiles, filepath.Join(bin, "local"))
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	server := given.StartBox(t, script, data, given.Ports(t), "LOG_LEVEL=warn")
	w := &world{t: t, url: server.URL, s3: server.S3, tokens: tokens(t, data), wrong: map[string]int{}, clients: &http.Client{
		Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	w.played = w.create(otherAccount, tone(0, 64<<10))
	w.playedURL = w.link(otherAccount, w.played)
	host := strings.TrimPrefix(w.url, "http://")
	for n := range idleClients {
		c, err := idle(t, host)
		if err != nil {
			t.Fatalf("idle client %d: %v", n, err)
		}
		defer c.Close() //nolint:errcheck // it ends with the test
	}
	t.Logf("%d idle connections were opened: %s", idleClients, measure(t, server.PID()))
	w.end = time.Now().Add(time.Duration(min(seconds, 30)) * time.Second)
	done := make(chan struct{})
	go func() {
		w.play()
		close(done)
	}()
	w.observe()
	<-done
	w.answered.Add(w.served.Load()) // there is no other load
	w.report(min(seconds, 30))
	log, err := os.ReadFile(server.Log)
	if n := strings.Count(string(log), "too many open files"); n > 0 || err != nil {
		t.Errorf("%d files could not be opened, %v", n, err)
	}
}

// idle opens a connection, and gets the answer to one request.
func idle(t *testing.T, host string) (net.Conn, error) {
	t.Helper()
	c, err := (&net.Dialer{Timeout: patience}).DialContext(t.Context(), "tcp", host)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, head(http.MethodGet, "/", host, "")); err != nil {
		return c, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return c, err
	}
	return c, resp.Body.Close()
}
