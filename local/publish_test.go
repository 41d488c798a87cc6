package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// BenchmarkPublish publishes all events of a long queue. The time for one must not
// depend on their number.
func BenchmarkPublish(b *testing.B) {
	body, err := json.Marshal(store.Change{At: time.Now(), After: &store.Image{Recording: recording.Recording{
		Account: "a", ID: "202601-a", Owner: "u", Created: 63_900_000_000, Modified: 63_900_000_000, Revision: "1-00000000",
	}}})
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("waiting=%d", n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				dir, err := datadir.Open(filepath.Join(b.TempDir(), "data"))
				if err != nil {
					b.Fatal(err)
				}
				box := &box{dir: dir, now: time.Now, log: slog.New(slog.DiscardHandler)}
				box.settings.Host, box.settings.Port, box.settings.DataDir = "127.0.0.1", "0", dir.Path
				if err := box.open(b.Context()); err != nil {
					b.Fatal(err)
				}
				db, err := sql.Open("sqlite", dir.File("recordings.db"))
				if err == nil {
					_, err = db.ExecContext(b.Context(), "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT ?)"+
						" INSERT INTO queue (name, body) SELECT ?, ? FROM n", n, sqlite.Changes, body)
				}
				if err != nil {
					b.Fatal(err)
				}
				_ = db.Close()
				b.StartTimer()
				for more := true; more; {
					if more, err = box.publishChanges(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				if waiting, _, err := box.store.Counts(b.Context(), sqlite.Changes); waiting > 0 || err != nil {
					b.Fatal(waiting, err)
				}
				if err := box.close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
		})
	}
}
