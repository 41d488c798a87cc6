package reconcile

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// A deleted recording that can be restored keeps its audio, also in an inbox, until its
// time is over.
func TestRestorableRecordingsKeepTheirAudio(t *testing.T) {
	t.Parallel()
	f := open(t)
	until := recording.SecondsOf(f.Time.Add(30 * day))
	for id, key := range map[string]string{
		"202601-a": audioKey("202601-a"), "202601-b": recording.ImportedKey(tenant, "202601-b"),
		"202601-c": audioKey("202601-c") + "~0a", "202601-d": "inbox/acc/1001to1002.wav",
	} {
		f.put(id, ready(key), key)
		f.remove(id, store.Deletion{Until: until})
	}
	f.object("inbox/acc/1001to1002.json", 2)
	f.Time = f.Time.Add(30*day + 12*time.Hour)
	f.run(nil)
	if n := len(f.Objects.Objects); n != 5 {
		t.Errorf("%d objects remain, want 5", n)
	}
	f.EndRestores = deletion.New(f.Records, 30, f.Clock).Ending
	f.Repair = false
	f.Time = f.Time.Add(day)
	f.run(map[Kind][2]int{OverdueRestore: {4, 0}})
	f.Repair = true
	f.run(map[Kind][2]int{OverdueRestore: {4, 4}})
	f.run(map[Kind][2]int{StuckPurge: {4, 4}})
	f.run(nil)
	if n := len(f.Objects.Objects); n != 0 {
		t.Errorf("objects %v remain, want none", f.Objects.Objects)
	}
}

// counting is a table that counts the decisions about deleted recordings, and the reads of
// entries.
type counting struct {
	*sqlite.Store
	decisions, reads int
}

func (s *counting) Condemn(ctx context.Context, account, id string, check func(*store.Tombstone) error, guards ...store.Guard) error {
	s.decisions++
	return s.Store.Condemn(ctx, account, id, check, guards...)
}

func (s *counting) Entries(ctx context.Context, keys ...store.EntryKey) ([]store.Entry, error) {
	s.reads++
	return s.Store.Entries(ctx, keys...)
}

// hold places a legal hold in the account of the tests.
func (f *fixture) hold(scope hold.Scope) {
	f.Helper()
	book := hold.NewBook(f.Records, f.Clock, rand.Reader, false)
	h, err := book.Draft(hold.Hold{Case: "case", Reason: "reason", Scope: scope})
	if err == nil {
		err = book.Place(f.Context(), tenant, h)
	}
	if err != nil {
		f.Fatal(err)
	}
}

// Overdue recordings that stay on hold cost no decision each, and one that is due costs one:
// the holds are read once for each page of rows.
func TestHeldRecordingsCostNoDecisions(t *testing.T) {
	t.Parallel()
	f := open(t)
	const held = 40
	f.page, f.bucket.page = 20, 20
	f.Bucket = f.bucket
	until := recording.SecondsOf(f.Time) + 60
	for i := range held + 1 {
		id := fmt.Sprintf("202601-%02d", i)
		r := &recording.Recording{Account: tenant, ID: id, Created: until, Modified: until, Audio: ready(""), Owner: "held", Document: "{}"}
		if i == held {
			r.Owner = "due"
		}
		if err := f.Records.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		f.object(audioKey(id), 10)
		f.remove(id, store.Deletion{Until: until})
	}
	f.hold(hold.Scope{Owner: "held"})
	s := &counting{Store: f.Records}
	f.EndRestores = deletion.New(s, 30, f.Clock).Ending
	f.Time = f.Time.Add(2 * day)
	f.run(map[Kind][2]int{OverdueRestore: {1, 1}})
	if s.decisions != 1 {
		t.Errorf("%d decisions about %d recordings on hold and one that is due, want 1", s.decisions, held)
	}
	if pages := held/f.page + 1; s.reads > pages+1 { // one more for the decision
		t.Errorf("the holds were read %d times for %d pages of rows, want once for each and for the decision", s.reads, pages)
	}
}

// A clock that is a day ahead ends no time for a restore early, even if a legal hold keeps
// another recording of the account after its time.
func TestAFastClockEndsNoRestoreEarly(t *testing.T) {
	t.Parallel()
	f := open(t)
	now := recording.SecondsOf(f.Time)
	for id, until := range map[string]recording.Seconds{"202601-held": now + 60, "202601-due": now + 60, "202601-later": now + 26*60*60} {
		f.put(id, ready(audioKey(id)), audioKey(id))
		f.remove(id, store.Deletion{Until: until})
	}
	f.hold(hold.Scope{Recording: "202601-held"})
	f.EndRestores = deletion.New(f.Records, 30, f.Clock).Ending
	f.Repair = true
	f.Time = f.Time.Add(2*time.Hour + day) // it is 2 hours after the deletion
	f.run(map[Kind][2]int{OverdueRestore: {1, 1}})
	for id, want := range map[string]bool{"202601-held": true, "202601-due": false, "202601-later": true} {
		if got, err := f.Records.Tombstone(t.Context(), tenant, id); err != nil || got.Until > 0 != want {
			t.Errorf("Tombstone(%s) = %+v, %v, want it restorable: %t", id, got, err, want)
		}
	}
}
