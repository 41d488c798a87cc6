package bulk_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/callrecordings/api/local/s3server"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/job/jobtest"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// driver is the store of a fixture.
type driver interface {
	retention.Driver
	faultstore.Driver
}

// fixture is an empty store and an empty bucket, with the actions.
type fixture struct {
	// account has the recordings and the jobs.
	account string
	path    string
	store   driver
	bucket  *s3media.Bucket
	book    *job.Book
	holds   *hold.Book
	options bulk.Options
	at      atomic.Int64 // Unix seconds
	// line has the messages for the workers.
	line *jobtest.Line
	// entries are those of the engine.
	entries store.Entries
	// trail has the entries of the audit trail, as "action result recording object".
	mu    sync.Mutex
	trail []string
	// real is true if the clock is the real one.
	real bool
	// sparse is true if recordings get no object, although their documents name one.
	sparse bool
	// broken, if not nil, is the error of the audit trail.
	broken error
	// permit is that of the engine.
	permit func(context.Context, *job.Job) error
	// between, if not nil, is called before every slice.
	between func()
	// slice is the time of a slice. 0 ends it at the first checkpoint; the clock stands still
	// meanwhile, so otherwise it works until the end.
	slice time.Duration
}

func (f *fixture) now() time.Time {
	if f.real {
		return time.Now()
	}
	return time.Unix(f.at.Load(), 0)
}

func open(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{account: "A"}
	f.line = &jobtest.Line{Now: f.now}
	f.at.Store(1_769_860_800)
	f.path = filepath.Join(t.TempDir(), "recordings.db")
	s, err := sqlite.Open(t.Context(), f.path, sqlite.Options{Now: f.now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	f.on(t, s)
	return f
}

// on opens the bucket, and makes the fixture use a store.
func (f *fixture) on(t testing.TB, s driver) {
	t.Helper()
	f.store = s
	server, err := s3server.Start(t.Context(), s3server.Options{
		Dir: t.TempDir(), Addr: "127.0.0.1:0", AccessKeyID: "local", SecretAccessKey: "secret", Bucket: "recordings",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	f.bucket, err = s3media.Open(s3media.Options{
		Region: "us-east-1", Endpoint: server.URL(), Bucket: "recordings",
		Credentials: credentials.NewStaticCredentialsProvider("local", "secret", ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.bucket.CloseIdleConnections)
	f.book = &job.Book{Entries: f.store, Queue: f.line, Now: f.now}
	f.entries = f.store
	f.holds = hold.NewBook(f.store, f.now, rand.Reader, true)
	f.use(f.store, 0)
}

// use makes the actions work on a store, with a number of days for restores.
func (f *fixture) use(s interface {
	bulk.Driver
	api.Library
}, days int,
) {
	f.options = bulk.Options{
		Store: s, Select: api.Select(s), Bucket: f.bucket, Deleter: deletion.New(s, days, f.now), Holds: f.holds, Record: f.record,
	}
}

// record implements job.Record.
func (f *fixture) record(_ context.Context, _ *job.Job, e audit.Entry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return f.broken
	}
	f.trail = append(f.trail, strings.TrimSpace(fmt.Sprint(e.Action, " ", e.Result, " ", e.Recording)))
	return nil
}

// recordingID returns the nth ID.
func recordingID(n int) string { return fmt.Sprintf("202601-%06d", n) }

// put stores a recording with audio in the bucket; no text means no audio.
func (f *fixture) put(t testing.TB, id, document, audio string) {
	t.Helper()
	var bucket media.Writer
	if !f.sparse {
		bucket = f.bucket
	}
	jobtest.Put(t, f.store, bucket, recording.Recording{
		Account: f.account, ID: id, Created: recording.SecondsOf(f.now()), Document: recording.Document(document),
	}, audio)
	f.at.Add(1)
}

// fill stores n inbound recordings, and an outbound one after each.
func (f *fixture) fill(t testing.TB, n int) {
	t.Helper()
	for i := range n {
		f.put(t, recordingID(2*i), `{"direction":"inbound"}`, strings.Repeat("x", i+1))
		f.put(t, recordingID(2*i+1), `{"direction":"outbound"}`, "other")
	}
}

// hold places a hold on a recording.
func (f *fixture) hold(t testing.TB, id string) hold.Hold {
	t.Helper()
	h, err := f.holds.Draft(hold.Hold{Case: "C", Reason: "R", Scope: hold.Scope{Recording: id}})
	if err == nil {
		err = f.holds.Place(t.Context(), f.account, h)
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// change changes the document of a recording.
func (f *fixture) change(t testing.TB, id, document string) {
	t.Helper()
	_, err := f.store.Update(t.Context(), f.account, id, func(r *recording.Recording) error {
		r.Document = recording.Document(document)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// document returns the document of a recording, "" if it does not exist.
func (f *fixture) document(t testing.TB, id string) string {
	t.Helper()
	r, err := f.store.Get(t.Context(), f.account, id)
	if errors.Is(err, store.ErrNotFound) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(r.Document)
}

// engine returns an engine of a new process.
func (f *fixture) engine() *job.Engine {
	b := &job.Book{Entries: f.entries, Queue: f.line, Now: f.now}
	return job.NewEngine(b, job.Options{
		Actions: bulk.Actions(f.options), Permit: f.permit, SliceTime: f.slice, Lease: time.Minute, Holder: "test", Now: f.now,
	})
}

// work works off the messages. After a failure a message is delivered again.
func (f *fixture) work(t testing.TB) {
	t.Helper()
	f.line.Work(t, f.engine(), func() {
		f.at.Add(10)
		if f.between != nil {
			f.between()
		}
	})
}

// start starts a job.
func (f *fixture) start(t testing.TB, action string, p bulk.Params) *job.Job {
	t.Helper()
	return jobtest.Start(t, f.book, f.account, action, p)
}

// plan makes the plan of a job.
func (f *fixture) plan(t testing.TB, action string, p bulk.Params) *job.Job {
	t.Helper()
	j := f.start(t, action, p)
	f.work(t)
	return f.get(t, j)
}

func (f *fixture) get(t testing.TB, j *job.Job) *job.Job {
	t.Helper()
	return jobtest.Get(t, f.book, j)
}

// confirm confirms the plan of a job.
func (f *fixture) confirm(t testing.TB, j *job.Job) {
	t.Helper()
	jobtest.Confirm(t, f.book, j)
}

// run confirms the plan of a job and works until its end.
func (f *fixture) run(t testing.TB, j *job.Job) *job.Job {
	t.Helper()
	f.confirm(t, j)
	f.work(t)
	return f.get(t, j)
}

// read returns the bytes of an object.
func (f *fixture) read(t testing.TB, key string) []byte {
	t.Helper()
	body, _, err := f.bucket.Open(t.Context(), key, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// unzip returns the files of an export, by their names in lower case.
func (f *fixture) unzip(t testing.TB, j *job.Job) map[string]string {
	t.Helper()
	var result bulk.Result
	if err := json.Unmarshal(j.Result, &result); err != nil {
		t.Fatalf("%v: %+v", err, j)
	}
	text := f.read(t, result.Zip)
	if int64(len(text)) != result.ZipBytes {
		t.Errorf("the file has %d bytes, the result says %d", len(text), result.ZipBytes)
	}
	files := map[string]string{}
	for name, content := range jobtest.Unzip(t, string(text)) {
		files[strings.ToLower(name)] = content
	}
	return files
}

// busy is a store in which every change of one recording fails.
type busy struct {
	retention.Driver

	id  string
	err error
}

func (b busy) Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	if id != b.id {
		return b.Driver.Update(ctx, account, id, change)
	}
	if b.err != nil {
		return nil, b.err
	}
	return nil, store.ErrConflict
}
