package api

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"callrecordings/shared/media"
)

// scriptedPutter answers each call of PutNew by the script. A nil step hangs until
// the context ends.
type scriptedPutter struct {
	script []func() error
	calls  int
}

func (p *scriptedPutter) PutNew(ctx context.Context, _, _ string, _ []byte) error {
	step := p.script[min(p.calls, len(p.script)-1)]
	p.calls++
	if step == nil {
		<-ctx.Done()
		return errors.Join(media.ErrUnavailable, ctx.Err())
	}
	return step()
}

func TestPutNewEnds(t *testing.T) {
	t.Parallel()
	done := func() error { return nil }
	occupied := func() error { return media.ErrOccupied }
	failed := func() error { return media.ErrUnavailable }
	for _, c := range []struct {
		name   string
		script []func() error
		left   time.Duration // until the deadline of the request
		want   error
		calls  int
		took   time.Duration
	}{
		{"stored", []func() error{done}, time.Minute, nil, 1, 0},
		{"one failure", []func() error{failed, done}, time.Minute, nil, 2, 0},
		{"two failures", []func() error{failed}, time.Minute, media.ErrUnavailable, 2, 0},
		{"one attempt hangs", []func() error{nil, done}, time.Minute, nil, 2, putAttempt},
		{"S3 hangs", []func() error{nil}, time.Minute, media.ErrUnavailable, 2, 2 * putAttempt},
		{"the first answer was lost", []func() error{nil, occupied}, time.Minute, media.ErrOccupied, 2, putAttempt},
		{"other audio", []func() error{occupied}, time.Minute, media.ErrOccupied, 1, 0},
		{"the request ends first", []func() error{nil}, time.Second, media.ErrUnavailable, 1, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.left)
				defer cancel()
				p := &scriptedPutter{script: c.script}
				begun := time.Now()
				err := putNew(ctx, p, "key", "audio/mpeg", nil)
				took := time.Since(begun)
				if !errors.Is(err, c.want) || p.calls != c.calls || took != c.took || took >= 10*time.Second {
					t.Errorf("putNew = %v after %d calls and %v, want %v after %d and %v", err, p.calls, took, c.want, c.calls, c.took)
				}
			})
		})
	}
}
