package judge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/audiofile"
	"github.com/callrecordings/api/shared/media"
)

// stream is a media.Reader of one object.
type stream struct {
	media.Reader
	body  []byte
	parts []media.Part
	open  int
}

func (s *stream) Open(ctx context.Context, _, etag string, p *media.Part) (io.ReadCloser, media.Object, error) {
	switch {
	case etag != "tag":
		return nil, media.Object{}, media.ErrChanged
	case ctx.Err() != nil:
		return nil, media.Object{}, fmt.Errorf("%w: %w", media.ErrUnavailable, ctx.Err())
	}
	s.parts = append(s.parts, *p)
	s.open++
	return &closing{bytes.NewReader(s.body[p.Offset : p.Offset+p.Length]), s}, media.Object{}, nil
}

type closing struct {
	io.Reader
	s *stream
}

func (c *closing) Close() error {
	c.s.open--
	return nil
}

// Reads in any order return the object's bytes, and every body is closed.
func TestObjectReadsTheObjectsBytes(t *testing.T) {
	t.Parallel()
	body := make([]byte, 10_000)
	for i := range body {
		body[i] = byte(i * 7)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := &stream{body: body}
		o := &object{ctx: context.Background(), media: s, key: "k", etag: "tag", size: int64(len(body))}
		for range rapid.IntRange(1, 20).Draw(t, "reads") {
			off := rapid.Int64Range(-1, int64(len(body))+10).Draw(t, "offset")
			if rapid.Bool().Draw(t, "continue") {
				off = o.at
			}
			p := make([]byte, rapid.IntRange(1, 3000).Draw(t, "length"))
			n, err := o.ReadAt(p, off)
			if off < 0 || off >= int64(len(body)) {
				if n != 0 || !errors.Is(err, io.EOF) {
					t.Fatalf("ReadAt(%d) = %d, %v, want the end", off, n, err)
				}
				continue
			}
			available := min(len(p), len(body)-int(off))
			if n != available || !bytes.Equal(p[:n], body[off:off+int64(n)]) || (err != nil) != (available < len(p)) {
				t.Fatalf("ReadAt(%d bytes at %d) = %d, %v", len(p), off, n, err)
			}
		}
		o.close()
		if s.open != 0 {
			t.Fatalf("%d bodies are still open", s.open)
		}
	})
}

func TestLongReadNeedsFewRequests(t *testing.T) {
	t.Parallel()
	s := &stream{body: make([]byte, 100<<20)}
	o := &object{ctx: t.Context(), media: s, key: "k", etag: "tag", size: int64(len(s.body))}
	if n, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{io.NewSectionReader(o, 0, o.size)}, make([]byte, 256<<10)); err != nil || n != o.size {
		t.Fatalf("read %d bytes, %v", n, err)
	}
	if len(s.parts) > 12 {
		t.Errorf("%d requests for 100 MiB, want at most 12", len(s.parts))
	}
	for i, p := range s.parts {
		if p.Length > maxAhead {
			t.Errorf("request %d is for %d bytes, want at most maxAhead", i, p.Length)
		}
	}
}

func TestLongReadStopsInTime(t *testing.T) {
	t.Parallel()
	s := &stream{body: make([]byte, 1<<20)}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(spare/2))
	defer cancel()
	o := &object{ctx: ctx, media: s, key: "k", etag: "tag", size: int64(len(s.body))}
	p := make([]byte, 1000)
	if _, err := o.ReadAt(p, 500_000); err != nil {
		t.Errorf("the first read = %v, want nil", err)
	}
	if _, err := o.ReadAt(p, 100); err != nil {
		t.Errorf("a read elsewhere = %v, want nil", err)
	}
	if _, err := o.ReadAt(p, 1100); !errors.Is(err, audiofile.ErrNoTime) {
		t.Errorf("a read that continues it = %v, want ErrNoTime", err)
	}
}
