package folder_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/callrecordings/api/shared/incoming/importer"
)

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

func TestOpen(t *testing.T) {
	t.Parallel()
	d := newTree(t)
	d.put("a/a.mp3", "sound")
	d.put("empty.wav", "")
	for _, it := range d.all() {
		a, err := d.Open(t.Context(), &it)
		if err != nil {
			t.Fatalf("Open(%s) = %v", it.Name, err)
		}
		text, err := io.ReadAll(io.NewSectionReader(a, 0, a.Size+1))
		if want := strings.Repeat("sound", int(a.Size)/5); err != nil || string(text) != want || a.SHA256 != sum(want) || a.Size != it.Audio.Size {
			t.Errorf("Open(%s) = %q, %v, %+v, want %q", it.Name, text, err, a, want)
		}
		if err := a.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
}

// A file changes between the list and Open.
func TestOpenOfChangedFile(t *testing.T) {
	t.Parallel()
	temporary := errors.New("not an error of package importer")
	for _, c := range []struct {
		name, text string
		change     func(*tree)
		want       error
	}{
		{"grown", "", func(d *tree) { d.put("202601-a.wav", "sounds") }, temporary},
		{"removed", "", func(d *tree) { _ = os.Remove(filepath.Join(d.Root, "202601-a.wav")) }, importer.ErrGone},
		{"replaced by a folder", "", func(d *tree) {
			_ = os.Remove(filepath.Join(d.Root, "202601-a.wav"))
			d.put("202601-a.wav/a", "")
		}, importer.ErrRefused},
		{"replaced by a link", "", func(d *tree) {
			d.renames("202601-a.wav", "b.wav")()
			_ = os.Symlink("b.wav", filepath.Join(d.Root, "202601-a.wav"))
		}, importer.ErrRefused},
		{"root removed", "", func(d *tree) { _ = os.RemoveAll(d.Root) }, importer.ErrStop},
		{"other bytes, not exported", "", func(d *tree) { d.put("202601-a.wav", "SOUND") }, nil},
		{"exported", exported, (*tree).nothing, nil},
		{"exported, other bytes", exported, func(d *tree) { d.put("202601-a.wav", "SOUND") }, importer.ErrRefused},
		{"exported, another size", exported, func(d *tree) { d.put("202601-a.wav", "sounds") }, importer.ErrRefused},
		{"exported, now empty", exported, func(d *tree) { d.put("202601-a.wav", "") }, importer.ErrRefused},
		{"exported, removed", exported, func(d *tree) { _ = os.Remove(filepath.Join(d.Root, "202601-a.wav")) }, temporary},
		{
			"exported without a checksum, another size", `{"id":"202601-a","pvt_created":1,"pvt_audio":{"file":"202601-a.wav","size":4}}`,
			(*tree).nothing, importer.ErrRefused,
		},
		{"exported without size and checksum", `{"id":"202601-a","pvt_created":1,"pvt_audio":{"file":"202601-a.wav"}}`, (*tree).nothing, nil},
		{"exported without audio", `{"id":"202601-a","pvt_created":1}`, (*tree).nothing, importer.ErrGone},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newTree(t)
			d.put("202601-a.wav", "sound")
			if c.text != "" {
				d.put("202601-a.json", c.text)
			}
			items := d.all()
			it := items[len(items)-1]
			c.change(d)
			a, err := d.Open(t.Context(), &it)
			if err == nil {
				_ = a.Close()
			}
			got := err
			if err != nil && !errors.Is(err, importer.ErrGone) && !errors.Is(err, importer.ErrRefused) && !errors.Is(err, importer.ErrStop) {
				got = temporary
			}
			if !errors.Is(got, c.want) {
				t.Errorf("Open = %v, want %v", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), d.Root) && !errors.Is(err, importer.ErrStop) {
				t.Errorf("Open = %v, want no path", err)
			}
		})
	}
}

func TestOpenIsStopped(t *testing.T) {
	t.Parallel()
	d := newTree(t)
	d.put("a.mp3", "sound")
	it := d.only()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if a, err := d.Open(ctx, it); !errors.Is(err, context.Canceled) {
		t.Errorf("Open = %v, %v, want %v", a, err, context.Canceled)
	}
}

// probingContext calls do whenever its Err is called.
type probingContext struct {
	context.Context
	do func()
}

func (a *probingContext) Err() error {
	a.do()
	return a.Context.Err()
}

func TestOpenDuringChange(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*tree) func(){
		"grown":     func(d *tree) func() { return d.puts("a.mp3", "sounds") },
		"cut":       func(d *tree) func() { return d.puts("a.mp3", "so") },
		"rewritten": func(d *tree) func() { return d.touches("a.mp3") },
	} {
		d := newTree(t)
		d.put("a.mp3", "sound")
		if a, err := d.Open(&probingContext{t.Context(), sync.OnceFunc(do(d))}, d.only()); err == nil || errors.Is(err, importer.ErrRefused) {
			t.Errorf("Open(%s) = %v, %v, want a temporary error", name, a, err)
		}
	}
}
