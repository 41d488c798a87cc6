package main

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/feed"
)

// feed restart makes the cursors of an account too old, or those of all accounts.
func TestFeedRestart(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	dir, err := datadir.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	store, err := dir.OpenStore(t.Context(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	f := feed.New(store, time.Now)
	for _, c := range []struct {
		name    string
		args    []string
		want    int
		tooOld  bool // of account A
		tooOldB bool
	}{
		{"one account", []string{"--account", "A"}, done, true, false},
		{"all accounts", []string{"--all"}, done, true, true},
		{"neither", nil, misuse, false, false},
		{"both", []string{"--account", "A", "--all"}, misuse, false, false},
	} {
		cursors := map[string]feed.Cursor{}
		for _, account := range []string{"A", "B"} {
			if cursors[account], err = f.Now(t.Context(), account); err != nil {
				t.Fatal(err)
			}
		}
		var out, errs bytes.Buffer
		e := env{now: time.Now, stdout: &out, stderr: &errs, getenv: func(string) string { return "" }}
		if code := run(t.Context(), e, append([]string{"feed", "restart", "--data-dir", folder}, c.args...)); code != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, code, c.want, &errs)
		}
		for account, want := range map[string]bool{"A": c.tooOld, "B": c.tooOldB} {
			if _, err := f.Page(t.Context(), account, cursors[account], 1); errors.Is(err, feed.ErrTooOld) != want {
				t.Errorf("%s: the cursor of %s: %v, want too old: %t", c.name, account, err, want)
			}
		}
	}
}
