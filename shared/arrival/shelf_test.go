package arrival_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"callrecordings/shared/media"
)

// errKilled is what all calls of a killed function come to.
var errKilled = errors.New("killed")

// object is one of a shelf.
type object struct {
	media.Object
	body []byte
}

// shelf is an object store in memory that keeps package media's promises: what
// s3media passes its suite for. Faults are set between calls.
type shelf struct {
	objects map[string]object
	now     func() time.Time
	// meanwhile, once, is done before the next body is read.
	meanwhile func()
	// fault, if not nil, is asked before and after each call.
	fault func(after bool) error
	// opened are the lengths of the parts that were read.
	opened []int64
}

var _ media.Receiver = (*shelf)(nil)

func (s *shelf) put(key, contentType string, body []byte) {
	sum := md5.Sum(body)
	s.objects[key] = object{media.Object{
		ContentType: contentType, Size: int64(len(body)), ETag: `"` + hex.EncodeToString(sum[:]) + `"`,
		Modified: s.now().UTC().Truncate(time.Second), SHA256: sha(body),
	}, body}
}

// call is one call under the shelf's faults.
func (s *shelf) call(do func() error) error {
	if s.fault == nil {
		return do()
	}
	if err := s.fault(false); err != nil {
		return err
	}
	return errors.Join(do(), s.fault(true))
}

func (s *shelf) find(key, etag string) (object, error) {
	o, ok := s.objects[key]
	switch {
	case !ok:
		return o, fmt.Errorf("%w: %s", media.ErrNotFound, key)
	case etag != "" && etag != o.ETag:
		return o, fmt.Errorf("%w: %s", media.ErrChanged, key)
	}
	return o, nil
}

func (s *shelf) Stat(ctx context.Context, key string) (media.Object, error) {
	o, err := s.Examine(ctx, key)
	o.SHA256 = ""
	return o, err
}

func (s *shelf) Examine(_ context.Context, key string) (found media.Object, err error) {
	err = s.call(func() error {
		o, err := s.find(key, "")
		found = o.Object
		return err
	})
	return found, err
}

func (s *shelf) Open(_ context.Context, key, etag string, part *media.Part) (body io.ReadCloser, found media.Object, err error) {
	err = s.call(func() error {
		if do := s.meanwhile; do != nil {
			s.meanwhile = nil
			do()
		}
		o, err := s.find(key, etag)
		if err != nil {
			return err
		}
		b := o.body
		if part != nil {
			b = b[part.Offset : part.Offset+part.Length]
		}
		s.opened = append(s.opened, int64(len(b)))
		body, found = io.NopCloser(bytes.NewReader(b)), o.Object
		return nil
	})
	return body, found, err
}

func (s *shelf) List(_ context.Context, prefix, after string) (keys []string, err error) {
	err = s.call(func() error {
		for _, key := range slices.Sorted(maps.Keys(s.objects)) {
			if strings.HasPrefix(key, prefix) && key > after {
				keys = append(keys, key)
			}
		}
		return nil
	})
	return keys, err
}

func (s *shelf) Presign(context.Context, string, media.Grant) (string, error) {
	return "", errors.New("not asked for")
}

func (s *shelf) Remove(_ context.Context, key string) error {
	return s.call(func() error {
		delete(s.objects, key)
		return nil
	})
}

func (s *shelf) Copy(_ context.Context, from, etag, to string) error {
	return s.call(func() error {
		o, err := s.find(from, etag)
		if err == nil {
			s.objects[to] = o
		}
		return err
	})
}
