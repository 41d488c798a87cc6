package sqlite

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// arrivalOf returns an event about an object of an account.
func arrivalOf(account string, n int) []byte {
	return fmt.Appendf(nil, `{"Records":[{"s3":{"object":{"key":"inbox/%s/%d.mp3"}}}]}`, account, n)
}

// The due messages of an account are found without reading those of other accounts.
func TestDueByAccount(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	for n := range 30 {
		if err := s.Enqueue(t.Context(), Arrivals, arrivalOf("busy", n)); err != nil {
			t.Fatal(err)
		}
	}
	for _, body := range [][]byte{arrivalOf("small", 0), []byte("not JSON"), []byte("{}"), arrivalOf("late", 0), arrivalOf("small", 1)} {
		if err := s.Enqueue(t.Context(), Arrivals, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.PutOff(t.Context(), 34, time.Hour, "why"); err != nil {
		t.Fatal(err)
	}
	accounts, err := s.DueAccounts(t.Context(), Arrivals)
	if diff := cmp.Diff([]string{"", "busy", "small"}, accounts); diff != "" || err != nil {
		t.Errorf("DueAccounts: %v (-want +got):\n%s", err, diff)
	}
	for account, want := range map[string]string{"": "32 33", "busy": "1 2 3", "small": "31 35", "late": "", "other": ""} {
		due, err := s.DueOf(t.Context(), Arrivals, account, 3)
		var numbers []string
		for _, m := range due {
			numbers = append(numbers, strconv.FormatInt(m.Number, 10))
		}
		if got := strings.Join(numbers, " "); got != want || err != nil {
			t.Errorf("DueOf(%q) = %s, %v, want %s", account, got, err, want)
		}
	}
	for _, c := range []struct {
		text string
		args []any
	}{{selectAccounts, []any{Arrivals, 5}}, {selectDueOf, []any{Arrivals, "a", 5, 5}}} {
		got, err := s.plan(t.Context(), c.text, c.args)
		if err != nil || !strings.Contains(got, "queue_account (name=? AND account=?") || strings.Contains(got, "TEMP") {
			t.Errorf("plan for %s: %s, %v, want a range of the index and no sorting", c.text, got, err)
		}
	}
}

// The migration that adds the column account fills it for existing messages.
func TestMigrationSetsAccounts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	s := openWithTimeout(t, path, busyTimeout)
	for _, body := range [][]byte{arrivalOf("a", 0), []byte("not JSON"), arrivalOf("b-1", 0), []byte(`{"Records":[]}`)} {
		if err := s.Enqueue(t.Context(), Arrivals, body); err != nil {
			t.Fatal(err)
		}
	}
	revert(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	accounts, err := openWithTimeout(t, path, busyTimeout).DueAccounts(t.Context(), Arrivals)
	if diff := cmp.Diff([]string{"", "a", "b-1"}, accounts); diff != "" || err != nil {
		t.Errorf("DueAccounts: %v (-want +got):\n%s", err, diff)
	}
}

// Messages that are set aside are counted separately, and Retry keeps their tries.
func TestCountsAndRetry(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	for n := range 3 {
		if err := s.Enqueue(t.Context(), Arrivals, arrivalOf("a", n)); err != nil {
			t.Fatal(err)
		}
	}
	for number, delay := range map[int64]time.Duration{1: -1, 2: time.Hour} {
		if err := s.PutOff(t.Context(), number, delay, "why"); err != nil {
			t.Fatal(err)
		}
	}
	want := func(waiting, setAside int) {
		t.Helper()
		if w, a, err := s.Counts(t.Context(), Arrivals); w != waiting || a != setAside || err != nil {
			t.Errorf("Counts = %d, %d, %v, want %d and %d", w, a, err, waiting, setAside)
		}
	}
	want(2, 1)
	if n, err := s.Retry(t.Context(), Arrivals); n != 1 || err != nil {
		t.Errorf("Retry = %d, %v, want 1", n, err)
	}
	want(3, 0)
	due, err := s.Due(t.Context(), Arrivals, 10)
	if err != nil || len(due) != 2 || due[0].Number != 1 || due[0].Tries != 1 {
		t.Errorf("due = %+v, %v, want the first with one try, and the third", due, err)
	}
}
