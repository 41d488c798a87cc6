package datadir_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/store"
)

// Keys, account and users are generated once and then kept.
func TestOpenMakesKeysOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "made", "by", "open")
	first, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the second Open differs (-first +second):\n%s", diff)
	}
	if _, err := auth.ParseKeys(first.Keys.Token); err != nil {
		t.Errorf("ParseKeys = %v, want nil", err)
	}
	if _, err := cursor.New(first.Keys.Cursor, ""); err != nil {
		t.Errorf("cursor.New = %v, want nil", err)
	}
	if !auth.ValidName(first.Keys.Account) || len(first.Keys.Users) < 2 || !auth.ValidName(first.Keys.Users[0]) {
		t.Errorf("account %q, users %q: want valid IDs", first.Keys.Account, first.Keys.Users)
	}
	if names := list(t, path); !cmp.Equal(names, []string{"keys.json"}) {
		t.Errorf("the folder holds %q, want only keys.json", names)
	}
	wantMode(t, filepath.Join(path, "keys.json"), 0o600)
	wantMode(t, path, 0o700|fs.ModeDir)
}

// Only the owner has access to the folder and its files, also after an earlier
// version or another program has made them accessible.
func TestEverythingIsPrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data")
	for range 2 {
		d, err := datadir.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.OpenStore(t.Context(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"recordings.db", "recordings.db-wal", "recordings.db-shm", "keys.json"} {
			wantMode(t, filepath.Join(path, name), 0o600)
		}
		wantMode(t, path, 0o700|fs.ModeDir)
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
		for name, mode := range map[string]fs.FileMode{"recordings.db": 0o644, "keys.json": 0o640, ".": 0o755} {
			if err := os.Chmod(filepath.Join(path, name), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	foreign := filepath.Join(path, "note")
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(foreign, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.Open(path); err != nil {
		t.Fatal(err)
	}
	wantMode(t, filepath.Join(path, "recordings.db"), 0o600)
	wantMode(t, foreign, 0o644)
	wantMode(t, path, 0o777|fs.ModeSticky|fs.ModeDir)
}

func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode() != want {
		t.Errorf("mode of %s = %v, want %v", filepath.Base(path), info.Mode(), want)
	}
}

func list(t *testing.T, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Concurrent first opens agree on the keys, and all can use the database.
func TestConcurrentOpens(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data")
	const many = 8
	accounts := make([]string, many)
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			d, err := datadir.Open(path)
			if err != nil {
				t.Errorf("Open = %v, want nil", err)
				return
			}
			accounts[i] = d.Keys.Account
			s, err := d.OpenStore(t.Context(), time.Now)
			if err != nil {
				t.Errorf("OpenStore = %v, want nil", err)
				return
			}
			if _, err := s.Page(t.Context(), store.Query{Account: "a", Limit: 1}); err != nil {
				t.Errorf("Page = %v, want nil", err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("Close = %v, want nil", err)
			}
		})
	}
	wg.Wait()
	for _, got := range accounts {
		if got != accounts[0] {
			t.Errorf("account %q, want %q as in the first", got, accounts[0])
		}
	}
}

// The error for an unusable folder is one line that names the folder.
func TestOpenErrors(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := func(text string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "keys.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "keys.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, want string }{
		{"a file", file, "cannot be made"},
		{"below a file", filepath.Join(file, "data"), "cannot be made"},
		{"keys that are a folder", folder, "cannot be read"},
		{"keys that are not JSON", damaged("secret!"), "are damaged"},
		{"truncated keys", damaged(`{"account":"a"`), "are damaged"},
		{"keys with a missing member", damaged(`{"account":"a","users":["b"]}`), "are damaged: a key is missing"},
	} {
		_, err := datadir.Open(c.path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) ||
			strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "secret!") {
			t.Errorf("Open(%s) = %v, want one line with %q and the path", c.name, err, c.want)
		}
	}
}

// Two S3 servers on the same folder serve the same audio.
func TestAudioIsShared(t *testing.T) {
	t.Parallel()
	d, err := datadir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	one, two := bucket(t, d), bucket(t, d)
	if err := one.Put(ctx, "recordings/a/x", "audio/wav", strings.NewReader("audio"), 5); err != nil {
		t.Fatal(err)
	}
	o, err := two.Stat(ctx, "recordings/a/x")
	if err != nil || o.Size != 5 || o.ContentType != "audio/wav" {
		t.Errorf("Stat on the other server = %+v, %v, want 5 bytes of audio/wav", o, err)
	}
	if err := two.Remove(ctx, "recordings/a/x"); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Stat(ctx, "recordings/a/x"); !errors.Is(err, media.ErrNotFound) {
		t.Errorf("Stat after Remove on the other server = %v, want %v", err, media.ErrNotFound)
	}
}

// audioBucket is the part of a bucket that the tests use.
type audioBucket interface {
	media.Reader
	media.Writer
	media.Remover
}

func bucket(t *testing.T, d *datadir.Dir) audioBucket {
	t.Helper()
	s, err := d.StartS3(t.Context(), "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	b, err := d.OpenBucket(s.URL(), "")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWritePrivateReplaces(t *testing.T) {
	t.Parallel()
	d, err := datadir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first, which is longer\n", "second\n"} {
		if err := d.WritePrivate("demo.env", text); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(d.File("demo.env")); err != nil || string(got) != text {
			t.Errorf("demo.env = %q, %v, want %q", got, err, text)
		}
	}
	wantMode(t, d.File("demo.env"), 0o600)
	if names := list(t, d.Path); !cmp.Equal(names, []string{"demo.env", "keys.json"}) {
		t.Errorf("the folder holds %q, want demo.env and keys.json", names)
	}
}

// Printing keys by mistake does not reveal secrets.
func TestKeysAreSecret(t *testing.T) {
	t.Parallel()
	d, err := datadir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(d.Keys), fmt.Sprintf("%+v %#v", *d, d.Keys)} {
		if strings.Contains(text, d.Keys.S3SecretAccessKey) || strings.Contains(text, d.Keys.Cursor) {
			t.Errorf("printed: %s", text)
		}
	}
	text, err := json.Marshal(d.Keys) // keys.json must hold the secrets
	if err != nil || !strings.Contains(string(text), d.Keys.S3SecretAccessKey) {
		t.Errorf("Marshal = %s, %v, want the secrets", text, err)
	}
}

func TestOpenStoreRespectsItsContext(t *testing.T) {
	t.Parallel()
	d, err := datadir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if s, err := d.OpenStore(ctx, time.Now); err == nil {
		t.Errorf("OpenStore(a canceled context) = %v, want an error", s.Close())
	}
}
