package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/callrecordings/api/e2e/given"
)

// redirected asks for the audio of a recording by way of a host name, and returns the
// URL that the API redirects to.
func redirected(t *testing.T, p *process, id, host string) *url.URL {
	t.Helper()
	path := p.vars["URL"] + "/v2/accounts/" + p.vars["ACCOUNT_ID"] + "/recordings/" + id + "?accept=audio/mpeg&delivery=redirect"
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", p.vars["TOKEN"])
	r.Host = host
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	to, err := answer.Location()
	if err != nil || answer.StatusCode != http.StatusFound || answer.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("Host: %s: %s, %v, Cache-Control %q, want 302 and no-store", host, answer.Status, err, answer.Header.Get("Cache-Control"))
	}
	return to
}

// A server on all addresses signs URLs for the host name that the client used. A
// malformed Host header is ignored, and so is any on a server with one address or with
// S3_PUBLIC_ENDPOINT.
func TestPresignedURLsHaveTheClientsHost(t *testing.T) {
	t.Parallel()
	n := given.Ports(t)
	port, s3Port := strconv.Itoa(n), strconv.Itoa(n+1)
	for _, c := range []struct {
		name string
		vars []string
		want map[string]string // host of the URL by Host header
	}{
		{"all addresses", []string{"HOST=0.0.0.0"}, map[string]string{
			"pbx.example.com:" + port: "pbx.example.com:" + s3Port, "192.0.2.7:" + port: "192.0.2.7:" + s3Port, "pbx": "pbx:" + s3Port,
			"[2001:db8::1]:" + port: "[2001:db8::1]:" + s3Port, "a@b": "127.0.0.1:" + s3Port, "a%2fb": "127.0.0.1:" + s3Port,
		}},
		{"one address", nil, map[string]string{"pbx.example.com:" + port: "127.0.0.1:" + s3Port}},
		{"a public endpoint", []string{"HOST=0.0.0.0", "S3_PUBLIC_ENDPOINT=https://audio.example.com"}, map[string]string{
			"pbx.example.com:" + port: "audio.example.com",
		}},
	} {
		dir := filepath.Join(t.TempDir(), "data")
		p := launchWith(t, dir, append(c.vars, "PORT="+port, "S3_PORT="+s3Port))
		id := ids(t, p.vars)[0]
		for host, want := range c.want {
			if to := redirected(t, p, id, host); to.Host != want {
				t.Errorf("%s: Host: %s: the URL is for %s, want %s", c.name, host, to.Host, want)
			}
		}
		if c.name == "all addresses" {
			playFrom(t, redirected(t, p, id, "pbx.example.com:"+port), "127.0.0.1:"+s3Port)
		}
		stop(t, p, syscall.SIGINT)
	}
}

// playFrom loads a presigned URL from the S3 server at addr, as if DNS resolved the
// URL's host to it. For any other host the signature is not valid.
func playFrom(t *testing.T, signed *url.URL, addr string) {
	t.Helper()
	for host, want := range map[string]int{signed.Host: http.StatusOK, "other.example.com": http.StatusForbidden} {
		at := *signed
		at.Host = addr
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at.String(), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("Host: %s: %s, want %d", host, answer.Status, want)
		}
	}
}

// An upload is signed for the host name that the client used, too.
func TestPresignedUploadsHaveTheClientsHost(t *testing.T) {
	t.Parallel()
	n := given.Ports(t)
	p := launchWith(t, filepath.Join(t.TempDir(), "data"), []string{"HOST=0.0.0.0", "PORT=" + strconv.Itoa(n), "S3_PORT=" + strconv.Itoa(n+1)}, "--empty")
	vars := map[string]string{"URL": strings.Replace(p.vars["URL"], "127.0.0.1", "localhost", 1), "ACCOUNT_ID": p.vars["ACCOUNT_ID"], "TOKEN": p.vars["TOKEN"]}
	a, err := ask(context.WithoutCancel(t.Context()), vars, http.MethodPut, "/recordings", `{"data":{"from":"1001@pbx.example.com"},"upload":{"content_type":"audio/mpeg"}}`)
	if err != nil || a.status != http.StatusCreated {
		t.Fatalf("PUT = %d, %v, want 201", a.status, err)
	}
	if want := `"url":"http://localhost:` + strconv.Itoa(n+1) + "/"; !strings.Contains(string(a.Data), want) {
		t.Errorf("the upload is %s, want %s", a.Data, want)
	}
	stop(t, p, syscall.SIGINT)
}
