package sweep_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
)

var errBroken = errors.New("broken")

// breakRemover makes the sweeper fail for recordings that are so many days old, until the function
// that it returns is called.
func (w *world) breakRemover(days ...int) (mend func()) {
	whole, errs := w.Remove, map[string]error{}
	for _, d := range days {
		errs["d"+strconv.Itoa(d)] = errBroken
	}
	w.Remove = choosy{whole, errs}
	return func() { w.Remove = whole }
}

// runAfter runs the sweeper once, after the given time.
func (w *world) runAfter(after time.Duration) error {
	w.Helper()
	w.now = w.now.Add(after)
	_, err := w.Sweeper.Run(w.ctx())
	return err
}

// A recording that cannot be removed holds up neither those behind it nor its account's next
// turns. It goes as soon as it can be removed.
func TestARecordingThatFailsIsSetAside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("A", retention.Rule{Name: "month", Days: 30})
	w.put("A", 60, 50, 40, 10)
	w.pass(time.Hour, 3) // a first run that removes nothing comes before
	w.put("A", 61, 51, 41)
	w.save("A", retention.Rule{Name: "weeks", Days: 20})
	mend := w.breakRemover(51)
	if err := w.runAfter(time.Hour); !errors.Is(err, errBroken) {
		t.Errorf("Run: %v, want an error", err)
	}
	if got := w.left("A"); got != "d51 d10" {
		t.Errorf("%q are left, want only the one that fails and a recent one", got)
	}
	if err := w.runAfter(time.Hour); !errors.Is(err, errBroken) {
		t.Errorf("Run, while the recording still fails: %v, want an error", err)
	}
	mend()
	w.check(w.runAfter(time.Hour))
	w.check(w.runAfter(time.Hour))
	if got := w.left("A"); got != "d10" || w.notes("A") != 0 {
		t.Errorf("%q and %d notes are left, want a recent recording", got, w.notes("A"))
	}
}

// An outage ends the turn at the place where it began.
func TestAnOutageLosesNoPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("A", retention.Rule{Name: "month", Days: 30})
	w.pass(time.Hour, 0)
	var days []int
	for i := range 40 {
		days = append(days, 100-i)
		w.put("A", float64(100-i))
	}
	mend := w.breakRemover(days...)
	if err := w.runAfter(time.Hour); !errors.Is(err, errBroken) {
		t.Errorf("Run: %v, want an error", err)
	}
	if n := w.notes("A"); n > 10 {
		t.Errorf("the outage left %d notes, want at most 10", n)
	}
	mend()
	w.check(w.runAfter(time.Hour))
	if got := w.left("A"); got != "" {
		t.Errorf("%q are left after the outage", got)
	}
}

// A damaged note does not hold up the notes behind it.
func TestADamagedNoteIsPassed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("A", retention.Rule{Name: "month", Days: 30})
	w.goPast("A")
	key := store.EntryKey{Partition: retention.StateOf("A"), Key: retention.AgainPrefix + "0/damaged"}
	w.check(w.store.WriteEntries(w.ctx(), store.EntryWrite{Entry: store.Entry{EntryKey: key, Value: []byte("{")}}))
	w.putOld(3)
	for range 2 {
		if err := w.runAfter(time.Hour); err == nil {
			t.Error("Run with a damaged note: no error")
		}
	}
	if got := w.left("A"); got != "" || w.notes("A") != 1 {
		t.Errorf("%q and %d notes are left, want the damaged note", got, w.notes("A"))
	}
}

// A deleted recording whose purge cannot begin does not hold up others, and is tried again.
func TestADeletedRecordingThatFailsIsPassed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("A", retention.Rule{Name: "all", Days: 365})
	w.run(0)
	w.put("A", 40, 50, 60)
	for _, name := range []string{"d40", "d50", "d60"} {
		w.remove("A", name)
	}
	w.save("A", retention.Rule{Name: "all", Days: 30})
	mend := w.breakRemover(50)
	if err := w.runAfter(time.Hour); !errors.Is(err, errBroken) {
		t.Errorf("Run: %v, want an error", err)
	}
	w.wantRestorable("A", "d50")
	mend()
	for range 6 {
		w.check(w.runAfter(time.Hour))
	}
	w.wantRestorable("A")
}
