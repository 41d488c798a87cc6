package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/config"
)

// healthTime is how long a health check may take.
const healthTime = 5 * time.Second

// health checks that the server with the same settings serves: the API, with its
// database, and the S3 server. It prints one line. A container has no other program
// that could check.
func (e env) health(ctx context.Context) error {
	s, err := config.Load(e.getenv, config.Local)
	if err != nil {
		return err
	}
	if s.Port == "0" || s.S3Port == "0" {
		return errors.New("a health check needs the ports: set PORT and S3_PORT as for the server")
	}
	if s.DataDir == "" {
		s.DataDir = datadir.Default
	}
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	if isUnspecified(s.Host) {
		s.Host = "127.0.0.1"
	}
	api := "http://" + net.JoinHostPort(s.Host, s.Port)
	if s.S3Port == "" {
		n, _ := strconv.Atoi(s.Port) // config has checked it
		s.S3Port = strconv.Itoa(n + 1)
	}
	// Without a signature, S3 answers 403; that is enough to see that it serves.
	if err := expect(ctx, "http://"+net.JoinHostPort(s.Host, s.S3Port)+"/", "", http.StatusForbidden); err != nil {
		return fmt.Errorf("the S3 server: %w", err)
	}
	path, token, err := healthRequest(s, e.now())
	if err != nil {
		return err
	}
	if err := expect(ctx, api+path, token, http.StatusOK); err != nil {
		return fmt.Errorf("the API: %w", err)
	}
	_, err = fmt.Fprintf(e.stdout, "serving at %s\n", api)
	return err
}

// healthRequest returns a request that the API must answer with 200. It is a list, and
// so reads the database. If TOKEN_KEYS cannot sign a token for a list, it is the API's
// definition.
func healthRequest(s config.Settings, now time.Time) (path, token string, err error) {
	dir, err := datadir.Open(s.DataDir)
	if err != nil {
		return "", "", err
	}
	b := &box{dir: dir, settings: s}
	token, err = auth.Sign(b.tokenKeys(), auth.Claims{Account: dir.Keys.Account, Expires: now.Add(healthTime)})
	if errors.Is(err, auth.ErrNoSigningKey) {
		return "/v2/openapi.json", "", nil
	}
	return "/v2/accounts/" + dir.Keys.Account + "/recordings?page_size=1", token, err
}

// expect sends a GET and returns an error unless the answer has the status.
func expect(ctx context.Context, url, token string, status int) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	if token != "" {
		r.Header.Set("X-Auth-Token", token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	_, err = io.Copy(io.Discard, answer.Body)
	if answer.StatusCode != status {
		return fmt.Errorf("%s answers %s, want %d", url, answer.Status, status)
	}
	return err
}
