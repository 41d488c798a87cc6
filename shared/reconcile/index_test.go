package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
)

// stored returns the keys and the values of the entries of a partition.
func (f *fixture) stored(partition string) map[string]string {
	f.Helper()
	all := map[string]string{}
	for q := (store.EntryQuery{Partition: partition, Limit: 1000}); ; {
		p, err := f.Records.PageEntries(f.Context(), q)
		if err != nil {
			f.Fatal(err)
		}
		for _, e := range p.Entries {
			all[e.Key] = string(e.Value)
		}
		if q.After = p.Next; q.After == "" {
			return all
		}
	}
}

// A run removes deleted recordings from the index. The index is then as if it had followed the
// deletions: recordings that exist keep their words, and count.
func TestDeletionsThatTheIndexHasMissed(t *testing.T) {
	t.Parallel()
	const n = 20
	put := func(f *fixture, i int) string {
		id := fmt.Sprintf("2026%02d-%02d", 1+i/7, i)
		r := &recording.Recording{
			Account: tenant, ID: id, Created: recording.SecondsOf(f.Time), Modified: recording.SecondsOf(f.Time), Audio: recording.Audio{Place: recording.External},
			Document: recording.Document(fmt.Sprintf(`{"caller_id_name":"Person%02d","callee_id_number":"+4930%07d"}`, i, i)),
		}
		if err := f.Records.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		f.index(id)
		return id
	}
	f, want := open(t), open(t)
	for i := range n {
		id := put(f, i)
		if i%5 == 0 {
			put(want, i)
			continue
		}
		until := recording.Seconds(0)
		if i%5 == 1 {
			until = recording.SecondsOf(f.Time.Add(30 * day))
		}
		f.remove(id, store.Deletion{Until: until})
		if until == 0 {
			if err := f.Records.Purged(t.Context(), tenant, id, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.Time = f.Time.Add(2 * time.Hour)
	f.Deep = false
	f.run(map[Kind][2]int{IndexedDeletion: {n * 4 / 5, n * 4 / 5}}) // the first run always reads the whole table
	got, wanted := f.stored("terms/"+tenant), want.stored("terms/"+tenant)
	for key := range got {
		if _, ok := wanted[key]; !ok {
			t.Errorf("the index still has %q", key)
		}
	}
	if len(got) != len(wanted) || len(got) == 0 {
		t.Errorf("the index has %d entries, want %d", len(got), len(wanted))
	}
	// Of a deleted recording, the marker keeps the numbers that a bill needs, and nothing else.
	exists := want.stored("indexed/" + tenant)
	for id, marker := range f.stored("indexed/" + tenant) {
		if _, ok := exists[id]; !ok && (!strings.Contains(marker, `"added"`) || strings.Contains(marker, `"terms"`)) {
			t.Errorf("the marker of %s, which is deleted, is %s", id, marker)
		}
	}
	f.run(nil)
}

// A run that does not read the whole table does not read the index.
func TestTheIndexIsComparedOnceAWeek(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.Deep = false
	f.put("202601-a", ready(""), audioKey("202601-a"))
	f.run(nil)
	f.index("202601-a")
	f.remove("202601-a", store.Deletion{Until: recording.SecondsOf(f.Time.Add(30 * day))})
	f.Time = f.Time.Add(2 * day)
	f.run(nil)
	f.Time = f.Time.Add(5 * day)
	f.run(map[Kind][2]int{IndexedDeletion: {1, 1}})
}

// What another process is about to do is left to it.
func TestBusyIndex(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.put("202601-a", ready(""), "")
	f.index("202601-a")
	f.remove("202601-a", store.Deletion{Until: recording.SecondsOf(f.Time.Add(30 * day))})
	f.Time = f.Time.Add(2 * time.Hour)
	busy := fmt.Appendf(nil, `{"rev":"1","loose":["wx"],"run":"other","until":%d}`, f.Time.Add(search.Lease).UnixMilli())
	e := store.Entry{EntryKey: store.EntryKey{Partition: "indexed/" + tenant, Key: "202601-a"}, Value: busy}
	if err := f.Records.WriteEntries(t.Context(), store.EntryWrite{Entry: e}); err != nil {
		t.Fatal(err)
	}
	f.run(nil)
	f.Time = f.Time.Add(2 * search.Lease)
	f.run(map[Kind][2]int{IndexedDeletion: {1, 1}})
}

// A run that reads the whole table removes totals of owners and tags that count nothing. It leaves
// those that count, those that have just changed, and those of days, because these have the numbers
// for bills.
func TestCountersThatCountNothing(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.Deep = false
	f.put("202601-a", ready(""), audioKey("202601-a"))
	f.index("202601-a")
	f.run(nil)
	count := func(key string, n int64, at time.Time) {
		w := store.EntryWrite{
			Entry: store.Entry{EntryKey: store.EntryKey{Partition: "totals/" + tenant, Key: key}},
			Add:   map[string]int64{"in": n, "inseconds": 0}, Set: map[string]int64{"at": int64(recording.SecondsOf(at))},
		}
		if err := f.Records.WriteEntries(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	keys := func() int { return len(f.stored("totals/" + tenant)) }
	kept := keys()
	week := f.Time.Add(7 * day)
	for _, key := range []string{"o/2024-11-28/anna", "p/2024-11/anna", "s/anna/2024-11-28/Jane Roe", "t/2024-11-28/Jane Roe", "u/2024-11/Jane Roe"} {
		count(key, 0, f.Time)
	}
	count("d/2024-11-28", 0, f.Time)
	count("o/2024-11-28/bob", 1, f.Time)
	count("u/2024-11/sales", 0, week.Add(-time.Minute))
	f.Time = f.Time.Add(2 * day)
	f.run(nil)
	f.Time, f.Repair = week, false
	f.run(map[Kind][2]int{EmptyCounter: {5, 0}})
	f.Repair, f.Deep = true, true
	f.run(map[Kind][2]int{EmptyCounter: {5, 5}})
	if got := keys(); got != kept+3 {
		t.Errorf("%d totals are left, want %d: %v", got, kept+3, f.stored("totals/"+tenant))
	}
	for key, value := range f.stored(accountsPartition) {
		if strings.Contains(value, "anna") || strings.Contains(value, "Jane") {
			t.Errorf("the progress of %s is %s", key, value)
		}
	}
	f.run(nil)
}
