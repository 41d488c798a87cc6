package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// silent is a body that sends nothing until it is closed.
type silent struct{ closed chan struct{} }

func (s silent) Read([]byte) (int, error) {
	<-s.closed
	return 0, errors.New("closed")
}

func (s silent) Close() error { return nil }

// Audio that stops arriving ends with an error instead of waiting for ever.
func TestStalledAudio(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		body := silent{make(chan struct{})}
		s := newStalling(body, func(error) { close(body.closed) }, time.Minute)
		began := time.Now()
		if _, err := io.ReadAll(s); !errors.Is(err, ErrStalled) || time.Since(began) != time.Minute {
			t.Errorf("read = %v after %s, want %v", err, time.Since(began), ErrStalled)
		}
	})
}

// transport answers each request with a body that sends nothing until the request ends.
type transport struct{}

// RoundTrip answers a request.
func (transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body := silent{make(chan struct{})}
	context.AfterFunc(r.Context(), func() { close(body.closed) })
	return &http.Response{StatusCode: http.StatusOK, Body: body, Request: r}, nil
}

// So does a file of a job.
func TestStalledFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := Client{http: &http.Client{Transport: transport{}}}
		began := time.Now()
		err := c.File(t.Context(), &JobFile{URL: "http://bucket.test/copy.zip"}, io.Discard)
		if !errors.Is(err, ErrStalled) || time.Since(began) != stallTime {
			t.Errorf("File = %v after %s, want %v after %s", err, time.Since(began), ErrStalled, stallTime)
		}
	})
}
