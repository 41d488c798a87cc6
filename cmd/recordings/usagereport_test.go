package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

var november = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// openIndex returns a store with accounts in its tree.
func openIndex(t *testing.T, accounts ...string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, account := range accounts {
		if err := access.NewTree(s).Add(t.Context(), account, "", ""); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// If the totals of an account cannot be read, the others still get their lines, and the command
// fails at the end.
func TestUsageGoesOnAfterAnAccount(t *testing.T) {
	t.Parallel()
	s := openIndex(t, "a", "b", "c")
	broken := store.EntryWrite{Entry: store.Entry{EntryKey: store.EntryKey{Partition: "totals/b", Key: "d/2026-11-01"}, Value: []byte(`"text"`)}}
	if err := s.WriteEntries(t.Context(), broken); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o := usageOptions{env: env{stdout: &out}}
	err := o.printFrom(t.Context(), s, november, nil)
	if err == nil || !strings.Contains(err.Error(), "account b: ") {
		t.Errorf("printFrom = %v, want the error of the account b", err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "a  2026-11") || !strings.HasPrefix(lines[1], "c  2026-11") {
		t.Errorf("the output is %q, want lines for a and c", out.String())
	}
}

// lostTotals is a store whose totals are not available.
type lostTotals struct {
	search.Store
	reads int
}

func (l *lostTotals) PageEntries(ctx context.Context, q store.EntryQuery) (store.EntryPage, error) {
	if strings.HasPrefix(q.Partition, "totals/") {
		l.reads++
		return store.EntryPage{}, store.ErrUnavailable
	}
	return l.Store.PageEntries(ctx, q)
}

// A store that is not available ends the bill at the first account.
func TestUsageEndsWithoutItsStore(t *testing.T) {
	t.Parallel()
	s := openIndex(t, "a", "b", "c")
	lost := &lostTotals{Store: s}
	o := usageOptions{env: env{stdout: io.Discard}}
	err := o.printFrom(t.Context(), lost, november, nil)
	if !errors.Is(err, store.ErrUnavailable) || lost.reads != 1 {
		t.Errorf("printFrom = %v after %d reads, want one", err, lost.reads)
	}
}
