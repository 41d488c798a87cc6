package client

import (
	"errors"
	"io"
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
