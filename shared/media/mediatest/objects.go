package mediatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/callrecordings/api/shared/media"
)

// fits is the largest size in bytes that is delivered inline (contract, Document
// or audio).
const fits = 4_400_000

// sizes stores and reads whole objects, including an empty one and sizes around
// the boundaries of parts.
func sizes(t *testing.T, s *suite) {
	for _, size := range []int64{0, 1, fits, fits + 1, 8<<20 - 1, 8 << 20, 8<<20 + 1, 16 << 20} {
		t.Run(strconv.FormatInt(size, 10), func(t *testing.T) {
			key := s.put(t, "audio", "audio/mpeg", size)
			o := s.stat(t, key)
			if o.Size != size || o.ContentType != "audio/mpeg" {
				t.Errorf("Stat = %d bytes of %q, want %d of audio/mpeg", o.Size, o.ContentType, size)
			}
			if len(o.ETag) < 3 || o.ETag[0] != '"' || o.ETag[len(o.ETag)-1] != '"' {
				t.Errorf("ETag = %s, want it quoted", o.ETag)
			}
			age := s.h.Now().Sub(o.Modified)
			if o.Modified.Location() != time.UTC || o.Modified.Nanosecond() != 0 || age < -time.Minute || age > time.Minute {
				t.Errorf("Modified = %v, want now in UTC, to the second", o.Modified)
			}
			for _, etag := range []string{"", o.ETag} {
				body, opened, err := s.Open(t.Context(), key, etag, nil)
				if err != nil {
					t.Fatalf("Open(etag %s) = %v, want nil", etag, err)
				}
				if !reflect.DeepEqual(opened, o) {
					t.Errorf("Open(etag %s) = %+v, want the same as Stat, %+v", etag, opened, o)
				}
				same(t, "Open", body, pattern(0, size))
			}
		})
	}
}

// parts reads the first, the last and middle bytes of objects that were stored in
// one request and in parts.
func parts(t *testing.T, s *suite) {
	for _, size := range []int64{1, 1000, 8<<20 + 7} {
		key := s.put(t, strconv.FormatInt(size, 10), "audio/ogg", size)
		o := s.stat(t, key)
		for _, p := range []media.Part{
			{Offset: 0, Length: 1},
			{Offset: size - 1, Length: 1},
			{Offset: size / 3, Length: (size + 2) / 3},
			{Offset: 0, Length: size},
		} {
			for _, etag := range []string{"", o.ETag} {
				what := fmt.Sprintf("Open(%d bytes, %+v)", size, p)
				body, opened, err := s.Open(t.Context(), key, etag, &p)
				if err != nil {
					t.Errorf("%s = %v, want nil", what, err)
					continue
				}
				if !reflect.DeepEqual(opened, o) {
					t.Errorf("%s = %+v, want the whole object's %+v", what, opened, o)
				}
				same(t, what, body, pattern(p.Offset, p.Length))
			}
		}
	}
}

// changes requests an object by its old ETag after the object was overwritten.
func changes(t *testing.T, s *suite) {
	key := s.put(t, "audio", "audio/mpeg", 100)
	before := s.stat(t, key)
	if err := s.Put(t.Context(), key, "audio/x-wav", pattern(5, 90), 90); err != nil {
		t.Fatalf("Put over the object = %v, want nil", err)
	}
	for _, part := range []*media.Part{nil, {Offset: 10, Length: 5}} {
		_, _, err := s.Open(t.Context(), key, before.ETag, part)
		wantError(t, fmt.Sprintf("Open(the old ETag, %v)", part), err, media.ErrChanged)
	}
	after := s.stat(t, key)
	if after.ETag == before.ETag || after.Size != 90 || after.ContentType != "audio/x-wav" {
		t.Errorf("Stat = %+v, want another ETag, 90 bytes, audio/x-wav", after)
	}
	body, _, err := s.Open(t.Context(), key, after.ETag, nil)
	if err != nil {
		t.Fatalf("Open(the new ETag) = %v, want nil", err)
	}
	same(t, "the new object", body, pattern(5, 90))
}

func missing(t *testing.T, s *suite) {
	key := s.key(t, "nothing")
	_, err := s.Stat(t.Context(), key)
	wantError(t, "Stat", err, media.ErrNotFound)
	for _, part := range []*media.Part{nil, {Offset: 0, Length: 1}} {
		for _, etag := range []string{"", `"0123456789abcdef0123456789abcdef"`} {
			_, _, err = s.Open(t.Context(), key, etag, part)
			wantError(t, fmt.Sprintf("Open(etag %s, %v)", etag, part), err, media.ErrNotFound)
		}
	}
}

// keys checks that the store keeps keys byte for byte.
func keys(t *testing.T, s *suite) {
	for _, name := range []string{
		"202409-0123456789abcdef0123456789abcdef", "with space", "a+b", "a%2Fb", "100%", "a&b=c?d#e", "a@b.example",
		"über/Aufnahme-Ø-日本.mp3", "🎧", "quote\"'`", "semi;colon,comma:star*", "$!()[]{}|^~", `back\slash`,
		"..dots", "a..b", strings.Repeat("long", 50),
	} {
		key := s.key(t, name)
		if err := s.Put(t.Context(), key, "audio/mpeg", strings.NewReader(name), int64(len(name))); err != nil {
			t.Errorf("Put(%q) = %v, want nil", key, err)
			continue
		}
		body, _, err := s.Open(t.Context(), key, "", nil)
		if err != nil {
			t.Errorf("Open(%q) = %v, want nil", key, err)
			continue
		}
		same(t, "Open "+key, body, strings.NewReader(name))
		url, err := s.Presign(t.Context(), key, media.Grant{TTL: time.Minute})
		if err != nil {
			t.Errorf("Presign(%q) = %v, want nil", key, err)
			continue
		}
		fetch(t, http.MethodGet, url, nil, func(res *http.Response) {
			same(t, "presigned "+key, res.Body, strings.NewReader(name))
		})
	}
}

func types(t *testing.T, s *suite) {
	for _, want := range []string{"audio/mpeg", "audio/x-wav", "audio/ogg; codecs=opus", "application/octet-stream"} {
		key := s.put(t, "audio", want, 10)
		if got := s.stat(t, key).ContentType; got != want {
			t.Errorf("Stat: type %q, want %q", got, want)
		}
	}
}

// broken checks that failed uploads store nothing and leave the existing object.
func broken(t *testing.T, s *suite) {
	own := errors.New("the body's own error")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, size := range []int64{100, 8<<20 + 100, 17 << 20} {
		for _, c := range []struct {
			name string
			ctx  context.Context
			body io.Reader
			want error
		}{
			{"short", t.Context(), pattern(0, size-1), io.ErrUnexpectedEOF},
			{"long", t.Context(), pattern(0, size+1), nil},
			{"failing", t.Context(), io.MultiReader(pattern(0, size/2), iotest.ErrReader(own)), own},
			{"failing at the end", t.Context(), io.MultiReader(pattern(0, size), iotest.ErrReader(own)), own},
			{"canceled", ended, pattern(0, size), context.Canceled},
		} {
			what := fmt.Sprintf("Put(%d bytes, a %s body)", size, c.name)
			key := s.key(t, fmt.Sprint(c.name, size))
			err := s.Put(c.ctx, key, "audio/mpeg", c.body, size)
			if err == nil || (c.want != nil && !errors.Is(err, c.want)) {
				t.Errorf("%s = %v, want %v", what, err, c.want)
			}
			_, err = s.Stat(t.Context(), key)
			wantError(t, "Stat after "+what, err, media.ErrNotFound)
		}
	}
	key := s.put(t, "kept", "audio/mpeg", 50)
	if err := s.Put(t.Context(), key, "audio/ogg", pattern(0, 10), 60); err == nil {
		t.Error("Put of a short body over an object = nil, want an error")
	}
	if o := s.stat(t, key); o.Size != 50 || o.ContentType != "audio/mpeg" {
		t.Errorf("Stat afterwards = %+v, want the object unchanged", o)
	}
}

// removalIf checks that RemoveIf does not remove an object that has replaced the
// one with the given ETag.
func removalIf(t *testing.T, s *suite) {
	key := s.put(t, "x", "audio/mpeg", 10)
	before := s.stat(t, key)
	s.put(t, "x", "audio/mpeg", 11)
	after := s.stat(t, key)
	wantError(t, "RemoveIf of the old object", s.RemoveIf(t.Context(), key, before), media.ErrChanged)
	if o := s.stat(t, key); o.ETag != after.ETag {
		t.Errorf("Stat = %+v, want %+v", o, after)
	}
	for range 2 {
		if err := s.RemoveIf(t.Context(), key, after); err != nil {
			t.Errorf("RemoveIf = %v, want nil", err)
		}
		_, err := s.Stat(t.Context(), key)
		wantError(t, "Stat of a removed object", err, media.ErrNotFound)
	}
}

// reverts checks that Revert touches nothing if no earlier version has the size, or if another
// object is the current one. Whether the store keeps versions does not matter for that.
func reverts(t *testing.T, s *suite) {
	key := s.put(t, "x", "audio/mpeg", 10)
	before := s.stat(t, key)
	s.put(t, "x", "audio/mpeg", 11)
	after := s.stat(t, key)
	aside := func(context.Context, media.Object) error {
		t.Error("Revert called aside")
		return nil
	}
	wantError(t, "Revert to a size that no version has", s.Revert(t.Context(), key, after, 12, aside), media.ErrNotFound)
	wantError(t, "Revert to the size of the current version", s.Revert(t.Context(), key, after, 11, aside), media.ErrNotFound)
	wantError(t, "Revert of the old object", s.Revert(t.Context(), key, before, 10, aside), media.ErrChanged)
	if o := s.stat(t, key); o.ETag != after.ETag {
		t.Errorf("Stat = %+v, want %+v", o, after)
	}
}

func removal(t *testing.T, s *suite) {
	for _, size := range []int64{0, 10, 9 << 20} {
		key := s.put(t, strconv.FormatInt(size, 10), "audio/mpeg", size)
		url, err := s.Presign(t.Context(), key, media.Grant{TTL: time.Minute})
		if err != nil {
			t.Fatalf("Presign = %v, want nil", err)
		}
		for range 2 {
			if err := s.Remove(t.Context(), key); err != nil {
				t.Errorf("Remove = %v, want nil", err)
			}
			_, err := s.Stat(t.Context(), key)
			wantError(t, "Stat of a removed object", err, media.ErrNotFound)
			if got := status(t, http.MethodGet, url); got != http.StatusNotFound {
				t.Errorf("GET of a removed object = %d, want 404", got)
			}
		}
	}
}
