package bulk_test

import (
	"cmp"
	"database/sql"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// recordings is the number of recordings in the benchmark: RECORDINGS, or 2,000.
func recordings(b *testing.B) int {
	b.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("RECORDINGS"), "2000"))
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// fillTable stores n recordings without audio by SQL. Each second one is outbound.
func (f *fixture) fillTable(b *testing.B, n int) {
	b.Helper()
	db, err := sql.Open("sqlite", f.path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(b.Context(), `PRAGMA synchronous=OFF;
		WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n LIMIT ?1)
		INSERT INTO recordings (account, id, owner, created, modified, revision, audio_place, audio_key, audio_type, audio_size, doc)
		SELECT 'A', printf('202601-%07d', n), '', n + 1, n + 1, '1-00000000', '', '', '', 0,
			iif(n % 2, '{"direction":"outbound","caller_id_number":"+49309999999"}', '{"direction":"inbound","caller_id_number":"+49301234567"}')
		FROM n`, n)
	if err != nil {
		b.Fatal(err)
	}
}

// count counts the recordings that match, and those that are deleted.
func (f *fixture) count(b *testing.B) (inbound, outbound, deleted int) {
	b.Helper()
	db, err := sql.Open("sqlite", f.path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	err = db.QueryRowContext(b.Context(), `SELECT
		count(*) FILTER (WHERE deleted = 0 AND doc LIKE '%inbound%'), count(*) FILTER (WHERE deleted = 0 AND doc LIKE '%outbound%'),
		count(*) FILTER (WHERE deleted <> 0) FROM recordings`).Scan(&inbound, &outbound, &deleted)
	if err != nil {
		b.Fatal(err)
	}
	return inbound, outbound, deleted
}

// killing is how many of the first slices of a job die at some call of the store.
const killing = 10

// slices works on a job until it ends, or until the function returns true. The first slices
// are killed.
func (f *fixture) slices(b *testing.B, j *job.Job, until func(*job.Job) bool) *job.Job {
	b.Helper()
	for n := 0; ; n++ {
		now := f.get(b, j)
		if !now.State.Active() || until(now) {
			return now
		}
		m, ok := f.line.Take()
		if !ok && f.line.Len() == 0 {
			b.Fatal("no worker was woken")
		}
		if !ok {
			time.Sleep(10 * time.Millisecond) // until a message is due
			continue
		}
		entries := store.Entries(f.store)
		f.use(f.store, 30)
		if n < killing {
			last := 1 + rand.IntN(3000)
			dying := faultstore.NewWith(f.store, func(call int) faultstore.Fault {
				if call <= last {
					return faultstore.Fault{}
				}
				return faultstore.Fault{Call: call, When: call == last+1, Err: store.ErrUnavailable}
			})
			entries = dying
			f.use(dying, 30)
		}
		e := job.NewEngine(&job.Book{Entries: entries, Queue: f.line, Now: f.now}, job.Options{
			Actions: bulk.Actions(f.options), SliceTime: 5 * time.Second, Lease: time.Minute, Holder: strconv.Itoa(n), Now: time.Now,
		})
		if _, err := e.Slice(b.Context(), m); err != nil {
			f.line.Again(m)
		}
	}
}

func never(*job.Job) bool { return false }

// BenchmarkJobs deletes half of the recordings with two jobs: the first one is cancelled
// halfway, and the second one deletes the rest. It kills workers of both. Then it exports
// the other half. It checks every number.
func BenchmarkJobs(b *testing.B) {
	n := recordings(b)
	for b.Loop() {
		f := open(b)
		f.real = true
		f.fillTable(b, n)
		begin := time.Now()
		report := func(name string, done int) {
			b.ReportMetric(float64(time.Since(begin).Milliseconds())*1000/float64(max(done, 1)), name+"-ms/1000")
			begin = time.Now()
		}
		first := f.slices(b, f.start(b, bulk.DeleteAction, bulk.Params{Filter: inbound}), never)
		if first.State != job.Planned || first.Plan.Count != n/2 {
			b.Fatalf("%+v", first)
		}
		report("plan", n)
		f.confirm(b, first)
		first = f.slices(b, first, func(j *job.Job) bool { return j.Progress.Done.Count > n/4 })
		if first.State == job.Running {
			if _, err := f.book.Cancel(b.Context(), "A", first.ID, func() error { return nil }); err != nil {
				b.Fatal(err)
			}
			first = f.slices(b, first, never)
		}
		left, _, deleted := f.count(b)
		if first.Progress.Done.Count != deleted || deleted+left != n/2 || len(first.NotDone) > 0 {
			b.Fatalf("%d are deleted and %d left: %+v", deleted, left, first)
		}
		second := f.slices(b, f.start(b, bulk.DeleteAction, bulk.Params{Filter: inbound}), never)
		f.confirm(b, second)
		second = f.slices(b, second, never)
		left, outbound, all := f.count(b)
		if second.Progress.Done.Count != n/2-deleted || left != 0 || all != n/2 || outbound != n-n/2 {
			b.Fatalf("%d left, %d outbound, %d deleted: %+v", left, outbound, all, second)
		}
		report("delete", n/2)
		export := f.slices(b, f.start(b, bulk.ExportAction, bulk.Params{Account: true}), never)
		f.confirm(b, export)
		export = f.slices(b, export, never)
		if files := f.unzip(b, export); export.State != job.Done || len(files) != outbound+1 {
			b.Fatalf("%d files of %+v", len(files), export)
		}
		report("export", outbound)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.Sys)/(1<<20), "MB")
	}
}
