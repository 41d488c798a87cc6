package sqlite

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/recording"
)

// RevertLookups turns the file into one of the version before lookups.sql, except for
// the version's number.
const RevertLookups = `
	DROP INDEX restorable; DROP INDEX restorable_by_user;
	ALTER TABLE recordings DROP COLUMN restore_until; ALTER TABLE recordings DROP COLUMN deleted_by; ALTER TABLE recordings DROP COLUMN cause;
	DROP TABLE entries;
	DROP INDEX by_audio_key; DROP INDEX by_modified; DROP INDEX queue_parked; DROP INDEX queue_waiting; DROP INDEX queue_account;
	CREATE INDEX queue_account ON queue (name, account, number);
	CREATE INDEX queue_due ON queue (name, due, number);`

// revert turns the file into one of the version before upkeep.sql. The later
// migrations then run when the file is opened.
func revert(t *testing.T, s *Store) {
	t.Helper()
	_, err := s.write.ExecContext(t.Context(), RevertLookups+`
		DROP INDEX queue_account;
		DROP TABLE sweep; ALTER TABLE queue DROP COLUMN account; PRAGMA user_version = 3`)
	if err != nil {
		t.Fatal(err)
	}
}

// fillQueue adds n messages to a queue in one transaction.
func fillQueue(tb testing.TB, s *Store, q Queue, n int) {
	tb.Helper()
	err := s.change(tb.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(tb.Context(), "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT ?)"+
			" INSERT INTO queue (name, body) SELECT ?, hex(zeroblob(150)) FROM n", n, q)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// Done removes any number of messages, and only these.
func TestDoneRemovesABatch(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	fillQueue(t, s, Changes, 600)
	due, err := s.Due(t.Context(), Changes, 500)
	if err != nil || len(due) != 500 {
		t.Fatalf("Due = %d messages, %v, want 500", len(due), err)
	}
	var numbers []int64
	for _, m := range due[1:] {
		numbers = append(numbers, m.Number)
	}
	for range 2 {
		if err := s.Done(t.Context(), numbers...); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Done(t.Context()); err != nil {
		t.Errorf("Done without messages = %v, want nil", err)
	}
	left, err := s.Due(t.Context(), Changes, 1000)
	if err != nil || len(left) != 101 || left[0].Number != due[0].Number {
		t.Errorf("Due = %d messages, %v, want the first and the last hundred", len(left), err)
	}
}

// AudioKeys finds keys of recordings that differ from those of recording.AudioKey.
func TestAudioKeys(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	for i, key := range []string{"inbox/a/1 \"ü\".mp3", "inbox/a/2.mp3", ""} {
		r := sample(strconv.Itoa(i))
		r.Audio = recording.Audio{Place: recording.Managed, Key: key}
		if err := s.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.AudioKeys(t.Context(), []string{"inbox/a/1 \"ü\".mp3", "inbox/a/3.mp3", ""})
	if diff := cmp.Diff(map[string]bool{"inbox/a/1 \"ü\".mp3": true}, got); diff != "" || err != nil {
		t.Errorf("AudioKeys: %v (-want +got):\n%s", err, diff)
	}
	if got, err := s.AudioKeys(t.Context(), nil); len(got) > 0 || err != nil {
		t.Errorf("AudioKeys of no keys = %v, %v, want none", got, err)
	}
}

// ModifiedSince returns recent recordings with managed audio, without their documents.
func TestModifiedSince(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	for i, place := range []recording.Place{recording.Managed, recording.Managed, recording.External} {
		r := sample(strconv.Itoa(i))
		r.Modified, r.Document, r.Audio = recording.Seconds(10+i), `{"from":"x"}`, recording.Audio{Place: place, Size: int64(i)}
		if err := s.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.ModifiedSince(t.Context(), 11)
	if err != nil || len(got) != 1 || got[0].ID != "202601-1" || got[0].Audio.Size != 1 || got[0].Document != "" {
		t.Errorf("ModifiedSince = %+v, %v, want the second recording without its document", got, err)
	}
}

// BenchmarkQueue reads and removes batches of a queue with many waiting messages. The
// time per message must not depend on their number.
func BenchmarkQueue(b *testing.B) {
	const batch = 25
	for _, waiting := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			s, err := open(b.Context(), filepath.Join(b.TempDir(), "recordings.db"), Options{Now: time.Now}, busyTimeout)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			fillQueue(b, s, Changes, waiting)
			for b.Loop() {
				due, err := s.Due(b.Context(), Changes, batch)
				if err != nil || len(due) != batch {
					b.Fatalf("Due = %d messages, %v", len(due), err)
				}
				numbers := make([]int64, len(due))
				for i, m := range due {
					numbers[i] = m.Number
				}
				if err := s.Done(b.Context(), numbers...); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				fillQueue(b, s, Changes, batch)
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/message")
		})
	}
}
