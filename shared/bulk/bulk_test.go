package bulk_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
)

const inbound = "filter_direction=inbound"

// causes returns the outcomes of the failures, by ID.
func causes(j *job.Job) map[string]string {
	all := map[string]string{}
	for _, item := range j.NotDone {
		all[item.ID] = string(item.Outcome) + " " + item.Cause + " " + strings.Join(item.Holds, ",")
	}
	return all
}

func equalCauses(t *testing.T, j *job.Job, want map[string]string) {
	t.Helper()
	got := causes(j)
	if len(got) != len(want) {
		t.Errorf("failures: %v, want %v", got, want)
	}
	for id, cause := range want {
		if strings.TrimSpace(got[id]) != cause {
			t.Errorf("%s: %q, want %q", id, got[id], cause)
		}
	}
}

// A deletion removes the recordings of the plan that still match, and leaves others alone.
func TestDelete(t *testing.T) {
	t.Parallel()
	for _, days := range []int{0, 30} {
		f := open(t)
		f.use(f.store, days)
		f.fill(t, 6)
		held := f.hold(t, recordingID(0))
		j := f.plan(t, bulk.DeleteAction, bulk.Params{Filter: inbound})
		if j.State != job.Planned || j.Plan.Totals != (job.Totals{Count: 6, Bytes: 21}) || j.Plan.Held != (job.Totals{Count: 1, Bytes: 1}) {
			t.Fatalf("plan: %+v", j)
		}
		if len(j.HeldItems) != 1 || j.HeldItems[0].ID != recordingID(0) || !slices.Equal(j.HeldItems[0].Holds, []string{held.ID}) {
			t.Errorf("held: %+v", j.HeldItems)
		}
		// After the plan: one no longer matches, one is changed and still matches, one is
		// deleted, one is put on hold, and one is new.
		f.change(t, recordingID(2), `{"direction":"outbound"}`)
		f.change(t, recordingID(4), `{"direction":"inbound","from":"a@b"}`)
		if _, err := f.store.Delete(t.Context(), "A", recordingID(6), store.Deletion{By: "ben", Until: recording.MaxSeconds}); err != nil {
			t.Fatal(err)
		}
		later := f.hold(t, recordingID(8))
		f.put(t, recordingID(50), `{"direction":"inbound"}`, "new")
		j = f.run(t, j)
		want := job.Progress{
			Done: job.Totals{Count: 2, Bytes: 9}, Held: job.Totals{Count: 2, Bytes: 6}, Skipped: job.Totals{Count: 2, Bytes: 6},
		}
		if j.State != job.Done || j.Progress != want {
			t.Errorf("%+v, want %+v", j, want)
		}
		equalCauses(t, j, map[string]string{
			recordingID(0): "held on_hold " + held.ID, recordingID(8): "held on_hold " + later.ID,
			recordingID(2): "skipped changed", recordingID(6): "skipped deleted",
		})
		for n := range 12 {
			gone := n == 4 || n == 6 || n == 10
			if got := f.document(t, recordingID(n)) == ""; got != gone {
				t.Errorf("recording %d is gone: %t, want %t", n, got, gone)
			}
		}
		if f.document(t, recordingID(50)) == "" {
			t.Error("the new recording is gone")
		}
		slices.Sort(f.trail)
		if !slices.Equal(f.trail, []string{"delete  " + recordingID(4), "delete  " + recordingID(10)}) {
			t.Errorf("trail: %q", f.trail)
		}
		found, err := f.store.Tombstone(t.Context(), "A", recordingID(10))
		if err != nil || (found.Until != 0) != (days > 0) || found.PurgePending || days > 0 && found.By != "anna" {
			t.Errorf("tombstone: %+v, %v", found, err)
		}
		_, audio := f.bucket.Stat(t.Context(), recording.AudioKey("A", recordingID(10)))
		if (audio == nil) != (days > 0) {
			t.Errorf("days %d, audio: %v", days, audio)
		}
	}
}

// A tag that would make a recording expire at once fails, and changes nothing.
func TestTagThatWouldExpire(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t, 2)
	const kept = `{"direction":"inbound","user_metadata":{"tags":{"complaint":true}}}`
	f.change(t, recordingID(0), kept)
	policy := retention.Policy{Rules: []retention.Rule{{Name: "complaints", Forever: true, Tag: "complaint"}, {Name: "others", Days: 5}}}
	if err := retention.Save(t.Context(), f.store, "A", "", retention.Settings{Policy: &policy}); err != nil {
		t.Fatal(err)
	}
	later := func() time.Time { return f.now().Add(6 * 24 * time.Hour) }
	driver, ok := f.store.(retention.Driver)
	if !ok {
		t.Fatal("the store is no whole driver")
	}
	f.use(retention.NewView(driver, retention.NewRules(driver, later)), 0)
	j := f.run(t, f.plan(t, bulk.TagAction, bulk.Params{Filter: inbound, Metadata: []byte(`{"tags":null}`)}))
	if j.State != job.Done || j.Progress.Done.Count != 0 || j.Progress.Failed.Count != 1 {
		t.Fatalf("%+v", j)
	}
	equalCauses(t, j, map[string]string{recordingID(0): "failed would_expire"})
	if got := f.document(t, recordingID(0)); got != kept {
		t.Errorf("the document is %s, want %s", got, kept)
	}
}

// A tag merges values, even if the recording then no longer matches. It does not change a
// recording that has these values already.
func TestTag(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t, 3)
	f.change(t, recordingID(0), `{"direction":"inbound","user_metadata":{"tags":{"old":true,"kept":1}}}`)
	f.change(t, recordingID(2), `{"direction":"inbound","user_metadata":{"tags":{"new":true}}}`)
	f.put(t, recordingID(60), `{"direction":"inbound","user_metadata":{"note":"`+strings.Repeat("x", recording.MaxUserMetadata-20)+`"}}`, "")
	j := f.plan(t, bulk.TagAction, bulk.Params{
		Filter: inbound, Metadata: []byte(`{"tags":{"new":true,"old":null}}`),
	})
	if j.Plan.Count != 4 {
		t.Fatalf("%+v", j)
	}
	before := f.document(t, recordingID(2))
	j = f.run(t, j)
	if j.State != job.Done || j.Progress.Done.Count != 3 || j.Progress.Failed.Count != 1 {
		t.Fatalf("%+v", j)
	}
	equalCauses(t, j, map[string]string{recordingID(60): "failed user_metadata_too_large"})
	for id, want := range map[string]string{
		recordingID(0): `{"direction":"inbound","user_metadata":{"tags":{"kept":1,"new":true}}}`,
		recordingID(2): before,
		recordingID(4): `{"direction":"inbound","user_metadata":{"tags":{"new":true}}}`,
		recordingID(5): `{"direction":"outbound"}`,
	} {
		if got := f.document(t, id); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	slices.Sort(f.trail)
	if !slices.Equal(f.trail, []string{"tag  " + recordingID(0), "tag  " + recordingID(4)}) {
		t.Errorf("trail: %q", f.trail)
	}
	r, err := f.store.Get(t.Context(), "A", recordingID(4))
	if err != nil || r.Modified <= r.Created {
		t.Errorf("modified: %d, %v", r.Modified, err)
	}
}

// A hold is placed on each recording, and once only.
func TestHold(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t, 3)
	j := f.plan(t, bulk.HoldAction, bulk.Params{Filter: inbound, Case: "Smith", Reason: "letter"})
	f.change(t, recordingID(2), `{"direction":"outbound"}`)
	j = f.run(t, j)
	if j.State != job.Done || j.Progress.Done.Count != 2 || j.Progress.Skipped.Count != 1 {
		t.Fatalf("%+v", j)
	}
	again := f.plan(t, bulk.HoldAction, bulk.Params{Filter: inbound, Case: "Smith", Reason: "letter"})
	if again = f.run(t, again); again.Progress.Done.Count != 2 {
		t.Errorf("%+v", again)
	}
	active, err := f.holds.Active(t.Context(), "A")
	if err != nil {
		t.Fatal(err)
	}
	var scopes []string
	for _, h := range active.Holds() {
		if h.Case != "Smith" || h.Reason != "letter" || h.By != "anna" || (h.Scope != hold.Scope{Recording: h.Scope.Recording}) {
			t.Errorf("%+v", h)
		}
		scopes = append(scopes, h.Scope.Recording)
	}
	if !slices.Equal(scopes, []string{recordingID(0), recordingID(4)}) || len(f.trail) != 2 || f.trail[0] != "hold  "+recordingID(0) {
		t.Errorf("holds on %q, trail %q", scopes, f.trail)
	}
}

// A second worker with the same batch has placed a hold meanwhile: the recording gets no second
// one, and the audit trail says so.
func TestHoldByTwoWorkers(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t, 2)
	j := f.plan(t, bulk.HoldAction, bulk.Params{Filter: inbound, Case: "Smith", Reason: "letter"})
	f.options.Record = func(ctx context.Context, j *job.Job, e audit.Entry) error {
		if e.Recording == recordingID(0) && len(f.trail) == 0 {
			h, err := f.holds.Draft(hold.Hold{Case: "Smith", Reason: "letter", By: "anna", Scope: hold.Scope{Recording: e.Recording}})
			if err == nil {
				err = f.holds.Place(ctx, "A", h)
			}
			if err != nil {
				t.Error(err)
			}
		}
		return f.record(ctx, j, e)
	}
	if j = f.run(t, j); j.State != job.Done || j.Progress.Done.Count != 2 {
		t.Errorf("%+v", j)
	}
	active, err := f.holds.Active(t.Context(), "A")
	if err != nil || len(active.Holds()) != 2 {
		t.Errorf("the holds are %+v, %v, want one for each recording", active.Holds(), err)
	}
	want := []string{"hold  " + recordingID(0), "hold  " + recordingID(2), "hold failed " + recordingID(0)}
	if !slices.Equal(f.trail, want) {
		t.Errorf("the trail is %q, want %q", f.trail, want)
	}
}

// Holds that do not fit fail in the plan, or as soon as they no longer fit.
func TestTooManyHolds(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t, 3)
	var many []hold.Hold
	for n := range hold.MaxActive - 2 {
		h, err := f.holds.Draft(hold.Hold{Case: "C", Reason: recordingID(n), Scope: hold.Scope{Owner: "o"}})
		if err != nil {
			t.Fatal(err)
		}
		if many = append(many, h); len(many) == store.MaxEntries-1 || n == hold.MaxActive-3 {
			if _, err := f.holds.PlaceAll(t.Context(), "A", many); err != nil {
				t.Fatal(err)
			}
			many = nil
		}
	}
	p := bulk.Params{Filter: inbound, Case: "Smith", Reason: "letter"}
	if j := f.plan(t, bulk.HoldAction, p); j.State != job.Failed || !strings.Contains(j.Cause, "1,000 active holds") {
		t.Errorf("%+v", j)
	}
	p.IDs = []string{recordingID(0), recordingID(2)}
	j := f.plan(t, bulk.HoldAction, p)
	f.hold(t, recordingID(1))
	if j = f.run(t, j); j.State != job.Failed || !strings.Contains(j.Cause, "1,000 active holds") || j.Progress.Done.Count != 0 {
		t.Errorf("%+v", j)
	}
}

// IDs select recordings together with the filter; those that do not exist are ignored.
func TestIDsAndOwners(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t, 3)
	f.put(t, recordingID(70), `{"direction":"inbound","owner_id":"anna"}`, "a")
	f.put(t, recordingID(71), `{"direction":"outbound","owner_id":"anna"}`, "a")
	for _, c := range []struct {
		name string
		p    bulk.Params
		want []int
	}{
		{"IDs", bulk.Params{IDs: []string{recordingID(3), recordingID(0), "202601-none", recordingID(0)}}, []int{0, 3}},
		{"IDs and a filter", bulk.Params{Filter: inbound, IDs: []string{recordingID(3), recordingID(0)}}, []int{0}},
		{"an owner", bulk.Params{Owner: "anna"}, []int{70, 71}},
		{"an owner and a filter", bulk.Params{Owner: "anna", Filter: inbound}, []int{70}},
		{"an owner and IDs", bulk.Params{Owner: "anna", IDs: []string{recordingID(0), recordingID(71)}}, []int{71}},
		{"another owner", bulk.Params{Owner: "ben", Filter: inbound}, nil},
		{"the account", bulk.Params{Account: true}, []int{0, 1, 2, 3, 4, 5, 70, 71}},
	} {
		p := c.p
		p.Metadata = []byte(`{"seen":"` + strings.ReplaceAll(c.name, " ", "_") + `"}`)
		j := f.run(t, f.plan(t, bulk.TagAction, p))
		var got []int
		for n := range 80 {
			if strings.Contains(f.document(t, recordingID(n)), `"seen":"`+strings.ReplaceAll(c.name, " ", "_")+`"`) {
				got = append(got, n)
			}
		}
		if j.State != job.Done || !slices.Equal(got, c.want) || j.Plan.Count != len(c.want) {
			t.Errorf("%s: %v of %+v, want %v", c.name, got, j, c.want)
		}
	}
}

// A job stops when its user loses the rights.
func TestLostRights(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t, 1)
	j := f.plan(t, bulk.DeleteAction, bulk.Params{Filter: inbound})
	f.permit = func(_ context.Context, got *job.Job) error {
		if got.Confirmer.Owner != "anna" {
			t.Errorf("%+v", got)
		}
		return &job.ProblemError{Text: "no right"}
	}
	if j = f.run(t, j); j.State != job.Failed || j.Cause != "no right" || f.document(t, recordingID(0)) == "" {
		t.Errorf("%+v", j)
	}
}
