package person_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/job/jobtest"
	"github.com/callrecordings/api/shared/person"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

var anna = person.Subject{Number: "030 1234567"}

// spellings are the documents of Anna's recordings.
var spellings = []string{
	`{"caller_id_number":"+49301234567"}`,
	`{"caller_id_number":"0049301234567"}`,
	`{"callee_id_number":"0301234567"}`,
	`{"callee_id_number":"(030) 123-4567"}`,
	`{"from":"+49301234567@pbx.example.com"}`,
	`{"to":"sip:+49301234567@pbx.example.com;user=phone"}`,
	`{"custom_channel_vars":{"Caller-ID-Number":"0301234567"}}`,
}

// fill stores Anna's recordings, and others between them.
func (f *fixture) fill(t testing.TB) {
	t.Helper()
	for n, document := range spellings {
		f.put(t, recordingID(n), document, strings.Repeat("x", n+1))
		f.put(t, recordingID(100+n), `{"caller_id_number":"+49309999999"}`, "other")
	}
}

func (f *fixture) exists(t testing.TB, id string) bool {
	t.Helper()
	_, err := f.store.Get(t.Context(), "A", id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	_, audio := f.bucket.Stat(t.Context(), recording.AudioKey("A", id))
	if (err == nil) != (audio == nil) {
		t.Errorf("%s: document %v, audio %v", id, err, audio)
	}
	return err == nil
}

// unzip returns the files of an export.
func (f *fixture) unzip(t testing.TB, key string) map[string]string {
	t.Helper()
	return jobtest.Unzip(t, f.read(t, key))
}

func TestErasureRemovesEverythingOfAPerson(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t)
	f.hold(t, "H1", recordingID(3))
	j := f.plan(t, person.EraseAction, anna)
	if want := (job.Plan{
		Totals: job.Totals{Count: 7, Bytes: 28}, Held: job.Totals{Count: 1, Bytes: 4}, Oldest: j.Plan.Oldest, Newest: j.Plan.Newest,
	}); j.State != job.Planned || j.Plan != want || j.Plan.Oldest == 0 || j.Plan.Oldest >= j.Plan.Newest {
		t.Fatalf("plan: %+v", j)
	}
	// After the plan: one is deleted by another client, one no longer has the number, and one
	// is new.
	if _, err := f.store.Delete(t.Context(), "A", recordingID(1), store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	if err := f.bucket.Remove(t.Context(), recording.AudioKey("A", recordingID(1))); err != nil {
		t.Fatal(err)
	}
	tombstone, err := f.store.Tombstone(t.Context(), "A", recordingID(1))
	if err == nil {
		err = f.store.Purged(t.Context(), "A", recordingID(1), tombstone.Revision)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.store.Update(t.Context(), "A", recordingID(2), func(r *recording.Recording) error {
		r.Document = `{"callee_id_number":"+49308888888"}`
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	f.put(t, recordingID(50), spellings[0], "new")

	j, r := f.run(t, j)
	if j.State != job.Done {
		t.Fatalf("%+v", j)
	}
	for n := range spellings {
		if got, want := f.exists(t, recordingID(n)), n == 2 || n == 3; got != want {
			t.Errorf("recording %d exists: %t, want %t", n, got, want)
		}
		if !f.exists(t, recordingID(100+n)) {
			t.Errorf("recording %d of another person is gone", 100+n)
		}
	}
	if !f.exists(t, recordingID(50)) {
		t.Error("the new recording is gone")
	}
	c, lines := f.certificate(t, r)
	if c.Found.Count != 7 || c.Done.Count != 4 || c.Held.Count != 1 || c.Skipped.Count != 2 || c.Failed.Count != 0 || !c.Complete {
		t.Errorf("certificate: %+v", c)
	}
	if c.Later.Count != 1 || !slices.Equal(c.LaterIDs, []string{recordingID(50)}) || !maps.Equal(c.Holds, map[string]int{"H1": 1}) {
		t.Errorf("later: %+v %q, holds %v", c.Later, c.LaterIDs, c.Holds)
	}
	all := strings.Join(lines, "\n")
	for _, want := range []string{
		`"id":"202601-000003"`, `"outcome":"held","cause":"legal_hold","holds":["H1"]`, `"cause":"deleted_by_another_request"`, `"cause":"no_longer_matches"`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("the list has no %s:\n%s", want, all)
		}
	}
}

// A hold on a number covers all that an erasure of the number finds.
func TestErasureLeavesWhatAHoldOnTheNumberCovers(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t)
	found := slices.Concat(spellings, []string{
		`{"custom_channel_vars":{"Caller-ID-Number":"0301234567"}}`, `{"recording_vars":{"callee":49301234567}}`,
		`{"user_metadata":{"note":"030 1234567"}}`, `{"user_metadata":{"callback":"49301234567"}}`,
	})
	for n := len(spellings); n < len(found); n++ {
		f.put(t, recordingID(n), found[n], "data")
	}
	f.holdOn(t, "H1", hold.Scope{Number: "0301234567"})
	j := f.plan(t, person.EraseAction, anna)
	if j.Plan.Count != len(found) || j.Plan.Held.Count != len(found) {
		t.Errorf("plan: %+v, want all %d on hold", j.Plan, len(found))
	}
	_, r := f.run(t, j)
	if c, _ := f.certificate(t, r); c.Held.Count != len(found) || c.Done.Count != 0 {
		t.Errorf("certificate: %+v, want all %d on hold", c, len(found))
	}
	for n := range found {
		if !f.exists(t, recordingID(n)) {
			t.Errorf("%s is gone in spite of its hold", found[n])
		}
	}
}

// As many holds as an account may have cover every recording. Plan and report list the first ten
// of each, so that they fit into the store.
func TestErasureWithManyHolds(t *testing.T) {
	t.Parallel()
	const recordings = 30
	f := open(t)
	for n := range recordings {
		f.put(t, recordingID(n), `{"owner_id":"anna"}`, "x")
	}
	holds := make([]hold.Hold, hold.MaxActive)
	for n := range holds {
		holds[n] = hold.Hold{ID: fmt.Sprintf("%016x", n), Case: "C"}
	}
	f.setHolds(t, holds...)
	j := f.plan(t, person.EraseAction, person.Subject{Owner: "anna"})
	if j.State != job.Planned || j.Plan.Held.Count != recordings || len(j.HeldItems[0].Holds) != job.MaxHolds {
		t.Fatalf("plan: %+v", j)
	}
	j, r := f.run(t, j)
	c, lines := f.certificate(t, r)
	if j.State != job.Done || c.Held.Count != recordings || len(c.Holds) != job.MaxHolds || c.Holds[holds[0].ID] != recordings {
		t.Errorf("%s with %+v, want all %d on the first %d holds", j.State, c, recordings, job.MaxHolds)
	}
	if len(lines) != recordings || strings.Count(lines[0], `"`+holds[0].ID[:8]) != job.MaxHolds || len(j.NotDone[0].Holds) != job.MaxHolds {
		t.Errorf("%d lines, the first is %s; the first failure is %+v", len(lines), lines[0], j.NotDone[0])
	}
}

func TestErasureOfAnOwnerIncludesWhatCouldBeRestored(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.put(t, recordingID(1), `{"owner_id":"anna"}`, "one")
	f.put(t, recordingID(2), `{"owner_id":"anna"}`, "two")
	f.put(t, recordingID(3), `{"owner_id":"ben"}`, "three")
	for n := 2; n <= 3; n++ {
		_, err := f.store.Delete(t.Context(), "A", recordingID(n), store.Deletion{Until: recording.SecondsOf(f.now().Add(240 * time.Hour))})
		if err != nil {
			t.Fatal(err)
		}
	}
	j := f.plan(t, person.EraseAction, person.Subject{Owner: "anna"})
	if j.Plan.Totals != (job.Totals{Count: 2, Bytes: 6}) {
		t.Fatalf("plan: %+v", j.Plan)
	}
	j, r := f.run(t, j)
	if c, _ := f.certificate(t, r); c.Done.Count != 2 || j.State != job.Done {
		t.Errorf("%+v", c)
	}
	for n, want := range map[int]bool{1: false, 2: false, 3: true} {
		if _, err := f.bucket.Stat(t.Context(), recording.AudioKey("A", recordingID(n))); (err == nil) != want {
			t.Errorf("audio %d: %v", n, err)
		}
	}
}

func TestExportHasDocumentsAndAudio(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t)
	f.put(t, recordingID(20), spellings[0], "")
	f.put(t, recordingID(21), spellings[0], "lost")
	if err := f.bucket.Remove(t.Context(), recording.AudioKey("A", recordingID(21))); err != nil {
		t.Fatal(err)
	}
	f.put(t, recordingID(22), spellings[0], "deleted")
	if _, err := f.store.Delete(t.Context(), "A", recordingID(22), store.Deletion{Until: recording.SecondsOf(f.now().Add(240 * time.Hour))}); err != nil {
		t.Fatal(err)
	}
	// Names that differ in case only.
	f.put(t, "202601-x", spellings[0], "lower")
	f.put(t, "202601-X", spellings[0], "upper")
	j := f.plan(t, person.ExportAction, anna)
	f.put(t, recordingID(50), spellings[0], "new")
	j, r := f.run(t, j)
	files := f.unzip(t, r.Zip)
	if int64(len(f.read(t, r.Zip))) != r.ZipBytes {
		t.Errorf("the file has %d bytes, and the result has %d", len(f.read(t, r.Zip)), r.ZipBytes)
	}
	if len(files) != 7*2+1+1+2+2*2 {
		t.Errorf("%d files: %q", len(files), slices.Sorted(maps.Keys(files)))
	}
	lower := map[string]bool{}
	for name := range files {
		lower[strings.ToLower(name)] = true
	}
	if len(lower) != len(files) {
		t.Error("names differ in case only")
	}
	for n := range spellings {
		name := fmt.Sprintf("%06d_%s", n+1, recordingID(n))
		if files[name+".mp3"] != strings.Repeat("x", n+1) || !strings.Contains(files[name+".json"], recordingID(n)) {
			t.Errorf("%s: %q, %q", name, files[name+".mp3"], files[name+".json"])
		}
	}
	c, lines := f.certificate(t, r)
	if c.Kind != "copy" || c.Found.Count != 12 || c.Done.Count != 12 || c.Later.Count != 1 || len(lines) != 12 || j.State != job.Done {
		t.Errorf("certificate: %+v, state %s", c, j.State)
	}
	for _, cause := range []string{"no_audio", "audio_missing"} {
		if !strings.Contains(strings.Join(lines, "\n"), `"cause":"`+cause+`"`) {
			t.Errorf("no line has the cause %s", cause)
		}
	}
}

func TestACancelledExportLeavesNothing(t *testing.T) {
	t.Parallel()
	f := open(t)
	big := strings.Repeat("x", 5_300_000)
	for n := range 3 {
		f.put(t, recordingID(n), spellings[n], big)
	}
	j := f.plan(t, person.ExportAction, anna)
	f.confirm(t, j)
	slice := 0
	f.between = func() {
		if slice++; slice == 2 {
			if _, err := f.book.Cancel(t.Context(), "A", j.ID, func() error { return nil }); err != nil {
				t.Error(err)
			}
		}
	}
	f.work(t)
	if j = f.get(t, j); j.State != job.Cancelled {
		t.Fatalf("%+v", j)
	}
	if keys, err := f.bucket.List(t.Context(), "exports/", ""); err != nil || len(keys) != 0 {
		t.Errorf("%q, %v", keys, err)
	}
}

func TestACancelledErasureSaysWhatIsErased(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t)
	f.hold(t, "H1", "none")
	j := f.plan(t, person.EraseAction, anna)
	f.confirm(t, j)
	f.between = func() {
		if got := f.get(t, j); got.State == job.Running && got.Reports > 0 {
			if _, err := f.book.Cancel(t.Context(), "A", j.ID, func() error { return nil }); err != nil {
				t.Error(err)
			}
		}
	}
	f.work(t)
	j = f.get(t, j)
	if j.State != job.Cancelled && j.State != job.Done {
		t.Fatalf("%+v", j)
	}
	if !bytes.Contains(j.Result, []byte(`"done":{"count":7`)) {
		t.Errorf("%s", j.Result)
	}
}

// An erasure that is cancelled in the middle of a batch cannot save that batch. The certificate has
// the recordings of the batch that were erased, with the audio gone.
func TestAnErasureCancelledInABatch(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t)
	f.hold(t, "H1", recordingID(2))
	j := f.plan(t, person.EraseAction, anna)
	f.confirm(t, j)
	f.eraser.Deleter = &interrupted{Deleter: f.eraser.Deleter, after: 4, during: func() {
		if _, err := f.book.Cancel(t.Context(), "A", j.ID, func() error { return nil }); err != nil {
			t.Error(err)
		}
	}}
	f.work(t)
	j = f.get(t, j)
	var r person.Result
	if err := json.Unmarshal(j.Result, &r); err != nil || j.State != job.Cancelled {
		t.Fatalf("%v: %+v", err, j)
	}
	c, lines := f.certificate(t, r)
	if c.Complete || c.Done != j.Progress.Done || c.Done.Count != 6 || len(lines) != 6 {
		t.Errorf("%+v with %d lines, want the 6 that were erased", c.Done, len(lines))
	}
	for n := range spellings {
		if f.exists(t, recordingID(n)) != (n == 2) {
			t.Errorf("%s exists: %t", recordingID(n), n != 2)
		}
	}
}

// interrupted is a deleter that calls during once, in the middle of a batch.
type interrupted struct {
	person.Deleter

	after  int32
	calls  atomic.Int32
	during func()
}

func (d *interrupted) Erase(ctx context.Context, account, id, by string, check func(*recording.Recording) error) error {
	err := d.Deleter.Erase(ctx, account, id, by, check)
	if d.calls.Add(1) == d.after {
		d.during()
	}
	return err
}

func TestForgedCertificatesAreRejected(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.put(t, recordingID(1), spellings[0], "x")
	_, r := f.run(t, f.plan(t, person.EraseAction, anna))
	other, err := person.NewSigner("another secret")
	if err != nil {
		t.Fatal(err)
	}
	text := marshal(t, r.Certificate)
	for name, c := range map[string]struct {
		text string
		key  string
		want error
	}{
		"genuine":         {text, f.signer.PublicKey(), nil},
		"another count":   {strings.Replace(text, `"done":{"count":1`, `"done":{"count":2`, 1), f.signer.PublicKey(), person.ErrForged},
		"an added member": {strings.Replace(text, `"version":1`, `"version":1,"note":"x"`, 1), f.signer.PublicKey(), person.ErrFormat},
		"another version": {strings.Replace(text, `"version":1`, `"version":2`, 1), f.signer.PublicKey(), person.ErrFormat},
		"another key":     {text, other.PublicKey(), person.ErrOtherKey},
		"its own key":     {strings.Replace(text, f.signer.PublicKey(), other.PublicKey(), 1), other.PublicKey(), person.ErrForged},
		"no key":          {text, "", person.ErrFormat},
		"no certificate":  {"{}", f.signer.PublicKey(), person.ErrFormat},
		"no JSON":         {"x", f.signer.PublicKey(), person.ErrFormat},
		"two of them":     {text + text, f.signer.PublicKey(), person.ErrFormat},
	} {
		if _, err := person.Verify([]byte(c.text), c.key); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	c := r.Certificate.Certificate
	if err := c.CheckList(strings.NewReader("x")); !errors.Is(err, person.ErrOtherList) {
		t.Errorf("another list: %v", err)
	}
}
