package bulk_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/store"
)

// A job works on the recordings of its plan, except those that were deleted since, or that
// were changed and no longer match. A deletion also leaves recordings on hold.
func TestWorkedOnIsThePlanThatStillMatches(t *testing.T) {
	t.Parallel()
	f := open(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		f.account = fmt.Sprint("A", round)
		n := rapid.IntRange(0, 6).Draw(rt, "recordings")
		id := func(i int) string { return fmt.Sprintf("202601-r%d-%d", round, i) }
		mark := fmt.Sprintf("m%d", round)
		document := func(matches bool) string {
			if matches {
				return `{"direction":"inbound","call_id":"` + mark + `"}`
			}
			return `{"direction":"outbound","call_id":"` + mark + `"}`
		}
		planned := map[string]bool{}
		for i := range n {
			matches := rapid.Bool().Draw(rt, "matches")
			f.put(t, id(i), document(matches), "")
			if matches {
				planned[id(i)] = true
			}
		}
		action := rapid.SampledFrom([]string{bulk.DeleteAction, bulk.TagAction}).Draw(rt, "action")
		p := bulk.Params{Filter: "filter_direction=inbound&filter_call_id=" + mark}
		if action == bulk.TagAction {
			p.Metadata = []byte(`{"done":true}`)
		}
		j := f.plan(t, action, p)
		if j.State != job.Planned || j.Plan.Count != len(planned) {
			rt.Fatalf("%+v, want a plan of %d", j, len(planned))
		}
		gone, changed, held := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for i := range n {
			switch rapid.SampledFrom([]string{"", "", "delete", "change", "touch", "hold"}).Draw(rt, "event") {
			case "delete":
				if _, err := f.store.Delete(t.Context(), f.account, id(i), store.Deletion{By: "ben"}); err != nil {
					rt.Fatal(err)
				}
				gone[id(i)] = true
			case "change":
				f.change(t, id(i), document(false))
				changed[id(i)] = true
			case "touch":
				f.change(t, id(i), strings.TrimSuffix(document(planned[id(i)]), "}")+`,"duration":1}`)
			case "hold":
				f.hold(t, id(i))
				held[id(i)] = true
			}
		}
		f.put(t, id(n), document(true), "") // after the plan
		j = f.run(t, j)
		want, kept := map[string]bool{}, 0
		for one := range planned {
			switch {
			case gone[one], changed[one]:
			case held[one] && action == bulk.DeleteAction:
				kept++
			default:
				want[one] = true
			}
		}
		got := map[string]bool{}
		now := recordingsOf(t, f)
		for i := range n + 1 {
			r, exists := now[id(i)]
			if action == bulk.DeleteAction && !exists && !gone[id(i)] || exists && strings.Contains(string(r.Document), `"done":true`) {
				got[id(i)] = true
			}
		}
		if j.State != job.Done || !maps.Equal(got, want) {
			rt.Errorf("%s of %q worked on %q, want %q: %+v", action, slices.Sorted(maps.Keys(planned)), slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)), j)
		}
		if j.Progress.Done.Count != len(want) || j.Progress.Held.Count != kept || j.Progress.Skipped.Count != len(planned)-len(want)-kept {
			rt.Errorf("%+v, want %d done and %d held of %d", j.Progress, len(want), kept, len(planned))
		}
	})
}
