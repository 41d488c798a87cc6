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

	"callrecordings/shared/incoming/importer/folder"
	"callrecordings/shared/media"
	"callrecordings/shared/recording"
	"callrecordings/shared/store/sqlite"
)

// shelf is a bucket in memory that keeps media.Reader's promises, and breaks
// them when a test says so.
type shelf struct {
	mu      sync.Mutex
	objects map[string]string
	opened  int
	// fault, if not nil, is asked before each Open, and bodyFault where a body of
	// that many bytes ends.
	fault     func(key string) error
	bodyFault func(key string) (after int, err error)
}

var _ media.Reader = (*shelf)(nil)

func (s *shelf) Stat(_ context.Context, key string) (media.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok := s.objects[key]
	if !ok {
		return media.Object{}, fmt.Errorf("%w: %s", media.ErrNotFound, key)
	}
	return media.Object{Size: int64(len(text))}, nil
}

func (s *shelf) Open(ctx context.Context, key, _ string, _ *media.Part) (io.ReadCloser, media.Object, error) {
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

func (s *shelf) Presign(context.Context, string, media.Grant) (string, error) { return "", nil }

// broken is a body that breaks off.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// desk is a store and a bucket, and an Export of them.
type desk struct {
	folder.Export
	*testing.T
	store *sqlite.Store
	shelf *shelf
	// told is what the export told, sorted, and waited how long it waited.
	told   []folder.Exported
	waited []time.Duration
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{
		Now: func() time.Time { return stored }, Random: rand.Reader, QueueChanges: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	d := &desk{T: t, store: s, shelf: &shelf{objects: map[string]string{}}}
	d.Export = folder.Export{
		Store: s, Audio: d.shelf, Root: filepath.Join(t.TempDir(), "made", "by", "Run"), Account: account, Concurrency: 1,
		Wait: func(_ context.Context, w time.Duration) error {
			d.waited = append(d.waited, w)
			return nil
		},
		Tell: func(e folder.Exported) { d.told = append(d.told, e) },
	}
	return d
}

// created is when the recordings of tests were created, unless they say so.
const created = recording.Seconds(63937071000)

// add stores a recording, with its audio unless that is "".
func (d *desk) add(r recording.Recording, sound string) *recording.Recording {
	d.Helper()
	r.Account = account
	if r.Created == 0 {
		r.Created, r.Modified = created, created+7
	}
	if sound != "" {
		r.Audio.Place = recording.Managed
		d.shelf.objects[r.AudioKey()] = sound
	}
	if err := d.store.Put(d.Context(), &r); err != nil {
		d.Fatal(err)
	}
	return &r
}

// change changes the recording of that id.
func (d *desk) change(id string, do func(*recording.Recording)) {
	d.Helper()
	if _, err := d.store.Update(d.Context(), account, id, func(r *recording.Recording) error {
		r.Modified++
		do(r)
		return nil
	}); err != nil {
		d.Fatal(err)
	}
}

// run exports, and expects no error.
func (d *desk) run(want folder.Summary) {
	d.Helper()
	d.told, d.shelf.opened = nil, 0
	got, err := d.Export.Run(d.Context())
	if err != nil || got != want {
		d.Fatalf("Run = %+v, %v, want %+v; told %+v", got, err, want, d.told)
	}
	slices.SortFunc(d.told, func(a, b folder.Exported) int { return bytes.Compare([]byte(a.ID), []byte(b.ID)) })
}

// files are the files of the export by their names.
func (d *desk) files() map[string]string {
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

// back is the folder as a source.
func (d *desk) back() *tree {
	return &tree{folder.Source{Root: d.Root, Account: account}, d.T}
}
