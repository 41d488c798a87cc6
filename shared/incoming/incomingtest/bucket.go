// Package incomingtest holds helpers for tests of incoming recordings: a bucket in
// memory, and a killer that ends an invocation at any of its outside calls.
package incomingtest

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // ETags are MD5 sums
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/media"
)

// Object is an object of a Bucket.
type Object struct {
	media.Object
	Body []byte
}

// Bucket is an object store in memory with the guarantees of package media, for
// which s3media passes its test suite. It is not safe for concurrent use.
type Bucket struct {
	Objects map[string]Object
	// Earlier has the objects that Put has replaced, by their keys, the oldest first.
	Earlier map[string][]Object
	Now     func() time.Time
	// BeforeOpen, if not nil, runs once, before the next body is opened.
	BeforeOpen func()
	// Fault, if not nil, is called before and after each call and may fail it.
	Fault func(after bool) error
	// Calls is the number of calls.
	Calls int
}

var _ media.Objects = (*Bucket)(nil)

// NewBucket returns an empty bucket.
func NewBucket(now func() time.Time) *Bucket {
	return &Bucket{Objects: map[string]Object{}, Earlier: map[string][]Object{}, Now: now}
}

// Put stores an object with the uploader's metadata.
func (b *Bucket) Put(key, contentType string, body []byte, metadata map[string]string) {
	sum := md5.Sum(body) //nolint:gosec // an ETag
	if old, ok := b.Objects[key]; ok {
		b.Earlier[key] = append(b.Earlier[key], old)
	}
	b.Objects[key] = Object{media.Object{
		ContentType: contentType, Size: int64(len(body)), ETag: `"` + hex.EncodeToString(sum[:]) + `"`,
		Modified: b.Now().UTC().Truncate(time.Second), SHA256: SHA256(body), Metadata: metadata,
	}, body}
}

// Revert implements media.Reverter.
func (b *Bucket) Revert(ctx context.Context, key string, examined media.Object, size int64, aside func(context.Context, media.Object) error) error {
	return b.call(func() error {
		if _, err := b.find(key, examined.ETag); err != nil {
			return err
		}
		target := len(b.Earlier[key]) - 1
		for target >= 0 && size != 0 && b.Earlier[key][target].Size != size {
			target--
		}
		if target < 0 {
			return fmt.Errorf("%w: an earlier version of %s", media.ErrNotFound, key)
		}
		for last := len(b.Earlier[key]) - 1; last >= target; last-- {
			if err := aside(ctx, b.Objects[key].Object); err != nil {
				return err
			}
			b.Objects[key], b.Earlier[key] = b.Earlier[key][last], b.Earlier[key][:last]
		}
		return nil
	})
}

// SHA256 returns the checksum of b in lower-case hex.
func SHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// call makes one call and applies Fault.
func (b *Bucket) call(do func() error) error {
	b.Calls++
	if b.Fault == nil {
		return do()
	}
	if err := b.Fault(false); err != nil {
		return err
	}
	return errors.Join(do(), b.Fault(true))
}

func (b *Bucket) find(key, etag string) (Object, error) {
	o, ok := b.Objects[key]
	switch {
	case !ok:
		return o, fmt.Errorf("%w: %s", media.ErrNotFound, key)
	case etag != "" && etag != o.ETag:
		return o, fmt.Errorf("%w: %s", media.ErrChanged, key)
	}
	return o, nil
}

// Stat implements media.Reader.
func (b *Bucket) Stat(ctx context.Context, key string) (media.Object, error) {
	o, err := b.Examine(ctx, key)
	o.SHA256 = ""
	return o, err
}

// Examine implements media.Objects.
func (b *Bucket) Examine(_ context.Context, key string) (found media.Object, err error) {
	err = b.call(func() error {
		o, err := b.find(key, "")
		found = o.Object
		return err
	})
	return found, err
}

// Open implements media.Reader.
func (b *Bucket) Open(_ context.Context, key, etag string, part *media.Part) (body io.ReadCloser, found media.Object, err error) {
	err = b.call(func() error {
		if do := b.BeforeOpen; do != nil {
			b.BeforeOpen = nil
			do()
		}
		o, err := b.find(key, etag)
		if err != nil {
			return err
		}
		text := o.Body
		if part != nil {
			text = text[part.Offset : part.Offset+part.Length]
		}
		body, found = io.NopCloser(bytes.NewReader(text)), o.Object
		return nil
	})
	return body, found, err
}

// List implements media.Lister.
func (b *Bucket) List(_ context.Context, prefix, after string) (keys []string, err error) {
	err = b.call(func() error {
		for _, key := range slices.Sorted(maps.Keys(b.Objects)) {
			if strings.HasPrefix(key, prefix) && key > after && len(keys) < media.MaxList {
				keys = append(keys, key)
			}
		}
		return nil
	})
	return keys, err
}

// Presign implements media.Reader. No test needs it.
func (b *Bucket) Presign(context.Context, string, media.Grant) (string, error) {
	return "", errors.New("not supported")
}

// Remove implements media.Remover.
func (b *Bucket) Remove(_ context.Context, key string) error {
	return b.call(func() error {
		delete(b.Objects, key)
		return nil
	})
}

// Purge implements media.Purger.
func (b *Bucket) Purge(ctx context.Context, keys []string, confirm func(context.Context) error) error {
	return b.call(func() error {
		if confirm != nil {
			if err := confirm(ctx); err != nil {
				return err
			}
		}
		for _, key := range keys {
			delete(b.Objects, key)
		}
		return nil
	})
}

// RemoveIf implements media.Objects.
func (b *Bucket) RemoveIf(_ context.Context, key string, examined media.Object) error {
	return b.call(func() error {
		o, err := b.find(key, examined.ETag)
		switch {
		case err == nil && !o.Modified.Equal(examined.Modified):
			return fmt.Errorf("%w: %s", media.ErrChanged, key)
		case errors.Is(err, media.ErrNotFound):
			return nil
		case err == nil:
			delete(b.Objects, key)
		}
		return err
	})
}

// Copy implements media.Objects.
func (b *Bucket) Copy(_ context.Context, from, etag, to string) error {
	return b.call(func() error {
		o, err := b.find(from, etag)
		if err == nil {
			b.Objects[to] = o
		}
		return err
	})
}
