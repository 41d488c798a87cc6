package mediatest

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing/iotest"

	"github.com/callrecordings/api/shared/media"
)

// Bucket is all of a bucket that jobs need.
type Bucket interface {
	media.Reader
	media.Writer
	media.Assembler
	media.Purger
}

// Broken is a bucket with objects that cannot be read.
type Broken struct {
	Bucket

	// Fails returns whether the nth read of a key fails, and after how many bytes.
	Fails func(key string, n int) (fails bool, after int64)

	mu     sync.Mutex
	opened map[string]int
}

// Opened returns how often a key was read.
func (b *Broken) Opened(key string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opened[key]
}

func (b *Broken) count(key string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.opened == nil {
		b.opened = map[string]int{}
	}
	b.opened[key]++
	return b.opened[key]
}

// Open implements [media.Reader]. Its errors are media.ErrUnavailable for reads that fail.
func (b *Broken) Open(ctx context.Context, key, etag string, part *media.Part) (io.ReadCloser, media.Object, error) {
	fails, after := b.Fails(key, b.count(key))
	if fails && after == 0 {
		return nil, media.Object{}, fmt.Errorf("%w: AccessDenied", media.ErrUnavailable)
	}
	body, o, err := b.Bucket.Open(ctx, key, etag, part)
	if err == nil && fails {
		return brokenBody{io.MultiReader(io.LimitReader(body, after), iotest.ErrReader(errReset)), body}, o, nil
	}
	return body, o, err
}

// brokenBody is a body that breaks off.
type brokenBody struct {
	io.Reader
	io.Closer
}

// errReset is the error of a connection that was reset.
var errReset = fmt.Errorf("%w: reset", media.ErrUnavailable)
