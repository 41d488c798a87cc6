package person_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/callrecordings/api/local/s3server"
	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/job/jobtest"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/person"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// fixture is an empty store and an empty bucket, with the two actions.
type fixture struct {
	path   string
	store  *sqlite.Store
	bucket *s3media.Bucket
	book   *job.Book
	signer *person.Signer
	at     atomic.Int64 // Unix seconds
	// line has the messages for the workers.
	line *jobtest.Line
	// entries are those of the engine.
	entries store.Entries
	eraser  *person.Eraser
	export  *person.Export
	// between, if not nil, is called before every slice.
	between func()
}

func (f *fixture) now() time.Time { return time.Unix(f.at.Load(), 0) }

func open(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{}
	f.line = &jobtest.Line{Now: f.now}
	f.at.Store(1_769_860_800)
	var err error
	f.path = filepath.Join(t.TempDir(), "recordings.db")
	f.store, err = sqlite.Open(t.Context(), f.path, sqlite.Options{Now: f.now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.store.Close() })
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
	if f.signer, err = person.NewSigner("a secret of a deployment in tests"); err != nil {
		t.Fatal(err)
	}
	f.book = &job.Book{Entries: f.store, Queue: f.line, Now: f.now}
	f.entries = f.store
	f.eraser = &person.Eraser{Store: f.store, Deleter: deletion.Eraser{
		Deleter: deletion.New(f.store, 0, f.now), Store: f.store, Audio: f.bucket,
	}, Files: f.bucket, Signer: f.signer}
	f.export = &person.Export{Store: f.store, Bucket: f.bucket, Signer: f.signer}
	return f
}

// put stores a recording with audio in the bucket; no text means no audio.
func (f *fixture) put(t testing.TB, id, document, audio string) {
	t.Helper()
	jobtest.Put(t, f.store, f.bucket, recording.Recording{
		Account: "A", ID: id, Created: recording.SecondsOf(f.now()), Document: recording.Document(document),
	}, audio)
	f.at.Add(1)
}

// hold places a hold on a recording.
func (f *fixture) hold(t testing.TB, id, recordingID string) {
	t.Helper()
	f.holdOn(t, id, hold.Scope{Recording: recordingID})
}

// holdOn places a hold on the recordings that a scope selects.
func (f *fixture) holdOn(t testing.TB, id string, s hold.Scope) {
	t.Helper()
	f.setHolds(t, hold.Hold{ID: id, Case: "C", Scope: s})
}

// setHolds replaces the active holds.
func (f *fixture) setHolds(t testing.TB, holds ...hold.Hold) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"holds": holds})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.store.WriteEntries(t.Context(), store.EntryWrite{Entry: store.Entry{EntryKey: hold.Key("A"), Value: text}}); err != nil {
		t.Fatal(err)
	}
}

// engine returns an engine of a new process. Slices end at the first checkpoint.
func (f *fixture) engine() *job.Engine {
	b := &job.Book{Entries: f.entries, Queue: f.line, Now: f.now}
	return job.NewEngine(b, job.Options{
		Actions: map[string]job.Action{person.ExportAction: f.export, person.EraseAction: f.eraser},
		Lease:   time.Minute, Holder: "test", Now: f.now,
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

// plan makes the plan of a job.
func (f *fixture) plan(t testing.TB, action string, s person.Subject) *job.Job {
	t.Helper()
	j := jobtest.Start(t, f.book, "A", action, s)
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
func (f *fixture) run(t testing.TB, j *job.Job) (*job.Job, person.Result) {
	t.Helper()
	f.confirm(t, j)
	f.work(t)
	j = f.get(t, j)
	var r person.Result
	if err := json.Unmarshal(j.Result, &r); err != nil {
		t.Fatalf("%v: %+v", err, j)
	}
	return j, r
}

// certificate verifies the certificate of a result and its list, and returns the lines.
func (f *fixture) certificate(t testing.TB, r person.Result) (person.Certificate, []string) {
	t.Helper()
	text, err := json.MarshalIndent(r.Certificate, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	c, err := person.Verify(text, f.signer.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	list := f.read(t, r.List)
	if err := c.CheckList(strings.NewReader(list)); err != nil {
		t.Error(err)
	}
	lines := strings.Split(strings.TrimSuffix(list, "\n"), "\n")
	if list == "" {
		lines = nil
	}
	if len(lines) != c.List.Lines {
		t.Errorf("%d lines, the certificate has %d", len(lines), c.List.Lines)
	}
	return c, lines
}

// recordingID returns the nth ID.
func recordingID(n int) string { return fmt.Sprintf("202601-%06d", n) }

// read reads an object.
func (f *fixture) read(t testing.TB, key string) string {
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
	return string(text)
}

func marshal(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
