package datadir

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The keys and other small files are synced before they get their name, and the
// folder after that. A sync that fails is an error.
//
//nolint:paralleltest // it replaces syncFile
func TestFilesAreSynced(t *testing.T) {
	var synced []string
	var failure error
	original := syncFile
	t.Cleanup(func() { syncFile = original })
	dir := filepath.Join(t.TempDir(), "data")
	syncFile = func(f *os.File) error {
		name, named := filepath.Base(f.Name()), ""
		if base, _, ok := strings.Cut(name, ".json."); ok {
			name = base + ".json"
		}
		if _, err := os.Stat(filepath.Join(dir, "keys.json")); err == nil {
			named = ", named"
		}
		synced = append(synced, name+named)
		return failure
	}
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"keys.json", "data, named"}; !slices.Equal(synced, want) {
		t.Errorf("synced %q, want %q", synced, want)
	}
	synced = nil
	if err := d.WritePrivate("demo.json", "x"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"demo.json, named", "data, named"}; !slices.Equal(synced, want) {
		t.Errorf("WritePrivate synced %q, want %q", synced, want)
	}
	if failure = errors.New("no sync"); d.WritePrivate("demo.env", "x") == nil {
		t.Error("WritePrivate = nil although the sync failed, want an error")
	}
}
