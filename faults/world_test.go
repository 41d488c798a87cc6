package faults

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/callrecordings/api/local/eventlog"
	"github.com/callrecordings/api/local/s3server"
	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/notify/eventbridge"
	"github.com/callrecordings/api/shared/notify/indexqueue"
	"github.com/callrecordings/api/shared/reconcile"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo"
	"github.com/callrecordings/api/shared/store/dynamo/emulator"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// The account and the user of all worlds.
const (
	account = "4b1d6a1f5c2e4f7a9b8c7d6e5f4a3b2c"
	admin   = "77bc1d2e3f405162738495a6b7c8d9e0"
	base    = "/v2/accounts/" + account + "/recordings"
)

// The wirings.
const (
	cloud = "cloud"
	local = "local"
)

// bucketName is the name of the bucket of a world.
const bucketName = "recordings"

// backend is a driver of the store, as all parts of the service use it.
type backend interface {
	retention.Driver
	reconcile.Store
	search.Store
	AddSecret(ctx context.Context, s store.Secret) error
}

var (
	_ backend = (*dynamo.Store)(nil)
	_ backend = (*sqlite.Store)(nil)
)

// world is one account of the service in one wiring.
type world struct {
	wiring string
	dir    string
	inject *injector
	// mistake, if not nil, breaks the service on purpose.
	mistake *mistake

	mu    sync.Mutex
	clock time.Time
	begun time.Time // the first time of the clock

	server *s3server.Server
	table  *emulator.Table
	bus    *busServer
	hooks  *hookServer
	// arrivals, index and jobs are queues of SQS.
	arrivals, index, jobs queue
	// stream has the records of the table's stream for each of its functions.
	publishing, purging []emulator.Change
	// history has every change of a recording, as the stream or the queue delivers it.
	history []store.Change
	queued  int64 // the last change of the local queue in history

	// raw and plain read the state without faults.
	raw   backend
	plain *s3media.Bucket
	jwks  []byte
	token string
	// app is the process that runs.
	app *application
	// restoreDays is how long a deleted recording can be restored.
	restoreDays int
	// gone has the IDs of the recordings after an acknowledged deletion.
	gone map[string]bool
	// audio is a small audio file.
	audio []byte
}

// now is the clock of the service.
func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

// advance moves the clock.
func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

// keys are the keys of tokens, which all worlds share.
var keys = sync.OnceValues(func() ([]byte, error) { return auth.NewKeys(rand.Reader, "faults") })

// open makes an empty world in a folder, and starts its process.
func open(ctx context.Context, wiring, dir string, audio []byte, m *mistake) (w *world, err error) {
	w = &world{
		wiring: wiring, dir: dir, inject: &injector{}, mistake: m, gone: map[string]bool{}, audio: audio, restoreDays: 1,
		clock: time.Now().UTC().Truncate(time.Second), table: emulator.New(), hooks: &hookServer{changes: map[[2]string]int{}},
	}
	w.begun = w.clock
	w.bus = &busServer{received: map[sent]int{}}
	if w.jwks, err = keys(); err != nil {
		return nil, err
	}
	if w.token, err = auth.Sign(w.jwks, auth.Claims{Account: account, Owner: admin, Expires: w.now().Add(365 * 24 * time.Hour)}); err != nil {
		return nil, err
	}
	injectors.Store(w.databasePath(), w.inject)
	w.server, err = s3server.Start(ctx, s3server.Options{
		Dir: filepath.Join(dir, "audio"), Addr: "127.0.0.1:0", AccessKeyID: "local", SecretAccessKey: "secret", Bucket: bucketName,
		Created: w.created,
	})
	if err != nil {
		return nil, err
	}
	if w.raw, err = w.openStore(ctx, nil); err == nil {
		w.plain, err = w.openBucket(nil)
	}
	if err == nil {
		err = w.restart(ctx)
	}
	if err == nil {
		_, err = access.NewDirectory(w.raw).SetUser(ctx, account, admin, access.UserEntry{Role: access.Admin})
	}
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// close removes the world.
func (w *world) close() error {
	injectors.Delete(w.databasePath())
	var errs []error
	if w.app != nil {
		errs = append(errs, w.app.close())
	}
	if s, ok := w.raw.(*sqlite.Store); ok && s != nil {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, w.server.Close(), os.RemoveAll(w.dir))...)
}

func (w *world) databasePath() string { return filepath.Join(w.dir, "r.db") }

var static = credentials.NewStaticCredentialsProvider("local", "secret", "")

// openStore opens the store with the faults of an injector.
func (w *world) openStore(ctx context.Context, i *injector) (backend, error) {
	if w.wiring == cloud {
		return dynamo.Open(dynamo.Options{
			Region: "eu-west-1", Endpoint: "http://table.test", Table: "recordings", Credentials: static, Now: w.now, Random: rand.Reader,
			HTTPClient: &transport{service: dynamoDB, to: w.table, inject: i, race: raceFor(w.table)},
		})
	}
	o := sqlite.Options{Now: w.now, Random: rand.Reader, QueueChanges: true}
	if i != nil {
		o.Driver = faultyDriver
	}
	return sqlite.Open(ctx, w.databasePath(), o)
}

// openBucket opens the bucket with the faults of an injector.
func (w *world) openBucket(i *injector) (*s3media.Bucket, error) {
	return s3media.Open(s3media.Options{
		Region: "us-east-1", Endpoint: w.server.URL(), Bucket: bucketName, Credentials: static,
		Transport: func(http.RoundTripper) http.RoundTripper {
			return &transport{service: bucketS3, to: w.server, inject: i}
		},
	})
}

// openSink opens the sink of events.
func (w *world) openSink() (notify.Sink, func() error, error) {
	if w.wiring == cloud {
		bus, err := eventbridge.Open(eventbridge.Options{
			Region: "eu-west-1", Endpoint: "http://bus.test", Bus: "default", Credentials: static,
			HTTPClient: &transport{service: eventBridge, to: w.bus, inject: w.inject},
		})
		if err != nil {
			return nil, nil, err
		}
		index, err := indexqueue.Open(indexqueue.Options{
			Region: "eu-west-1", Endpoint: "http://queue.test", URL: "http://queue.test/index", Credentials: static,
			HTTPClient: &transport{service: queueSQS, to: sqsServer{&w.index, w.now}, inject: w.inject},
		})
		return notify.Both(index, bus), func() error { return nil }, err
	}
	file, err := eventlog.Open(filepath.Join(w.dir, "events.jsonl"), eventlog.Options{})
	return &fileSink{w, file}, file.Close, err
}

// fileSink is a file of events with faults.
type fileSink struct {
	world *world
	file  *eventlog.Log
}

// Send implements [notify.Sink].
func (s *fileSink) Send(ctx context.Context, all []notify.Event) (accepted int, err error) {
	f := s.world.inject.next(call{service: eventFile, name: "Send", write: true})
	switch f {
	case dead, killBefore:
		return 0, errKilled
	case failed500:
		return 0, notify.ErrUnavailable
	case slow:
		time.Sleep(slowness)
	}
	accepted, err = s.file.Send(ctx, all)
	for i := range all[:accepted] {
		detail, failed := all[i].Detail()
		if failed != nil {
			return 0, failed
		}
		s.world.bus.receive(string(all[i].Type), detail)
	}
	switch f {
	case killAfter:
		s.world.inject.die()
		return 0, errKilled
	case failed503:
		return 0, notify.ErrUnavailable
	}
	return accepted, err
}

// created takes the event of a new object: into the queue of arrivals, which belongs to S3 in
// the cloud, and to the process in the local wiring.
func (w *world) created(ctx context.Context, event []byte) {
	if w.wiring == cloud {
		w.arrivals.send(string(event), w.now(), 0)
		return
	}
	if err := w.app.local.Enqueue(context.WithoutCancel(ctx), sqlite.Arrivals, event); err != nil {
		w.app.unqueued = append(w.app.unqueued, event)
	}
}
