package upload_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming/upload"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fixture is an Uploader over a real store. The audio goes into a map, where a
// test sees the remaining objects.
type fixture struct {
	upload.Uploader
	store *sqlite.Store
	audio *bucket
	wav   []byte
}

func open(t *testing.T) *fixture {
	t.Helper()
	now := func() time.Time { return noon }
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), sqlite.Options{Now: now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	wav, err := os.ReadFile("../../audiofile/testdata/alaw.wav") // 1.2 s
	if err != nil {
		t.Fatal(err)
	}
	audio := &bucket{objects: map[string]string{}}
	return &fixture{Uploader: upload.Uploader{Store: s, Audio: audio, Now: now, Random: rand.Reader}, store: s, audio: audio, wav: wav}
}

func (f *fixture) add(ctx context.Context, req upload.Request) (*recording.Recording, error) {
	return f.Add(ctx, req, bytes.NewReader(f.wav), int64(len(f.wav)), nil)
}

// bucket is an object store in memory that can fail.
type bucket struct {
	mu      sync.Mutex
	objects map[string]string
	fail    error
	after   func() // runs after a successful Put
}

func (s *bucket) Put(_ context.Context, key, contentType string, body io.Reader, size int64) error {
	data, err := io.ReadAll(body)
	if err != nil || int64(len(data)) != size {
		return errors.Join(err, errors.New("the body has another size"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = contentType
	if s.fail == nil && s.after != nil {
		s.after()
	}
	return s.fail // if it fails, the object is stored nevertheless
}

func (s *bucket) Remove(ctx context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
	return ctx.Err()
}

func (s *bucket) keys() []string {
	var keys []string
	for k := range s.objects {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// The document has the fields that deployed interfaces read (contract, The
// document).
func TestAddWritesTheDocument(t *testing.T) {
	t.Parallel()
	f := open(t)
	start := recording.SecondsOf(noon.AddDate(0, -1, 0))
	for _, c := range []struct {
		name    string
		request upload.Request
		want    map[string]string // the JSON text of fields
	}{
		{"all fields", upload.Request{
			Account: "acc", Owner: "usr", ID: "202602-x", Direction: "outbound", Start: start,
			Caller: "1001", CallerName: "Zoë \"Z\"", Callee: "+15550100", CalleeName: "Taxi", Realm: "pbx.example.com",
			UserMetadata: `{"tag": "vip"}`,
		}, map[string]string{
			"name": `"x.wav"`, "description": `"recording x.wav"`, "content_type": `"audio/wav"`, "media_type": `"wav"`,
			"direction": `"outbound"`, "origin": `"outbound to offnet from account"`, "start": "63937166400",
			"duration": "1", "duration_ms": "1200", "from": `"1001@pbx.example.com"`, "to": `"+15550100@pbx.example.com"`,
			"caller_id_number": `"1001"`, "caller_id_name": `"Zoë \"Z\""`, "callee_id_number": `"+15550100"`, "callee_id_name": `"Taxi"`,
			"owner_id": `"usr"`, "call_id": `"202602-x"`, "custom_channel_vars": `{"Media-Recording-ID":"202602-x"}`,
			"user_metadata": `{"tag":"vip"}`,
		}},
		{"no fields", upload.Request{Account: "acc", ID: "202603-y"}, map[string]string{
			"direction": `"inbound"`, "origin": `"inbound from offnet to account"`, "start": "63939585600",
			"from": `"unknown@unknown"`, "to": `"unknown@unknown"`, "caller_id_number": `""`, "owner_id": "", "user_metadata": "",
		}},
		{"caller only", upload.Request{Account: "acc", ID: "202603-z", Caller: "+15550123"}, map[string]string{
			"from": `"+15550123@unknown"`, "to": `"unknown@unknown"`,
		}},
		{"addresses", upload.Request{Account: "acc", ID: "202603-a", Caller: "ann@here.example", Callee: "1001", Realm: "there.example"}, map[string]string{
			"from": `"ann@here.example"`, "caller_id_number": `"ann"`, "to": `"1001@there.example"`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			added, err := f.add(t.Context(), c.request)
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.store.Get(t.Context(), "acc", c.request.ID)
			if err != nil || *got != *added {
				t.Fatalf("Get = %+v, %v, want %+v", got, err, added)
			}
			for field, want := range c.want {
				if raw, _ := got.Document.Raw(field); raw != want {
					t.Errorf("%s = %s, want %s", field, raw, want)
				}
			}
			if err := got.Document.Validate().Err(); err != nil {
				t.Errorf("Validate = %v, want nil", err)
			}
		})
	}
}

// Created is start + duration, but never in the future. The month in an ID is
// that of the start, in UTC (contract, List).
func TestAddSetsTheTimes(t *testing.T) {
	t.Parallel()
	f := open(t)
	now := recording.SecondsOf(noon)
	for _, c := range []struct {
		name    string
		start   time.Time
		created recording.Seconds
		month   string
	}{
		{"no start", time.Time{}, now, "202603"},
		{"long ago", noon.AddDate(-1, 0, 0), recording.SecondsOf(noon.AddDate(-1, 0, 0)) + 1, "202503"},
		{"just now", noon, now, "202603"},
		{"tomorrow", noon.AddDate(0, 0, 1), now, "202603"},
		{"another month in local time", time.Date(2026, 2, 1, 0, 30, 0, 0, time.FixedZone("", 3600)), recording.SecondsOf(time.Date(2026, 1, 31, 23, 30, 1, 0, time.UTC)), "202601"},
	} {
		request := upload.Request{Account: "acc"}
		if !c.start.IsZero() {
			request.Start = recording.SecondsOf(c.start)
		}
		r, err := f.add(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if r.Created != c.created || !strings.HasPrefix(r.ID, c.month+"-") || r.Modified != now {
			t.Errorf("%s: ID %s, created %d, modified %d, want month %s, %d, %d", c.name, r.ID, r.Created, r.Modified, c.month, c.created, now)
		}
	}
}

// A second file for an ID, or one for the ID of a deleted recording, is refused.
// The audio of the first file stays as it was.
func TestAddRefusesAnIDInUse(t *testing.T) {
	t.Parallel()
	f := open(t)
	request := upload.Request{Account: "acc", ID: "202603-x"}
	first, err := f.add(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.add(t.Context(), request); !errors.Is(err, store.ErrExists) {
		t.Errorf("Add(the same ID) = %v, want %v", err, store.ErrExists)
	}
	if got := f.audio.keys(); !slices.Equal(got, []string{first.AudioKey()}) {
		t.Errorf("objects = %q, want only that of the first file, %q", got, first.AudioKey())
	}
	if _, err := f.store.Delete(t.Context(), "acc", request.ID, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.add(t.Context(), request); !errors.Is(err, store.ErrDeleted) {
		t.Errorf("Add(a deleted ID) = %v, want %v", err, store.ErrDeleted)
	}
	if got := f.audio.keys(); !slices.Equal(got, []string{first.AudioKey()}) {
		t.Errorf("objects = %q, want only that of the first file, %q", got, first.AudioKey())
	}
}

func TestAddRefusesInvalidRequests(t *testing.T) {
	t.Parallel()
	f := open(t)
	for _, c := range []struct {
		name    string
		request upload.Request
		want    error
	}{
		{"ID without a month", upload.Request{ID: "nomonth"}, recording.ErrBadID},
		{"ID with a slash", upload.Request{ID: "202603-../x"}, recording.ErrBadID},
		{"unknown direction", upload.Request{Direction: "sideways"}, upload.ErrDirection},
		{"metadata that is not an object", upload.Request{UserMetadata: `[1]`}, recording.FieldErrors{}},
		{"text after the metadata", upload.Request{UserMetadata: `{"a":1}, "owner_id": "x"`}, nil},
		{"metadata too large", upload.Request{UserMetadata: `{"a":"` + strings.Repeat("x", recording.MaxUserMetadata) + `"}`}, nil},
	} {
		c.request.Account = "acc"
		_, err := f.add(t.Context(), c.request)
		var fields recording.FieldErrors
		switch _, wantFields := c.want.(recording.FieldErrors); { //nolint:errorlint // a value of the table
		case err == nil, wantFields && !errors.As(err, &fields), !wantFields && c.want != nil && !errors.Is(err, c.want):
			t.Errorf("Add(%s) = %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := f.Add(t.Context(), upload.Request{Account: "acc"}, strings.NewReader("text"), 4, nil); !errors.Is(err, upload.ErrNotAudio) {
		t.Errorf("Add(text) = %v, want %v", err, upload.ErrNotAudio)
	}
	if got := f.audio.keys(); len(got) > 0 {
		t.Errorf("objects = %q, want none", got)
	}
}

// A failed upload leaves neither a document without audio nor audio without a
// document.
func TestAddLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	t.Run("failed upload", func(t *testing.T) {
		t.Parallel()
		f := open(t)
		f.audio.fail = media.ErrUnavailable
		ctx, stop := context.WithCancel(t.Context())
		stop() // as if the user had interrupted it
		if _, err := f.add(ctx, upload.Request{Account: "acc", ID: "202603-x"}); !errors.Is(err, media.ErrUnavailable) {
			t.Errorf("Add = %v, want %v", err, media.ErrUnavailable)
		}
		f.isEmpty(t)
	})
	t.Run("document too large", func(t *testing.T) {
		t.Parallel()
		f := open(t)
		_, err := f.add(t.Context(), upload.Request{Account: "acc", ID: "202603-x", CallerName: strings.Repeat("x", 400<<10)})
		if !errors.Is(err, store.ErrTooLarge) {
			t.Errorf("Add = %v, want %v", err, store.ErrTooLarge)
		}
		f.isEmpty(t)
	})
	t.Run("interrupt after the upload", func(t *testing.T) {
		t.Parallel()
		f := open(t)
		ctx, stop := context.WithCancel(t.Context())
		f.audio.after = stop
		if r, err := f.add(ctx, upload.Request{Account: "acc", ID: "202603-x"}); err != nil {
			t.Errorf("Add = %v, %v, want it finished", r, err)
		}
		if _, err := f.store.Get(t.Context(), "acc", "202603-x"); err != nil {
			t.Errorf("Get = %v, want nil", err)
		}
	})
}

func (f *fixture) isEmpty(t *testing.T) {
	t.Helper()
	if got := f.audio.keys(); len(got) > 0 {
		t.Errorf("objects = %q, want none", got)
	}
	if _, err := f.store.Get(t.Context(), "acc", "202603-x"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get = %v, want %v", err, store.ErrNotFound)
	}
}

func TestAddReportsProgress(t *testing.T) {
	t.Parallel()
	f := open(t)
	var progress []int64
	_, err := f.Add(t.Context(), upload.Request{Account: "acc"}, bytes.NewReader(f.wav), int64(len(f.wav)), func(n int64) { progress = append(progress, n) })
	if err != nil {
		t.Fatal(err)
	}
	if len(progress) == 0 || !slices.IsSorted(progress) || progress[len(progress)-1] != int64(len(f.wav)) {
		t.Errorf("progress = %d, want it to end at %d", progress, len(f.wav))
	}
}
