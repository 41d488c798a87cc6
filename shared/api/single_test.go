package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/local/s3server"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/bucket"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

// The account, owner and recording of the tests of single recordings.
const (
	oneAccount = "3f2a0c5be0b34d5d8f0f6f6f1d7c9a10"
	oneUser    = "77bc1d2e3f405162738495a6b7c8d9e0"
	oneID      = "202311-6b3c0e1f9a4d4e7f8a1b2c3d4e5f6071"
	oneBase    = "/v2/accounts/" + oneAccount
	onePath    = oneBase + "/recordings/" + oneID
)

// oneNow is the time in the tests of single recordings.
var oneNow = time.Date(2023, 11, 21, 10, 0, 0, 0, time.UTC)

// single is the API of single recordings over a SQLite store and an S3 server of
// its own.
type single struct {
	t      testing.TB
	store  *sqlite.Store
	bucket *s3media.Bucket
	server string // the URL of the bucket's server
	create http.Handler
	get    http.Handler
	patch  http.Handler
	delete http.Handler
	token  string
	log    *bytes.Buffer
}

// faults wrap the dependencies of the handlers. A nil function wraps nothing.
type faults struct {
	reader  func(store.Reader) store.Reader
	writer  func(DeleteStore) DeleteStore
	audio   func(media.Reader) media.Reader
	remover func(media.Purger) media.Purger
	// env changes the environment.
	env func(*Env)
	// restoreDays is how long deleted recordings can be restored.
	restoreDays int
}

func newSingle(t testing.TB, d Delivery) *single {
	t.Helper()
	return newFaultySingle(t, d, faults{})
}

func newFaultySingle(t testing.TB, d Delivery, f faults) *single {
	t.Helper()
	s := &single{t: t, store: openStore(t), server: startBucket(t), log: new(bytes.Buffer)}
	s.bucket = bucketAt(t, s.server)
	env := oneEnv(t, s)
	if f.env != nil {
		f.env(&env)
	}
	var (
		reader  store.Reader = s.store
		writer  DeleteStore  = s.store
		audio   media.Reader = s.bucket
		remover media.Purger = s.bucket
	)
	if f.reader != nil {
		reader = f.reader(reader)
	}
	if f.writer != nil {
		writer = f.writer(writer)
	}
	if f.audio != nil {
		audio = f.audio(audio)
	}
	if f.remover != nil {
		remover = f.remover(remover)
	}
	s.create = Create(env, s.store, s.uploads())
	s.get, s.patch, s.delete = Get(env, reader, audio, d), Patch(env, writer), Delete(env, writer, remover, f.restoreDays)
	return s
}

// uploads returns the settings for uploads.
func (s *single) uploads() Uploads {
	return Uploads{Audio: s.bucket, MaxBytes: 1 << 30, TTL: time.Minute}
}

// arrive ingests the audio of a recording, like the function ingest.
func (s *single) arrive(t testing.TB, id string) incoming.Outcome {
	t.Helper()
	ingester := bucket.Ingester{Store: s.store, Audio: s.bucket, MaxBytes: 1 << 30, Now: func() time.Time { return oneNow }}
	done, err := ingester.Ingest(t.Context(), incoming.Arrival{Key: recording.AudioKey(oneAccount, id), Sequencer: "0A"})
	if err != nil {
		t.Fatalf("Ingest = %v", err)
	}
	return done
}

// oneEnv returns an environment with a new key, and sets a token of that key.
func oneEnv(t testing.TB, s *single) Env {
	t.Helper()
	env, token := newEnv(t, oneAccount, func() time.Time { return oneNow })
	s.token, env.Log = token, slog.New(slog.NewJSONHandler(s.log, nil))
	return env
}

// newEnv returns an environment with a new key, and a token of that key for account. The
// token is valid for an hour.
func newEnv(t testing.TB, account string, now func() time.Time) (env Env, token string) {
	t.Helper()
	jwks, err := auth.NewKeys(rand.Reader, "test")
	if err != nil {
		t.Fatalf("NewKeys = %v", err)
	}
	keys, err := auth.ParseKeys(jwks)
	if err != nil {
		t.Fatalf("ParseKeys = %v", err)
	}
	if token, err = auth.Sign(jwks, auth.Claims{Account: account, Expires: now().Add(time.Hour)}); err != nil {
		t.Fatalf("Sign = %v", err)
	}
	return Env{Verifier: auth.NewVerifier(keys, now), Now: now, Node: "test"}, token
}

func openStore(t testing.TB) *sqlite.Store {
	t.Helper()
	now := func() time.Time { return oneNow }
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), sqlite.Options{Now: now, Random: new(counter)})
	if err != nil {
		t.Fatalf("sqlite.Open = %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// counter is a source of randomness that counts, so that tests know revisions.
type counter struct{ n atomic.Int64 }

func (c *counter) Read(p []byte) (int, error) {
	clear(p)
	copy(p, strconv.FormatInt(c.n.Add(1), 10))
	return len(p), nil
}

func openBucket(t testing.TB) *s3media.Bucket {
	t.Helper()
	return bucketAt(t, startBucket(t))
}

// startBucket starts an S3 server, and returns its URL.
func startBucket(t testing.TB) string {
	t.Helper()
	server, err := s3server.Start(t.Context(), s3server.Options{
		Dir: t.TempDir(), Addr: "127.0.0.1:0", AccessKeyID: "local", SecretAccessKey: "secret", Bucket: "recordings",
	})
	if err != nil {
		t.Fatalf("s3server.Start = %v", err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server.URL()
}

func bucketAt(t testing.TB, server string) *s3media.Bucket {
	t.Helper()
	b, err := s3media.Open(s3media.Options{
		Region: "us-east-1", Endpoint: server, Bucket: "recordings",
		Credentials: credentials.NewStaticCredentialsProvider("local", "secret", ""),
	})
	if err != nil {
		t.Fatalf("s3media.Open = %v", err)
	}
	return b
}

// put stores the recording oneID and, unless audio is nil, its audio. change, if
// not nil, modifies the recording first.
func (s *single) put(t testing.TB, audio []byte, change func(*recording.Recording)) *recording.Recording {
	t.Helper()
	rec := &recording.Recording{
		Account: oneAccount, ID: oneID, Owner: oneUser,
		Created: recording.SecondsOf(oneNow), Modified: recording.SecondsOf(oneNow),
		Document: documentOf(t, `{"name":"call.mp3","start":63867780000,"duration":62,"owner_id":"`+oneUser+`",
			"user_metadata":{"tag":"old","deep":{"a":1,"b":2}}}`),
		Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: int64(len(audio))},
	}
	if change != nil {
		change(rec)
	}
	if audio != nil {
		err := s.bucket.Put(t.Context(), rec.AudioKey(), rec.Audio.ContentType, bytes.NewReader(audio), int64(len(audio)))
		if err != nil {
			t.Fatalf("Put audio = %v", err)
		}
	}
	if err := s.store.Put(t.Context(), rec); err != nil {
		t.Fatalf("Put = %v", err)
	}
	return rec
}

func documentOf(t testing.TB, text string) recording.Document {
	t.Helper()
	d, err := recording.ParseDocument([]byte(text))
	if err != nil {
		t.Fatalf("ParseDocument(%s) = %v", text, err)
	}
	return d
}

// reply is an answer with its body read.
type reply struct {
	status int
	header http.Header
	body   string
	whole  got // for golden files
}

// do sends a request. header alternates names and values.
func (s *single) do(t testing.TB, method, target, body string, header ...string) reply {
	t.Helper()
	return s.send(t.Context(), method, target, strings.NewReader(body), header...)
}

func (s *single) send(ctx context.Context, method, target string, body io.Reader, header ...string) reply {
	r := httptest.NewRequestWithContext(ctx, method, target, body)
	r.Header.Set("X-Auth-Token", s.token)
	r.Header.Set("X-Request-ID", "req-1")
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	handler, ok := map[string]http.Handler{
		http.MethodPut: s.create, http.MethodPatch: s.patch, http.MethodDelete: s.delete, http.MethodPost: s.delete,
	}[method]
	if !ok {
		handler = s.get
	}
	sent := record(r)
	handler.ServeHTTP(w, r)
	g := got{w, w.Body.Bytes()}
	conforms(s.t, r, sent, g)
	return reply{status: w.Code, header: w.Result().Header, body: w.Body.String(), whole: g}
}

// wantStatus fails the test if p has another status or, unless message is "",
// another message in its envelope.
func (p reply) wantStatus(t testing.TB, status int, message string) {
	t.Helper()
	if p.status != status {
		t.Fatalf("status = %d, want %d; body %.300s", p.status, status, p.body)
	}
	if message == "" {
		return
	}
	if got := p.text(t, "message"); got != message {
		t.Errorf("message = %q, want %q; body %s", got, message, p.body)
	}
	if got := p.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type = %q, want application/json", got)
	}
}

// text returns the string at a path in the body.
func (p reply) text(t testing.TB, path ...string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(p.body), &v); err != nil {
		t.Fatalf("body is not JSON: %v: %.300s", err, p.body)
	}
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	text, _ := v.(string)
	return text
}
