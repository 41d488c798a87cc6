package person_test

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/person"
)

// faulty is a bucket of which one call fails, or loses the upload.
type faulty struct {
	*fixture

	calls, fail int
	after       bool
	// parts counts the calls for parts. The call lose loses the upload.
	parts, lose int
}

// once runs do, unless it is the call that fails.
func (b *faulty) once(do func() error) error {
	b.calls++
	if b.calls != b.fail {
		return do()
	}
	if b.after {
		_ = do()
	}
	return media.ErrUnavailable
}

// part is once for calls that need the upload.
func (b *faulty) part(do func() error) error {
	if b.parts++; b.parts == b.lose {
		return media.ErrNotFound
	}
	return b.once(do)
}

func (b *faulty) Stat(ctx context.Context, key string) (media.Object, error) {
	return b.bucket.Stat(ctx, key)
}

func (b *faulty) Presign(ctx context.Context, key string, g media.Grant) (string, error) {
	return b.bucket.Presign(ctx, key, g)
}

func (b *faulty) Open(ctx context.Context, key, etag string, part *media.Part) (body io.ReadCloser, o media.Object, err error) {
	err = b.once(func() (e error) { body, o, e = b.bucket.Open(ctx, key, etag, part); return e })
	return body, o, err
}

func (b *faulty) Begin(ctx context.Context, key, contentType string) (upload string, err error) {
	err = b.once(func() (e error) { upload, e = b.bucket.Begin(ctx, key, contentType); return e })
	return upload, err
}

func (b *faulty) SendPart(ctx context.Context, key, upload string, number int, body []byte) (tag string, err error) {
	err = b.part(func() (e error) { tag, e = b.bucket.SendPart(ctx, key, upload, number, body); return e })
	return tag, err
}

func (b *faulty) Complete(ctx context.Context, key, upload string, tags []string) error {
	return b.part(func() error { return b.bucket.Complete(ctx, key, upload, tags) })
}

func (b *faulty) Abandon(ctx context.Context, key, upload string) error {
	return b.once(func() error { return b.bucket.Abandon(ctx, key, upload) })
}

func (b *faulty) Purge(ctx context.Context, keys []string, confirm func(context.Context) error) error {
	return b.once(func() error { return b.bucket.Purge(ctx, keys, confirm) })
}

func (b *faulty) Put(ctx context.Context, key, contentType string, body io.Reader, size int64) error {
	return b.once(func() error { return b.bucket.Put(ctx, key, contentType, body, size) })
}

// Every call of the bucket fails once, or its answer is lost. The file is whole in the end.
func TestExportsSurviveFaultsOfTheBucket(t *testing.T) {
	t.Parallel()
	f := open(t)
	big := strings.Repeat("0123456789abcdef", 5_300_000/16)
	for n := range 2 { // more than one part
		f.put(t, recordingID(n), spellings[n], big+strconv.Itoa(n))
	}
	b := &faulty{fixture: f}
	f.export.Bucket = b
	run := func() {
		t.Helper()
		b.calls, b.parts = 0, 0
		j := f.plan(t, person.ExportAction, anna)
		j, r := f.run(t, j)
		if j.State != job.Done || j.Progress.Done.Count != 2 {
			t.Fatalf("call %d: %+v", b.fail, j)
		}
		files := f.unzip(t, r.Zip)
		if len(files) != 4 {
			t.Errorf("call %d: %d files", b.fail, len(files))
		}
		for n := range 2 {
			if got := files[fmt.Sprintf("%06d_%s.mp3", n+1, recordingID(n))]; got != big+strconv.Itoa(n) {
				t.Errorf("call %d: audio %d has %d bytes", b.fail, n, len(got))
			}
		}
	}
	run()
	calls, parts := b.calls, b.parts
	if calls < 8 || parts < 3 {
		t.Fatalf("%d calls, %d of them for parts", calls, parts)
	}
	for b.fail = 1; b.fail <= calls; b.fail++ {
		b.after = b.fail%2 == 0
		run()
	}
	b.fail = 0
	for b.lose = 1; b.lose <= parts; b.lose++ {
		run()
	}
}
