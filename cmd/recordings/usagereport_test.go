package main

import (
	"bytes"
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// If the totals of an account cannot be read, the others still get their lines, and the command
// fails at the end.
func TestUsageGoesOnAfterAnAccount(t *testing.T) {
	t.Parallel()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	tree := access.NewTree(s)
	for _, account := range []string{"a", "b", "c"} {
		if err := tree.Add(t.Context(), account, "", ""); err != nil {
			t.Fatal(err)
		}
	}
	broken := store.EntryWrite{Entry: store.Entry{EntryKey: store.EntryKey{Partition: "totals/b", Key: "d/2026-11-01"}, Value: []byte(`"text"`)}}
	if err := s.WriteEntries(t.Context(), broken); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o := usageOptions{env: env{stdout: &out}}
	err = o.printFrom(t.Context(), s, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), nil)
	if err == nil || !strings.Contains(err.Error(), "account b: ") {
		t.Errorf("printFrom = %v, want the error of the account b", err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "a  2026-11") || !strings.HasPrefix(lines[1], "c  2026-11") {
		t.Errorf("the output is %q, want lines for a and c", out.String())
	}
}
