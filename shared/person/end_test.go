package person_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/archive"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/person"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// interruptedExport calls during in the second search of an export, and when its list has been
// stored.
type interruptedExport struct {
	person.Store
	archive.Bucket

	search, stored func() error
}

func (x *interruptedExport) Page(ctx context.Context, q store.Query) (store.Page, error) {
	if err := x.search(); err != nil {
		return store.Page{}, err
	}
	return x.Store.Page(ctx, q)
}

func (x *interruptedExport) Put(ctx context.Context, key, contentType string, body io.Reader, size int64) error {
	err := x.Bucket.Put(ctx, key, contentType, body, size)
	if err == nil && strings.HasSuffix(key, ".jsonl") {
		err = x.stored()
	}
	return err
}

// The file of an export is complete before the second search. A job that is cancelled or fails
// from then on leaves neither the file nor the list.
func TestAnExportThatEndsAfterItsFileLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		for _, state := range []job.State{job.Cancelled, job.Failed} {
			f := open(t)
			f.fill(t)
			j := f.plan(t, person.ExportAction, anna)
			files := 0
			nothing := func() error { return nil }
			during := func() error {
				keys, err := f.bucket.List(t.Context(), "exports/", "")
				if err != nil {
					t.Error(err)
				}
				files = max(files, len(keys))
				if state == job.Failed {
					return errors.New("a bug")
				}
				_, err = f.book.Cancel(t.Context(), "A", j.ID, nothing)
				return err
			}
			x := &interruptedExport{Store: f.store, Bucket: f.bucket, search: during, stored: nothing}
			if late {
				x.search, x.stored = nothing, during
			}
			f.export.Store, f.export.Bucket = x, x
			f.confirm(t, j)
			f.work(t)
			if j = f.get(t, j); j.State != state || files == 0 {
				t.Fatalf("late %t: %d files, %+v", late, files, j)
			}
			if keys, err := f.bucket.List(t.Context(), "exports/", ""); err != nil || len(keys) != 0 {
				t.Errorf("%s, late %t: %q, %v", state, late, keys, err)
			}
		}
	}
}

// A file that begins anew has no upload for a moment. If its job is cancelled then, the bytes of
// the first one go, too.
func TestAnExportCancelledBeforeItBeginsAnewLeavesNothing(t *testing.T) {
	t.Parallel()
	f := open(t)
	for n := range 3 {
		f.put(t, recordingID(n), spellings[n], strings.Repeat("x", 1000))
	}
	j := f.plan(t, person.ExportAction, anna)
	b := &faulty{fixture: f, lose: 1}
	f.export.Bucket = b
	f.confirm(t, j)
	f.between = func() {
		if b.parts > 0 && f.get(t, j).State == job.Running {
			if _, err := f.book.Cancel(t.Context(), "A", j.ID, func() error { return nil }); err != nil {
				t.Error(err)
			}
		}
	}
	f.work(t)
	if j = f.get(t, j); j.State != job.Cancelled || b.parts != 1 {
		t.Fatalf("%d parts, %+v", b.parts, j)
	}
	if keys, err := f.bucket.List(t.Context(), "exports/", ""); err != nil || len(keys) != 0 {
		t.Errorf("%q, %v", keys, err)
	}
}

// Even if the database or the bucket fails for hours, the certificate lists all erased recordings.
func TestAFailedErasureSaysWhatIsErased(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t)
	j := f.plan(t, person.EraseAction, anna)
	deleter := &unavailable{Deleter: f.eraser.Deleter, id: recordingID(3)}
	b := &down{Bucket: f.bucket, puts: 15}
	f.eraser.Deleter, f.eraser.Files = deleter, b
	j, r := f.run(t, j)
	c, lines := f.certificate(t, r)
	if j.State != job.Failed || c.Complete || c.Done != j.Progress.Done || c.Done.Count != 6 || len(lines) != 6 || b.puts != 0 {
		t.Errorf("%s, %+v with %d lines, want the 6 that were erased", j.State, c.Done, len(lines))
	}
	if j.Cause != "the database or the bucket was not available" {
		t.Errorf("the cause is %q", j.Cause)
	}
}

// unavailable is a deleter that never erases one recording.
type unavailable struct {
	person.Deleter

	id string
}

func (d *unavailable) Erase(ctx context.Context, account, id, by string, check func(*recording.Recording) error) error {
	if id == d.id {
		return store.ErrUnavailable
	}
	return d.Deleter.Erase(ctx, account, id, by, check)
}

// down is a bucket that stores nothing for a number of calls.
type down struct {
	archive.Bucket

	puts int
}

func (b *down) Put(ctx context.Context, key, contentType string, body io.Reader, size int64) error {
	if b.puts > 0 {
		b.puts--
		return media.ErrUnavailable
	}
	return b.Bucket.Put(ctx, key, contentType, body, size)
}
