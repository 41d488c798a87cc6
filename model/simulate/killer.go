package simulate

import (
	"context"
	"errors"
	"io"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// errKilled is the error of every call of a process that has died.
var errKilled = errors.New("killed")

// killer ends a process at one of its calls to the store or the bucket.
type killer struct {
	// last is the number of the last call, counted from 1; 0 lets all calls through. after
	// is true if the last call still takes effect.
	last  int
	after bool
	calls int
	dead  bool
	// kills counts the processes that died.
	kills int
	// part names the work of the process. longest has the largest number of calls that a process
	// made, by part. points counts the processes that died, by point.
	part    string
	longest map[string]int
	points  map[point]int
	// interrupt, if not nil, runs once, before call number at.
	interrupt func()
	at        int
}

// point is a call of a part, and whether it took effect before the process died.
type point struct {
	part  string
	call  int
	after bool
}

// reset begins a new process.
func (k *killer) reset() {
	if k.longest[k.part] < k.calls {
		k.longest[k.part] = k.calls
	}
	*k = killer{kills: k.kills, longest: k.longest, points: k.points}
}

// call counts a call. It returns whether the call fails, and then whether it takes effect.
func (k *killer) call() (fails, takesEffect bool) {
	if k.dead {
		return true, false
	}
	k.calls++
	if k.interrupt != nil && k.calls == k.at {
		do := k.interrupt
		k.interrupt = nil
		do()
	}
	if k.calls != k.last {
		return false, true
	}
	k.dead = true
	k.kills++
	k.points[point{k.part, k.calls, k.after}]++
	return true, k.after
}

// choose is the fault of a call to the store; see [faultstore.NewWith].
func (k *killer) choose(int) faultstore.Fault {
	fails, takesEffect := k.call()
	if !fails {
		return faultstore.Fault{}
	}
	return faultstore.Fault{Err: errKilled, When: faultstore.When(takesEffect)}
}

// mortal is a bucket for a process that may be killed.
type mortal struct {
	next realBucket
	*killer
}

// realBucket is the part of the bucket that the simulation uses.
type realBucket interface {
	media.Objects
	media.Writer
	media.Purger
	media.Reverter
}

var _ realBucket = mortal{}

func do[T any](k *killer, call func() (T, error)) (T, error) {
	var zero T
	fails, takesEffect := k.call()
	if fails && !takesEffect {
		return zero, errKilled
	}
	got, err := call()
	if fails && err == nil {
		return zero, errKilled
	}
	return got, err
}

func doErr(k *killer, call func() error) error {
	_, err := do(k, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

// Stat implements [media.Reader].
func (b mortal) Stat(ctx context.Context, key string) (media.Object, error) {
	return do(b.killer, func() (media.Object, error) { return b.next.Stat(ctx, key) })
}

// Open implements [media.Reader].
func (b mortal) Open(ctx context.Context, key, etag string, part *media.Part) (io.ReadCloser, media.Object, error) {
	var found media.Object
	body, err := do(b.killer, func() (body io.ReadCloser, err error) {
		body, found, err = b.next.Open(ctx, key, etag, part)
		return body, err
	})
	return body, found, err
}

// Presign implements [media.Reader].
func (b mortal) Presign(ctx context.Context, key string, g media.Grant) (string, error) {
	return b.next.Presign(ctx, key, g)
}

// Remove implements [media.Remover].
func (b mortal) Remove(ctx context.Context, key string) error {
	return doErr(b.killer, func() error { return b.next.Remove(ctx, key) })
}

// List implements [media.Lister].
func (b mortal) List(ctx context.Context, prefix, after string) ([]string, error) {
	return do(b.killer, func() ([]string, error) { return b.next.List(ctx, prefix, after) })
}

// Put implements [media.Writer].
func (b mortal) Put(ctx context.Context, key, contentType string, body io.Reader, size int64) error {
	return doErr(b.killer, func() error { return b.next.Put(ctx, key, contentType, body, size) })
}

// Purge implements [media.Purger]. The process may die before or after it; calls that
// confirm makes count by themselves.
func (b mortal) Purge(ctx context.Context, keys []string, confirm func(context.Context) error) error {
	return doErr(b.killer, func() error { return b.next.Purge(ctx, keys, confirm) })
}

// Examine implements [media.Objects].
func (b mortal) Examine(ctx context.Context, key string) (media.Object, error) {
	return do(b.killer, func() (media.Object, error) { return b.next.Examine(ctx, key) })
}

// Copy implements [media.Objects].
func (b mortal) Copy(ctx context.Context, from, etag, to string) error {
	return doErr(b.killer, func() error { return b.next.Copy(ctx, from, etag, to) })
}

// RemoveIf implements [media.Objects].
func (b mortal) RemoveIf(ctx context.Context, key string, examined media.Object) error {
	return doErr(b.killer, func() error { return b.next.RemoveIf(ctx, key, examined) })
}

// Revert implements [media.Reverter].
func (b mortal) Revert(ctx context.Context, key string, examined media.Object, size int64, aside func(context.Context, media.Object) error) error {
	return doErr(b.killer, func() error { return b.next.Revert(ctx, key, examined, size, aside) })
}
