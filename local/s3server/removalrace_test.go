package s3server

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Another process may write into the same folder. A file that it stores between the
// check of a deletion and the deletion stays, as does one that it stores after that.
func TestRemovalRacesAnotherProcess(t *testing.T) {
	t.Parallel()
	d, err := openDisk(t.TempDir(), "b", (*os.File).Sync)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(d.objects, "k")
	write := func(text string) {
		t.Helper()
		other := filepath.Join(d.temporary, "other")
		if err := errors.Join(os.WriteFile(other, []byte(text), 0o600), os.Rename(other, path)); err != nil {
			t.Fatal(err)
		}
	}
	write("same")
	replace := func(*attributes) error {
		write("same")
		return nil
	}
	if err := d.remove(path, false, replace); !errors.Is(err, errPrecondition) {
		t.Errorf("remove of a file that was replaced = %v, want errPrecondition", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "same" {
		t.Errorf("the new file has %q, %v, want it unchanged", text, err)
	}
	hold := func(*attributes) error { return nil }
	if err := d.remove(path, false, hold); err != nil {
		t.Errorf("remove = %v, want nil", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file still exists: %v", err)
	}
	if left, err := os.ReadDir(d.temporary); err != nil || len(left) > 0 {
		t.Errorf("temporary files %v, %v, want none", left, err)
	}
}
