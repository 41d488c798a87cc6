// Package attempttest has what a server may do to an AWS client instead of answering, for the tests
// of time-outs and retries.
package attempttest

import (
	"io"
	"net"
	"net/http"
	"testing"
)

// HangUp closes the connection, after what has been written so far.
func HangUp(w http.ResponseWriter) {
	rc := http.NewResponseController(w)
	_ = rc.Flush()
	if conn, _, err := rc.Hijack(); err == nil {
		_ = conn.Close()
	}
}

// NoAnswer sends nothing until the client disconnects.
func NoAnswer(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
	}
}

// ClosedAddress returns the URL of a port that refuses connections.
func ClosedAddress(t testing.TB) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return "http://" + l.Addr().String()
}
