package bulk_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo/dynamotest"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// attempts are the jobs that must survive faults, each with a check of its result. Two
// recordings match. The filter of the tag excludes recordings that have the tag.
var attempts = []struct {
	action string
	days   int
	params bulk.Params
	check  func(t *testing.T, f *fixture, j *job.Job)
}{
	{bulk.DeleteAction, 0, bulk.Params{Filter: inbound}, func(t *testing.T, f *fixture, _ *job.Job) {
		t.Helper()
		for n := range 4 {
			if gone := f.document(t, recordingID(n)) == ""; gone != (n%2 == 0) {
				t.Errorf("recording %d is gone: %t", n, gone)
			}
		}
	}},
	{bulk.DeleteAction, 30, bulk.Params{Filter: inbound}, func(t *testing.T, f *fixture, _ *job.Job) {
		t.Helper()
		found, err := f.store.Tombstone(t.Context(), f.account, recordingID(0))
		if err != nil || found.Recording == nil {
			t.Errorf("%+v, %v", found, err)
		}
	}},
	{bulk.TagAction, 0, bulk.Params{
		Filter: inbound + "&key_missing=user_metadata.tags.new", Metadata: []byte(`{"tags":{"new":true}}`),
	}, func(t *testing.T, f *fixture, _ *job.Job) {
		t.Helper()
		for n := range 4 {
			if tagged := strings.Contains(f.document(t, recordingID(n)), "new"); tagged != (n%2 == 0) {
				t.Errorf("recording %d is tagged: %t", n, tagged)
			}
		}
	}},
	{bulk.HoldAction, 0, bulk.Params{Filter: inbound, Case: "C", Reason: "R"}, func(t *testing.T, f *fixture, _ *job.Job) {
		t.Helper()
		active, err := f.holds.Active(t.Context(), f.account)
		if err != nil || len(active.Holds()) != 2 {
			t.Errorf("%+v, %v", active.Holds(), err)
		}
	}},
	{bulk.ExportAction, 0, bulk.Params{Filter: inbound}, func(t *testing.T, f *fixture, j *job.Job) {
		t.Helper()
		files := f.unzip(t, j)
		if len(files) != 5 || files["000002_"+recordingID(2)+".mp3"] != "xx" {
			t.Errorf("%q", files)
		}
	}},
}

// everything is true if FAULTS=all asks for all combinations.
var everything = os.Getenv("FAULTS") == "all"

// Every call of the store fails once, before and after it takes effect, in all phases of a
// job. Or all further calls fail, as if the process was killed; then another one takes over.
// The work is done once, and counted once.
func TestJobsSurviveFaultsAndKills(t *testing.T) {
	t.Parallel()
	for _, a := range attempts {
		t.Run(fmt.Sprint(a.action, a.days), func(t *testing.T) {
			t.Parallel()
			f := open(t)
			round := 0
			survive := func(number int, when faultstore.When, killed bool) int {
				round++
				f.account, f.trail = fmt.Sprint("A", round), nil
				f.sparse = a.action != bulk.ExportAction
				f.fill(t, 2)
				faulty := faultstore.NewWith(f.store, func(call int) faultstore.Fault {
					switch {
					case call == number:
						return faultstore.Fault{Call: call, When: when, Err: store.ErrUnavailable}
					case killed && call > number && number > 0:
						return faultstore.Fault{Call: call, When: faultstore.Before, Err: store.ErrUnavailable}
					}
					return faultstore.Fault{}
				})
				j := f.start(t, a.action, a.params)
				f.entries = faulty
				f.use(faulty, a.days)
				f.finish(t, j, func() {
					if killed {
						f.entries = f.store
						f.use(f.store, a.days)
					}
				})
				j = f.get(t, j)
				name := fmt.Sprintf("call %d, after %t, killed %t", number, when, killed)
				if j.State != job.Done || j.Progress.Done != (job.Totals{Count: 2, Bytes: 3}) || len(j.NotDone) != 0 {
					t.Errorf("%s: %+v", name, j)
					return 0
				}
				a.check(t, f, j)
				f.checkTrail(t, name)
				return faulty.Calls()
			}
			calls := survive(0, faultstore.Before, false)
			if calls < 15 {
				t.Fatalf("only %d calls", calls)
			}
			for number := 1; number <= calls && !t.Failed(); number++ {
				for _, when := range []faultstore.When{faultstore.Before, faultstore.After} {
					for _, killed := range []bool{false, true} {
						// Half of the combinations include each call, before and after.
						if everything || killed == (bool(when) == (number%2 == 0)) {
							survive(number, when, killed)
						}
					}
				}
			}
		})
	}
}

// The same jobs work over DynamoDB.
func TestJobsOverDynamoDB(t *testing.T) {
	t.Parallel()
	f := &fixture{real: true}
	f.on(t, dynamotest.Open(t, f.now))
	for i, a := range attempts {
		f.account = fmt.Sprint("A", i)
		f.fill(t, 2)
		f.use(f.store, a.days)
		j := f.run(t, f.plan(t, a.action, a.params))
		if j.State != job.Done || j.Progress.Done != (job.Totals{Count: 2, Bytes: 3}) || len(j.NotDone) != 0 {
			t.Errorf("%s: %+v", a.action, j)
			continue
		}
		a.check(t, f, j)
	}
}

// finish plans, confirms and does a job. failed is called after each slice that failed, and
// makes a new process.
func (f *fixture) finish(t *testing.T, j *job.Job, failed func()) {
	t.Helper()
	e := f.engine()
	for range 500 {
		f.at.Add(10)
		m, ok := f.line.Take()
		if !ok && f.line.Len() > 0 {
			continue // until a message is due
		}
		if !ok {
			now := f.get(t, j)
			if now.State != job.Planned {
				return
			}
			f.confirm(t, now)
			continue
		}
		if _, err := e.Slice(t.Context(), m); err != nil || f.get(t, j).Tries > 0 {
			failed()
			e = f.engine()
			if err != nil {
				f.line.Again(m)
			}
		}
	}
	t.Fatal("the work does not end")
}

// checkTrail checks that the trail has both recordings.
func (f *fixture) checkTrail(t *testing.T, name string) {
	t.Helper()
	for _, n := range []int{0, 2} {
		if !slices.ContainsFunc(f.trail, func(e string) bool { return strings.HasSuffix(e, " "+recordingID(n)) }) {
			t.Errorf("%s: the trail has no entry of %s: %q", name, recordingID(n), f.trail)
		}
	}
}

// A recording that others keep changing fails after some slices, and the others are done.
func TestBusyRecordings(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t, 3)
	f.use(busy{Driver: f.store, id: recordingID(2)}, 0)
	j := f.run(t, f.plan(t, bulk.TagAction, bulk.Params{Filter: inbound, Metadata: []byte(`{"a":1}`)}))
	if j.State != job.Done || j.Progress.Done.Count != 2 || j.Progress.Failed.Count != 1 {
		t.Errorf("%+v", j)
	}
	equalCauses(t, j, map[string]string{recordingID(2): "failed busy"})
}

// A store that stays unavailable ends the job, and nothing is counted.
func TestNoStore(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t, 1)
	f.use(busy{Driver: f.store, id: recordingID(0), err: store.ErrUnavailable}, 0)
	j := f.run(t, f.plan(t, bulk.TagAction, bulk.Params{Filter: inbound, Metadata: []byte(`{"a":1}`)}))
	if j.State != job.Failed || j.Progress != (job.Progress{}) || !strings.Contains(j.Cause, "not available") {
		t.Errorf("%+v", j)
	}
}

// Without the audit trail nothing is changed.
func TestNoTrail(t *testing.T) {
	t.Parallel()
	for _, a := range attempts {
		f := open(t)
		f.fill(t, 2)
		f.broken = errors.New("no trail")
		j := f.run(t, f.plan(t, a.action, a.params))
		if j.State != job.Failed || j.Progress != (job.Progress{}) {
			t.Errorf("%s: %+v", a.action, j)
		}
		for n := range 4 {
			if d := f.document(t, recordingID(n)); d == "" || strings.Contains(d, "new") {
				t.Errorf("%s: recording %d is %q", a.action, n, d)
			}
		}
		if active, err := f.holds.Active(t.Context(), f.account); err != nil || len(active.Holds()) > 0 {
			t.Errorf("%s: holds %v, %v", a.action, active.Holds(), err)
		}
	}
}

// recordingsOf returns the IDs that exist in the account.
func recordingsOf(t testing.TB, f *fixture) map[string]recording.Recording {
	t.Helper()
	page, err := f.store.Page(t.Context(), store.Query{Account: f.account, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]recording.Recording{}
	for _, r := range page.Recordings {
		all[r.ID] = r
	}
	return all
}
