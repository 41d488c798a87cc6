package datadir_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// A missing or empty database beside audio is not replaced by a new one.
func TestALostDatabaseIsNotReplaced(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file  string // beside the database, "" for none
		empty bool   // the database exists, without bytes
		want  error
	}{
		"missing, with a recording":  {"audio/objects/recordings/recordings/a/202601/202601-x", false, datadir.ErrLost},
		"missing, with an inbox":     {"audio/objects/recordings/inbox/a/call.wav", false, datadir.ErrLost},
		"empty, with a recording":    {"audio/objects/recordings/recordings/a/202601/202601-x", true, datadir.ErrLost},
		"missing, without audio":     {"", false, nil},
		"empty, without audio":       {"", true, nil},
		"missing, with server files": {"audio/objects/recordings/.sgwtmp/part", false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, err := datadir.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if c.file != "" {
				if err := os.MkdirAll(filepath.Dir(dir.File(c.file)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(dir.File(c.file), []byte("x"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if c.empty {
				if err := os.WriteFile(dir.File("recordings.db"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s, err := dir.OpenStore(t.Context(), time.Now)
			if err == nil {
				_ = s.Close()
			}
			if !errors.Is(err, c.want) {
				t.Fatalf("OpenStore = %v, want %v", err, c.want)
			}
			if c.want == nil {
				return
			}
			for _, part := range []string{dir.File("recordings.db"), "restore", dir.File("audio")} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("OpenStore = %v, want %s in it", err, part)
				}
			}
			if info, err := os.Stat(dir.File("recordings.db")); err == nil && info.Size() > 0 {
				t.Error("a new database was made")
			}
		})
	}
}

// An error of a damaged database names the file and the way out, once.
func TestADamagedDatabaseNamesTheWayOut(t *testing.T) {
	t.Parallel()
	dir, err := datadir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir.File("recordings.db"), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = dir.OpenStore(t.Context(), time.Now)
	if err = dir.Explain(err); !errors.Is(err, sqlite.ErrDamaged) {
		t.Fatalf("OpenStore = %v, want ErrDamaged", err)
	}
	for _, part := range []string{dir.File("recordings.db"), "restore", ".recover"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("OpenStore = %v, want %s in it", err, part)
		}
	}
	if n := strings.Count(err.Error(), "restore"); n != 1 {
		t.Errorf("OpenStore = %v, want the way out once, not %d times", err, n)
	}
	other := errors.New("other")
	if got := dir.Explain(other); !errors.Is(got, other) || got.Error() != "other" {
		t.Errorf("Explain(other) = %v, want it as it is", got)
	}
}
