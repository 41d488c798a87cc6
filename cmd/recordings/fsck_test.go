package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/store"
)

// lose implements `lose FOLDER ID`: it removes the audio of a recording from the disk.
func lose(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lose FOLDER ID")
	}
	lost := 0
	ts.Check(filepath.WalkDir(filepath.Join(ts.MkAbs(args[0]), "audio"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasPrefix(e.Name(), args[1]) {
			return err
		}
		lost++
		return os.Remove(path)
	}))
	if lost == 0 {
		ts.Fatalf("no audio of %s", args[1])
	}
}

// stuck implements `stuck FOLDER ACCOUNT ID`: it deletes a recording an hour ago, and
// leaves its purge pending.
func stuck(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: stuck FOLDER ACCOUNT ID")
	}
	ctx := context.Background()
	dir, err := datadir.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	s, err := dir.OpenStore(ctx, func() time.Time { return time.Now().Add(-time.Hour) })
	ts.Check(err)
	_, err = s.Delete(ctx, args[1], args[2], store.Deletion{})
	ts.Check(err)
	ts.Check(s.Close())
}
