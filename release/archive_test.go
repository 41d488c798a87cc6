package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var at = time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC)

// sources writes two files with the time modified and returns them for an archive.
func sources(t *testing.T, modified time.Time) []file {
	t.Helper()
	dir := t.TempDir()
	files := []file{{"top/README.md", filepath.Join(dir, "a"), 0o644}, {"top/program", filepath.Join(dir, "b"), 0o755}}
	for _, f := range files {
		if err := os.WriteFile(f.source, []byte("content of "+f.name), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(f.source, modified, modified); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// Files with other times and in another folder give the same archive.
func TestArchivesAreReproducible(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a.tar.gz", "a.zip"} {
		var archives [2][]byte
		for i := range archives {
			path := filepath.Join(t.TempDir(), name)
			if err := writeArchive(path, sources(t, at.AddDate(i, 0, 0)), at); err != nil {
				t.Fatal(err)
			}
			var err error
			if archives[i], err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(archives[0], archives[1]) {
			t.Errorf("%s: two archives of the same files differ", name)
		}
	}
}

// An archive has the files in order, with their modes, content and time.
func TestArchiveContent(t *testing.T) {
	t.Parallel()
	files := sources(t, at)
	dir := t.TempDir()
	for _, c := range []struct {
		name string
		list func(*testing.T, string) string
	}{{"a.tar.gz", listTar}, {"a.zip", listZip}} {
		path := filepath.Join(dir, c.name)
		if err := writeArchive(path, files, at); err != nil {
			t.Fatal(err)
		}
		want := "top/README.md -rw-r--r-- 2026-01-31T09:30:00Z content of top/README.md\n" +
			"top/program -rwxr-xr-x 2026-01-31T09:30:00Z content of top/program\n"
		if got := c.list(t, path); got != want {
			t.Errorf("%s has %q, want %q", c.name, got, want)
		}
	}
	if err := writeArchive(filepath.Join(dir, "b.zip"), []file{{"x", filepath.Join(dir, "missing"), 0o644}}, at); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an archive of a missing file: %v, want %v", err, os.ErrNotExist)
	}
}

func entry(t *testing.T, info os.FileInfo, name string, body io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return name + " " + info.Mode().String() + " " + info.ModTime().UTC().Format(time.RFC3339) + " " + string(text) + "\n"
}

func listTar(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for archive := tar.NewReader(unpacked); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return all.String()
		} else if err != nil {
			t.Fatal(err)
		}
		all.WriteString(entry(t, h.FileInfo(), h.Name, archive))
	}
}

func listZip(t *testing.T, path string) string {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	var all strings.Builder
	for _, f := range archive.File {
		body, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(entry(t, f.FileInfo(), f.Name, body))
		_ = body.Close()
	}
	return all.String()
}

// A version other than that of the source is refused before anything is built.
func TestTheVersionMustBeThatOfTheSource(t *testing.T) {
	t.Parallel()
	r := release{version: "0.0.1", out: t.TempDir()}
	if err := r.run(t.Context(), []string{"linux/amd64"}); err == nil || !strings.Contains(err.Error(), "0.0.1") {
		t.Errorf("run = %v, want an error that names the version", err)
	}
}
