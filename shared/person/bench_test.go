package person_test

import (
	"database/sql"
	"encoding/json"
	"runtime"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/person"
)

// fillTable stores n recordings by SQL. Each second one is Anna's, in seven spellings.
func (f *fixture) fillTable(b *testing.B, n int) {
	b.Helper()
	db, err := sql.Open("sqlite", f.path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	documents, err := json.Marshal(spellings)
	if err != nil {
		b.Fatal(err)
	}
	_, err = db.ExecContext(b.Context(), `PRAGMA synchronous=OFF;
		WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n LIMIT ?1)
		INSERT INTO recordings (account, id, owner, created, modified, revision, audio_place, audio_key, audio_type, audio_size, doc)
		SELECT 'A', printf('202601-%06d', n), '', n + 1, n + 1, '1-00000000', '', '', '', 0,
			iif(n % 2, '{"caller_id_number":"+49309999999"}', json_extract(?2, printf('$[%d]', n / 2 % 7)))
		FROM n`, n, string(documents))
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkErasure finds and erases 100,000 recordings of a person among twice as many:
// go test -run none -bench Erasure -benchtime 1x ./shared/person.
func BenchmarkErasure(b *testing.B) {
	const many = 100_000
	for b.Loop() {
		f := open(b)
		f.fillTable(b, 2*many)
		begun := time.Now()
		j := f.plan(b, person.EraseAction, anna)
		b.ReportMetric(time.Since(begun).Seconds(), "s/plan")
		if j.Plan.Count != many {
			b.Fatalf("%+v", j.Plan)
		}
		begun = time.Now()
		j, r := f.run(b, j)
		b.ReportMetric(time.Since(begun).Seconds(), "s/erasure")
		if c, lines := f.certificate(b, r); j.State != job.Done || c.Done.Count != many || len(lines) != many {
			b.Fatalf("%+v", c)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapSys>>20), "MB/heap")
	}
}
