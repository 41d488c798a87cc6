package person_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/person"
	"github.com/callrecordings/api/shared/recording"
)

// BenchmarkErasure finds and erases 100,000 recordings of a person among twice as many:
// go test -run none -bench Erasure -benchtime 1x ./shared/person.
func BenchmarkErasure(b *testing.B) {
	const many = 100_000
	for b.Loop() {
		f := open(b)
		for n := range 2 * many {
			r := &recording.Recording{Account: "A", ID: recordingID(n), Created: recording.Seconds(n + 1), Document: `{"caller_id_number":"+49309999999"}`}
			if n%2 == 0 {
				r.Document = recording.Document(spellings[n/2%len(spellings)])
			}
			if err := f.store.Put(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
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
