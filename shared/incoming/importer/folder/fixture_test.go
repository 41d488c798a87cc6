package folder_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming/importer/folder"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// bucket is an in-memory media.Reader, with faults.
type bucket struct {
	mu      sync.Mutex
	objects map[string]string
	opened  int
	// fault, if not nil, may fail an Open. bodyFault, if not nil, may interrupt a
	// body after that number of bytes.
	fault     func(key string) error
	bodyFault func(key string) (after int, err error)
}

var _ media.Reader = (*bucket)(nil)

func (s *bucket) Stat(_ context.Context, key string) (media.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok := s.objects[key]
	if !ok {
		return media.Object{}, fmt.Errorf("%w: %s", media.ErrNotFound, key)
	}
	return media.Object{Size: int64(len(text))}, nil
}

func (s *bucket) Open(ctx context.Context, key, _ string, _ *media.Part) (io.ReadCloser, media.Object, error) {
	if s.fault != nil {
		if err := s.fault(key); err != nil {
			return nil, media.Object{}, err
		}
	}
	o, err := s.Stat(ctx, key)
	if err != nil {
		return nil, o, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	body := io.Reader(bytes.NewReader([]byte(s.objects[key])))
	if s.bodyFault != nil {
		if after, err := s.bodyFault(key); err != nil {
			body = io.MultiReader(io.LimitReader(body, int64(after)), broken{err})
		} else if after > 0 {
			body = io.LimitReader(body, int64(after))
		}
	}
	return io.NopCloser(body), o, nil
}

func (s *bucket) Presign(context.Context, string, media.Grant) (string, error) { return "", nil }

// broken is a body that fails.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// fixture is a store and a bucket, and an Export of them.
type fixture struct {
	folder.Export
	*testing.T
	store *sqlite.Store
	audio *bucket
	// reported holds the reported results, sorted. waited holds the waits.
	reported []folder.Exported
	waited   []time.Duration
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{
		Now: func() time.Time { return stored }, Random: rand.Reader, QueueChanges: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	d := &fixture{T: t, store: s, audio: &bucket{objects: map[string]string{}}}
	d.Export = folder.Export{
		Store: s, Audio: d.audio, Root: filepath.Join(t.TempDir(), "made", "by", "Run"), Account: account, Concurrency: 1,
		Wait: func(_ context.Context, w time.Duration) error {
			d.waited = append(d.waited, w)
			return nil
		},
		Report: func(e folder.Exported) { d.reported = append(d.reported, e) },
	}
	return d
}

// created is the default creation time of the recordings.
const created = recording.Seconds(63937071000)

// add stores a recording, with its audio unless content is "".
func (d *fixture) add(r recording.Recording, content string) *recording.Recording {
	d.Helper()
	r.Account = account
	if r.Created == 0 {
		r.Created, r.Modified = created, created+7
	}
	if content != "" {
		r.Audio.Place = recording.Managed
		d.audio.objects[r.AudioKey()] = content
	}
	if err := d.store.Put(d.Context(), &r); err != nil {
		d.Fatal(err)
	}
	return &r
}

// change changes the recording with the given ID.
func (d *fixture) change(id string, do func(*recording.Recording)) {
	d.Helper()
	if _, err := d.store.Update(d.Context(), account, id, func(r *recording.Recording) error {
		r.Modified++
		do(r)
		return nil
	}); err != nil {
		d.Fatal(err)
	}
}

// run exports the recordings, and expects a summary and no error.
func (d *fixture) run(want folder.Summary) {
	d.Helper()
	d.reported, d.audio.opened = nil, 0
	got, err := d.Export.Run(d.Context())
	if err != nil || got != want {
		d.Fatalf("Run = %+v, %v, want %+v; reported %+v", got, err, want, d.reported)
	}
	slices.SortFunc(d.reported, func(a, b folder.Exported) int { return bytes.Compare([]byte(a.ID), []byte(b.ID)) })
}

// files returns the contents of the exported files by name.
func (d *fixture) files() map[string]string {
	d.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(d.Root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(d.Root, path)
		files[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		d.Fatal(err)
	}
	return files
}

// back returns the folder as a source.
func (d *fixture) back() *tree {
	return &tree{folder.Source{Root: d.Root, Account: account}, d.T}
}
