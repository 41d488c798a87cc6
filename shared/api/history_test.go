package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/historytest"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/bucket"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo"
	"github.com/callrecordings/api/shared/store/dynamo/dynamotest"
	"github.com/callrecordings/api/shared/store/faultstore"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// TestHistoriesOverSQLite opens the file for each client, as several processes do.
func TestHistoriesOverSQLite(t *testing.T) {
	t.Parallel()
	audio := openBucket(t)
	historytest.Run(t, historytest.Harness{Retries: true, Open: func(t testing.TB, faults *historytest.Faults) func() historytest.Client {
		path, account := filepath.Join(t.TempDir(), "recordings.db"), newAccount()
		return func() historytest.Client {
			s, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now, Random: rand.Reader})
			if err != nil {
				t.Fatalf("sqlite.Open = %v", err)
			}
			t.Cleanup(func() { _ = s.Close() })
			return newHistoryClient(t, account, faults.Store(s), audio, faults.RestoreDays())
		}
	}})
}

// TestHistoriesOverDynamoDB makes the requests to DynamoDB Local fail, so the driver
// and the SDK retry them.
func TestHistoriesOverDynamoDB(t *testing.T) {
	t.Parallel()
	options := dynamotest.Options(t)
	audio := openBucket(t)
	historytest.Run(t, historytest.Harness{Retries: true, Open: func(t testing.TB, faults *historytest.Faults) func() historytest.Client {
		account := newAccount()
		return func() historytest.Client {
			o := options
			o.HTTPClient = &http.Client{Transport: faults.Transport(http.DefaultTransport)}
			s, err := dynamo.Open(o)
			if err != nil {
				t.Fatalf("dynamo.Open = %v", err)
			}
			return newHistoryClient(t, account, s, audio, faults.RestoreDays())
		}
	}})
}

func newAccount() string { return strings.ToLower(rand.Text()) }

// historyClient sends requests to handlers of its own, and ingests audio.
type historyClient struct {
	account, token             string
	create, get, patch, remove http.Handler
	retention                  http.Handler
	ingester                   bucket.Ingester
	bucket                     *s3media.Bucket
	audio                      []byte
}

func newHistoryClient(t testing.TB, account string, s faultstore.Driver, b *s3media.Bucket, restoreDays int) *historyClient {
	t.Helper()
	env, token := newEnv(t, account, time.Now)
	return &historyClient{
		retention: Retention(env, s, hold.NewBook(s, time.Now, rand.Reader, false)),
		account:   account, token: token, bucket: b, audio: someAudio(t),
		create: Create(env, s, Uploads{Audio: b, MaxBytes: 1 << 30, TTL: time.Minute}),
		get:    Get(env, s, b, Delivery{}), patch: Patch(env, s), remove: Delete(env, s, b, restoreDays),
		ingester: bucket.Ingester{Store: s, Audio: b, MaxBytes: 1 << 30, Grace: time.Hour, Now: time.Now},
	}
}

// Do implements [historytest.Client].
func (c *historyClient) Do(ctx context.Context, in historytest.Input) historytest.Output {
	path := "/v2/accounts/" + c.account + "/recordings"
	one := path + "/" + in.ID
	switch in.Kind {
	case historytest.Create:
		data := historytest.NewDocument(in)
		header := []string{"Idempotency-Key", in.Key}
		if !in.Keyed {
			data, header = fmt.Sprintf(`{"id":%q,`, in.ID)+data[1:], nil
		}
		return c.send(ctx, c.create, http.MethodPut, path, `{"data":`+data+`}`, header...)
	case historytest.Get:
		return c.send(ctx, c.get, http.MethodGet, one, "")
	case historytest.Patch:
		return c.send(ctx, c.patch, http.MethodPatch, one, historytest.PatchBody(in), "If-Match", in.IfMatch)
	case historytest.Delete:
		return c.send(ctx, c.remove, http.MethodDelete, one, "", "If-Match", in.IfMatch)
	case historytest.Restore:
		return c.send(ctx, c.remove, http.MethodPost, one+"/restore", "")
	case historytest.Hold:
		return c.send(ctx, c.retention, http.MethodPost, path+"/holds", fmt.Sprintf(`{"case":%q,"reason":"letter","recording_id":%q}`, in.Case, in.ID))
	case historytest.Release:
		return c.send(ctx, c.retention, http.MethodDelete, path+"/holds/"+in.HoldID, `{"reason":"settled"}`)
	}
	return c.ingest(ctx, in)
}

// send sends a request to h. header alternates names and values; an empty value
// leaves the header out.
func (c *historyClient) send(ctx context.Context, h http.Handler, method, target, body string, header ...string) historytest.Output {
	r := httptest.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	r.Header.Set("X-Auth-Token", c.token)
	for i := 0; i < len(header); i += 2 {
		if header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	result, ok := map[int]historytest.Result{
		http.StatusOK: historytest.Done, http.StatusCreated: historytest.Done, http.StatusNotFound: historytest.Missing,
		http.StatusPreconditionFailed: historytest.Mismatch, http.StatusConflict: historytest.Conflict,
		http.StatusGone: historytest.Conflict, http.StatusServiceUnavailable: historytest.Unknown,
	}[w.Code]
	if !ok {
		return historytest.Output{Err: fmt.Errorf("%d %s", w.Code, w.Body)}
	}
	if strings.Contains(w.Body.String(), `"on_hold"`) {
		result = historytest.Held
	}
	out := historytest.Output{Result: result}
	if result != historytest.Done {
		return out
	}
	var got struct {
		Revision string
		Data     struct {
			ID       string
			Tags     map[string]string      `json:"user_metadata"`
			ReadOnly struct{ State string } `json:"_read_only"`
		}
	}
	out.Err = json.Unmarshal(w.Body.Bytes(), &got)
	out.ID, out.Revision, out.Document.Ready = got.Data.ID, got.Revision, got.Data.ReadOnly.State == string(recording.Ready)
	for slot := range out.Document.Tags {
		out.Document.Tags[slot] = got.Data.Tags[fmt.Sprintf("t%d", slot)]
	}
	if tag := w.Header().Get("ETag"); tag != "" && tag != `"`+got.Revision+`"` {
		out.Err = cmp.Or(out.Err, fmt.Errorf("ETag %s with revision %s", tag, got.Revision))
	}
	return out
}

// ingest stores the audio, unless that was done, and ingests it.
func (c *historyClient) ingest(ctx context.Context, in historytest.Input) historytest.Output {
	key := recording.AudioKey(c.account, in.ID)
	err := c.bucket.PutNew(ctx, key, "audio/mpeg", c.audio)
	if errors.Is(err, media.ErrUnavailable) { // a delete removed the object that was there
		return historytest.Output{Result: historytest.Unknown}
	}
	if err != nil && !errors.Is(err, media.ErrOccupied) {
		return historytest.Output{Err: err}
	}
	outcome, err := c.ingester.Ingest(ctx, incoming.Arrival{Key: key, Sequencer: "0A"})
	switch {
	case errors.Is(err, incoming.ErrEarly):
		return historytest.Output{Result: historytest.Missing}
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrConflict):
		return historytest.Output{Result: historytest.Unknown}
	case err != nil:
		return historytest.Output{Err: err}
	}
	result, ok := map[incoming.Outcome]historytest.Result{
		incoming.Completed: historytest.Done, incoming.Unchanged: historytest.Unchanged,
		incoming.Gone: historytest.Gone, incoming.Removed: historytest.Missing,
		incoming.Ignored: historytest.Missing, // it can be restored
	}[outcome]
	if !ok {
		return historytest.Output{Err: fmt.Errorf("the arrival is %s", outcome)}
	}
	return historytest.Output{Result: result}
}
