package datadir_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/callrecordings/api/local/datadir"
)

// Only one server has the lock. Others may open the folder.
func TestLock(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	open := func() *datadir.Dir {
		d, err := datadir.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	unlock, err := open().Lock()
	if err != nil {
		t.Fatalf("Lock = %v, want nil", err)
	}
	if _, err := open().Lock(); !errors.Is(err, datadir.ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("a second Lock = %v, want %v and the folder", err, datadir.ErrLocked)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	unlock, err = open().Lock()
	if err != nil {
		t.Fatalf("Lock after unlock = %v, want nil", err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}
