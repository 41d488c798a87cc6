package sweep_test

import (
	"testing"
	"time"

	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
)

// remove deletes a recording, so that it can be restored for 100 days, or until it expires.
func (w *world) remove(account, name string) {
	w.Helper()
	view := retention.NewView(w.store, retention.NewRules(w.store, w.Now))
	_, err := deletion.New(view, 100, w.Now).Delete(w.ctx(), account, "202601-"+name, deletion.Request{})
	w.check(err)
}

// wantRestorable checks which deleted recordings of an account can be restored.
func (w *world) wantRestorable(account string, want ...string) {
	w.Helper()
	page, err := w.store.Page(w.ctx(), store.Query{Account: account, Deleted: true, Ascending: true, Limit: 1000})
	w.check(err)
	left := map[string]bool{}
	for _, t := range page.Tombstones {
		left[t.ID] = true
	}
	for _, name := range want {
		if !left["202601-"+name] {
			w.Errorf("%s cannot be restored, want it kept", name)
		}
	}
	if len(left) != len(want) {
		w.Errorf("%v can be restored, want %v", left, want)
	}
}

// A policy that is shortened after a deletion ends the time for a restore.
func TestAShorterPolicyCountsForDeletedRecordings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("A", retention.Rule{Name: "all", Days: 365})
	w.run(0)
	w.put("A", 1, 28, 40, 50)
	w.put("B", 50)
	w.check(w.store.Put(w.ctx(), w.rec("A", "tagged", 60, `{"user_metadata":{"tags":{"sale":true}}}`)))
	for _, name := range []string{"d1", "d28", "d40", "tagged"} {
		w.remove("A", name)
	}
	w.remove("B", "d50")
	w.pass(2*time.Hour, 0)
	w.wantRestorable("A", "d1", "d28", "d40", "tagged")
	w.save("A", retention.Rule{Name: "sales", Days: 300, Tag: "sale"}, retention.Rule{Name: "all", Days: 30})
	w.pass(time.Hour, 2) // d40, and d50, a live recording
	w.wantRestorable("A", "d1", "d28", "tagged")
	w.wantRestorable("B", "d50")
	w.pass(44*time.Hour, 0)
	w.pass(8*time.Hour, 1) // d28 expires two days after the deletion
	w.wantRestorable("A", "d1", "tagged")
	found, err := w.store.Tombstone(w.ctx(), "A", "202601-d28")
	if err != nil || !found.PurgePending {
		t.Errorf("the tombstone of d28 = %+v, %v, want a pending purge", found, err)
	}
	w.read = 0
	w.pass(24*time.Hour, 0)
	if w.read > 0 {
		t.Errorf("the sweep has read %d recordings although nothing expires", w.read)
	}
}

// A hold keeps deleted recordings that have expired, until its release.
func TestAHoldKeepsDeletedRecordingsThatExpire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("A", retention.Rule{Name: "all", Days: 365})
	w.run(0)
	w.put("A", 40)
	w.remove("A", "d40")
	release := w.hold("A", hold.Scope{})
	w.save("A", retention.Rule{Name: "all", Days: 30})
	w.pass(24*time.Hour, 0)
	w.wantRestorable("A", "d40")
	release()
	w.pass(time.Hour, 1)
	w.wantRestorable("A")
}

// Many deleted recordings take several turns, and those that expire later are not forgotten.
func TestManyDeletedRecordings(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	w := newWorld(t)
	w.save("A", retention.Rule{Name: "all", Days: 365})
	w.run(0)
	const many = 600
	for i := range many {
		r := w.rec("A", "", 20, `{}`)
		r.ID, r.Created = "202601-n"+time.Duration(i).String(), r.Created-recording.Seconds(i%12)*3600
		w.check(w.store.Put(w.ctx(), r))
		w.remove("A", "n"+time.Duration(i).String())
	}
	w.save("A", retention.Rule{Name: "all", Days: 21})
	w.pass(12*time.Hour, 0)
	w.pass(24*time.Hour, many)
	w.wantRestorable("A")
}
