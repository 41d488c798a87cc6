package main

import (
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/archive"
	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/gateway"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/person"
	"github.com/callrecordings/api/shared/price"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// jobs returns the handler of jobs, and works on them until the end of the script.
func jobs(ts *testscript.TestScript, env api.Env, dir *datadir.Dir, s *sqlite.Store, bucket *s3media.Bucket) http.Handler {
	ctx, stop := context.WithCancel(context.Background())
	pool := job.NewPool(time.Now)
	eraser := deletion.Eraser{Deleter: deletion.New(s, 0, time.Now), Store: s, Audio: bucket}
	actions, err := person.Actions(dir.Keys.Cursor, s, s, bucket, eraser, nil)
	ts.Check(err)
	maps.Copy(actions, bulk.Actions(bulk.Options{
		Store: s, Select: api.Select(s), Bucket: bucket, Deleter: deletion.New(s, 0, time.Now),
		Holds: hold.NewBook(s, time.Now, rand.Reader, false),
	}))
	book := &job.Book{Entries: s, Queue: pool, Now: time.Now}
	engine := job.NewEngine(book, job.Options{Actions: actions, SliceTime: time.Second, Lease: time.Minute, Holder: "test", Now: time.Now})
	var working sync.WaitGroup
	working.Go(func() {
		pool.Work(ctx, 1, time.Second, func(ctx context.Context, m job.Message) error {
			_, err := engine.Slice(ctx, m)
			return err
		})
	})
	ts.Defer(func() {
		stop()
		working.Wait()
	})
	return gateway.Local(api.Jobs(env, book, api.JobOptions{
		Kinds: api.JobKinds(person.Params, true), Files: bucket, TTL: time.Minute, FileAge: archive.FileAge,
		Prices: &price.Prices{Currency: "EUR", Gigabyte: "30"},
	}))
}
