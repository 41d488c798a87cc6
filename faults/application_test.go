package faults

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/callrecordings/api/local/s3server"
	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/archive"
	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/incoming/bucket"
	"github.com/callrecordings/api/shared/incoming/namepattern"
	"github.com/callrecordings/api/shared/issuer"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/link"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/person"
	"github.com/callrecordings/api/shared/purge"
	"github.com/callrecordings/api/shared/reconcile"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/retention/sweep"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/search/eventqueue"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo"
	"github.com/callrecordings/api/shared/store/sqlite"
	"github.com/callrecordings/api/shared/tablestream"
	"github.com/callrecordings/api/shared/webhook"
)

// maxAudio is the largest audio.
const maxAudio = 1 << 20

// secret is the secret of the deployment.
const secret = "a secret of more than thirty-two characters"

// application is a process of the service, with its handlers and the state that it keeps in
// memory. Its parts are wired as in functions/ and local/.
type application struct {
	world  *world
	ctx    context.Context //nolint:containedctx // it ends when the process dies
	cancel context.CancelFunc
	close  func() error

	store  backend
	local  *sqlite.Store // nil in the cloud wiring
	bucket *s3media.Bucket
	view   retention.View
	// unqueued are events of the bucket that the local process could not queue.
	unqueued [][]byte

	handlers   map[api.Operation]http.Handler
	ingest     func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
	publish    func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error)
	purge      func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error)
	follow     func(context.Context, []store.Change) (int, error)
	indexer    *search.Indexer
	index      func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
	sweeper    *sweep.Sweeper
	locker     hold.Locker
	deliverer  webhook.Deliverer
	engine     *job.Engine
	reconciler reconcile.Reconciler
	watched    retention.Watched
}

// restart ends the process and starts another one on the same state.
func (w *world) restart(ctx context.Context) error {
	if w.app != nil {
		w.app.cancel()
		_ = w.app.close() // a process that was killed may fail to
	}
	a := &application{world: w}
	a.ctx, a.cancel = context.WithCancel(ctx)
	w.inject.start(a.cancel)
	armed := w.inject.pause() // the calls of a start do not count
	defer w.inject.arm(armed)
	var err error
	if a.store, err = w.openStore(ctx, w.inject); err != nil {
		return err
	}
	a.local, _ = a.store.(*sqlite.Store)
	if a.bucket, err = w.openBucket(w.inject); err != nil {
		return err
	}
	sink, closeSink, err := w.openSink()
	if err != nil {
		return err
	}
	a.close = func() error {
		err := closeSink()
		if a.local != nil {
			err = errors.Join(err, a.local.Close())
		}
		return err
	}
	w.app = a
	if err := errors.Join(a.wireRequests(), a.wireBackground(sink)); err != nil {
		return err
	}
	return a.resume()
}

// env returns the environment of the handlers.
func (a *application) env() (api.Env, error) {
	keys, err := auth.ParseKeys(a.world.jwks)
	return api.Env{
		Verifier: auth.NewVerifier(keys, a.world.now), Now: a.world.now, Node: "faults",
		Access: access.NewResolver(a.store, access.Options{Default: access.OwnOnly, Now: a.world.now}),
		Audit: api.NewRecorder(a.store, audit.Options{
			Level: audit.Changes, Days: 30, Addresses: audit.NoAddresses, Now: a.world.now, Random: rand.Reader,
		}),
	}, err
}

// wireRequests builds the handlers of requests.
func (a *application) wireRequests() error {
	w := a.world
	env, err := a.env()
	if err != nil {
		return err
	}
	sealer, err := cursor.New(secret, "")
	if err != nil {
		return err
	}
	names, err := namepattern.Open("", "")
	if err != nil {
		return err
	}
	var driver retention.Driver = a.store
	if w.mistake != nil && w.mistake.store != nil {
		driver = w.mistake.store(a)
	}
	a.view = retention.NewView(driver, retention.NewRules(driver, w.now))
	a.watched = retention.Watch(driver, retention.NewRules(driver, w.now))
	inline := api.Delivery{Default: media.Inline, StreamLimit: math.MaxInt64}
	changes := feed.New(a.store, w.now)
	hooks := webhook.Book{Entries: a.store, Feed: changes, PrivateHosts: []string{"hook.test"}, Now: w.now}
	a.handlers = map[api.Operation]http.Handler{
		api.OpList:      api.List(env, a.view, sealer, true),
		api.OpGet:       api.Get(env, a.view, a.bucket, inline),
		api.OpCreate:    api.Create(env, a.watched, api.Uploads{Audio: a.bucket, MaxBytes: maxAudio, TTL: time.Hour}),
		api.OpReceive:   api.Receive(env, a.watched, api.Storage{Audio: a.bucket, MaxBytes: maxAudio, Names: names.Call, Zone: names.Zone}),
		api.OpPatch:     api.Patch(env, a.view),
		api.OpDelete:    api.Delete(env, a.view, a.bucket, w.restoreDays),
		api.OpRetention: api.Retention(env, a.store, hold.NewBook(a.store, w.now, rand.Reader, true)),
		api.OpShare:     api.Share(env, a.view, link.New(a.store, w.now, rand.Reader), a.bucket, inline, ""),
		api.OpChanges:   api.Changes(env, changes, nil, sealer, 0),
		api.OpAccess:    api.Manage(env, a.store, sealer, &hooks),
		api.OpJobs: api.Jobs(env, &job.Book{Entries: a.store, Queue: a, Now: w.now},
			api.JobOptions{Kinds: api.JobKinds(person.Params, true), Files: a.bucket, TTL: time.Hour, FileAge: archive.FileAge}),
	}
	return nil
}

// wireBackground builds what works without requests.
func (a *application) wireBackground(sink notify.Sink) error {
	w := a.world
	names, err := namepattern.Open("", "")
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	ingester := bucket.Ingester{Store: a.watched, Audio: a.bucket, Names: names, MaxBytes: maxAudio, Grace: time.Minute, Now: w.now}
	if w.wiring == local {
		ingester.Store, ingester.Holds = a.watched.Locking(), hold.Keeper{Store: a.store, Locked: true}
	}
	a.ingest = bucket.Handler(bucket.Queue{Route: "ingest", Bucket: bucketName, Ingest: ingester.Ingest, Log: log, Now: w.now})
	changes := feed.New(a.store, w.now)
	a.follow = changes.Follow(true, sink)
	if w.mistake != nil && w.mistake.follow != nil {
		a.follow = w.mistake.follow(a.follow)
	}
	a.publish = tablestream.ChangesHandler(tablestream.ChangesOptions{Route: "publish", Read: dynamo.ChangeOf, Feed: a.follow, Lost: changes.Lose, Log: log, Now: w.now})
	a.purge = tablestream.Handler(tablestream.Options{Route: "purge", Log: log, Now: w.now, Work: func(ctx context.Context, k tablestream.Key) error {
		return purge.Pending(ctx, a.store, a.bucket, k.Account, k.ID)
	}})
	a.indexer = &search.Indexer{Store: a.store, Now: w.now, Random: rand.Reader, Atomic: w.wiring == local}
	a.index = eventqueue.Handler(eventqueue.Queue{Route: "index", Index: a.indexer.Index, Log: log, Now: w.now})
	a.sweeper = sweep.New(a.store, w.now, 0)
	a.locker = hold.Locker{Entries: a.store, Recordings: a.store, Audio: a.bucket, Now: w.now}
	a.deliverer = webhook.Deliverer{
		Book:   webhook.Book{Entries: a.store, Feed: changes, PrivateHosts: []string{"hook.test"}, Now: w.now},
		Client: &http.Client{Transport: &transport{service: receiver, to: w.hooks, inject: w.inject}, Timeout: webhook.Timeout},
	}
	a.reconciler = a.newReconciler(log, ingester)
	return a.wireJobs()
}

// newReconciler returns the reconciliation.
func (a *application) newReconciler(log *slog.Logger, ingester bucket.Ingester) reconcile.Reconciler {
	w := a.world
	r := reconcile.Reconciler{
		Store: a.store, Bucket: a.bucket, Book: a.store, Repair: true, Ages: reconcile.CloudAges(30), Log: log, Now: w.now, Arrive: ingester.Stored,
		Index:       a.indexer,
		EndRestores: sweep.WhenTrusted(a.store, w.now, deletion.New(a.store, 0, w.now).Ending),
	}
	if w.wiring == local {
		r.Ages = reconcile.LocalAges()
		r.Arrive = func(ctx context.Context, key string) error {
			return a.local.Enqueue(ctx, sqlite.Arrivals, s3server.Event(bucketName, key, "", "us-east-1", w.now()))
		}
	}
	return r
}

// wireJobs builds the worker of jobs.
func (a *application) wireJobs() error {
	w := a.world
	eraser := deletion.Eraser{Deleter: deletion.New(a.store, 0, w.now), Store: a.store, Audio: a.bucket}
	env, err := a.env()
	if err != nil {
		return err
	}
	record := api.JobTrail(env.Audit)
	actions, err := person.Actions(secret, a.view, a.store, a.bucket, eraser, record.Of(access.Delete))
	if err != nil {
		return err
	}
	maps.Copy(actions, bulk.Actions(bulk.Options{
		Store: a.view, Select: api.Select(a.view), Bucket: a.bucket, Deleter: deletion.New(a.view, w.restoreDays, w.now),
		Holds: hold.NewBook(a.store, w.now, rand.Reader, true), Record: record,
	}))
	a.engine = job.NewEngine(&job.Book{Entries: a.store, Queue: a, Now: w.now}, job.Options{
		Actions: actions, SliceTime: time.Minute, Lease: 5 * time.Minute, Holder: "faults", Now: w.now,
		Permit: api.JobPermit(env.Access, issuer.NewRegistry(a.store, w.now), api.JobKinds(person.Params, true)),
	})
	return nil
}

// Wake implements [job.Queue], as functions/internal/jobqueue does in the cloud. The local
// queue is in memory, and empty after a restart; see resume.
func (a *application) Wake(ctx context.Context, account string, delay time.Duration) error {
	body, err := json.Marshal(map[string]string{"account": account})
	if err != nil {
		return err
	}
	w := a.world
	if w.wiring == local {
		w.jobs.send(string(body), w.now(), delay)
		return nil
	}
	limits := attempt.Standard(time.Second)
	client := sqs.New(sqs.Options{
		Region: "eu-west-1", Credentials: static, BaseEndpoint: aws.String("http://queue.test"), Retryer: limits.Retryer(),
		HTTPClient: &transport{service: queueSQS, to: sqsServer{&w.jobs, w.now}, inject: w.inject},
		APIOptions: limits.APIOptions(func(*requestlog.Entry) {}),
	})
	_, err = client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: aws.String("http://queue.test/jobs"), MessageBody: aws.String(string(body)), DelaySeconds: int32(delay / time.Second),
	})
	return err
}

// resume wakes the workers of unfinished jobs when the local process starts, as local/ does.
func (a *application) resume() error {
	w := a.world
	if w.wiring != local {
		return nil
	}
	w.jobs.clear()
	if err := a.engine.Break(a.ctx); err != nil {
		return err
	}
	return w.wakeOnce(a)
}
