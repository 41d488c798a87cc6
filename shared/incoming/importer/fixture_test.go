package importer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store/sqlite"
)

const account = "a0"

// now is the time in all tests.
var now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

// source is an in-memory Source.
type source struct {
	pages []any // []importer.Item or error
	// audio is what Open returns, by name: bytes or an error.
	audio map[string]any
	// during, if not nil, runs while the audio of an item is fetched.
	during func(it *importer.Item)

	mu     sync.Mutex
	opened map[string]int
	open   int // audio that was not closed
}

func (s *source) Pages(ctx context.Context) iter.Seq2[[]importer.Item, error] {
	return func(yield func([]importer.Item, error) bool) {
		for _, p := range s.pages {
			if ctx.Err() != nil {
				return
			}
			items, _ := p.([]importer.Item)
			err, _ := p.(error)
			if !yield(append([]importer.Item(nil), items...), err) {
				return
			}
		}
	}
}

func (s *source) Open(_ context.Context, it *importer.Item) (*importer.Audio, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened == nil {
		s.opened = map[string]int{}
	}
	s.opened[it.Name]++
	if s.during != nil {
		s.during(it)
	}
	switch data := s.audio[it.Name].(type) {
	case error:
		return nil, data
	case []byte:
		sum := sha256.Sum256(data)
		return s.opening(&importer.Audio{ReaderAt: bytes.NewReader(data), Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}), nil
	case unreadable:
		return s.opening(&importer.Audio{ReaderAt: data, Size: 1000}), nil
	}
	return nil, fmt.Errorf("no audio for %s", it.Name)
}

// opening counts audio as open until it is closed.
func (s *source) opening(a *importer.Audio) *importer.Audio {
	s.open++
	a.Close = func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open--
		return nil
	}
	return a
}

// unreadable is audio that was fetched, but cannot be read.
type unreadable struct{}

func (unreadable) ReadAt([]byte, int64) (int, error) { return 0, errors.New("disk error") }

func (s *source) Size(_ context.Context, it *importer.Item) (int64, error) {
	data, _ := s.audio[it.Name].([]byte)
	return int64(len(data)), nil
}

// kazooItem returns an item with audio, as Kazoo lists it.
func kazooItem(name string, start recording.Seconds) importer.Item {
	return importer.Item{
		Name: "202610-" + name, Account: account, ID: "202610-" + name, Exact: true,
		Document: recording.Document(fmt.Sprintf(`{"start":%d,"duration":60,"media_type":".mp3","owner_id":"u1","from":"x"}`, start)),
		Audio:    recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg"},
	}
}

// started is a time before now.
const started = recording.Seconds(63_960_000_000)

// fixture is a real target: SQLite and the built-in S3 server.
type fixture struct {
	store  *sqlite.Store
	bucket *s3media.Bucket
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	dir, err := datadir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := dir.OpenStore(t.Context(), clock)
	if err != nil {
		t.Fatal(err)
	}
	server, err := dir.StartS3(t.Context(), "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := dir.OpenBucket(server.URL(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		bucket.CloseIdleConnections()
		if err := errors.Join(server.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return fixture{s, bucket}
}

func (p fixture) target() importer.Target { return importer.Target{Store: p.store, Audio: p.bucket} }

// options returns the options of most tests. Their waits return at once.
func options() importer.Options {
	return importer.Options{
		Concurrency: 4, Now: clock, Tally: &importer.Tally{}, MaxBytes: 1 << 20,
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

// results collects the reported results.
type results struct {
	mu  sync.Mutex
	all []importer.Result
}

func (r *results) add(res importer.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, res)
}

// get returns a recording of the target.
func (p fixture) get(t *testing.T, id string) *recording.Recording {
	t.Helper()
	r, err := p.store.Get(t.Context(), account, id)
	if err != nil {
		t.Fatalf("Get(%s): %v", id, err)
	}
	return r
}

// play returns the bytes of the recording's audio.
func (p fixture) play(t *testing.T, r *recording.Recording) []byte {
	t.Helper()
	body, o, err := p.bucket.Open(t.Context(), r.AudioKey(), "", nil)
	if err != nil {
		t.Fatalf("Open(%s): %v", r.AudioKey(), err)
	}
	defer func() { _ = body.Close() }()
	all, err := io.ReadAll(body)
	if err != nil || o.ContentType != r.Audio.ContentType {
		t.Fatalf("the audio of %s is %s, want %s; %v", r.ID, o.ContentType, r.Audio.ContentType, err)
	}
	return all
}

// keys returns the keys of all objects in the bucket.
func (p fixture) keys(t *testing.T) []string {
	t.Helper()
	keys, err := p.bucket.List(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// demo returns the audio in a demo file.
func demo(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("../../../local/demo/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
