package person_test

import (
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/person"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
)

// An export leaves out expired recordings, even those that expire after the plan was made. An
// erasure includes them, because their audio exists until the sweep.
func TestExpiredRecordings(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fill(t)
	err := retention.Save(t.Context(), f.store, "A", "", retention.Settings{
		Policy: &retention.Policy{Rules: []retention.Rule{{Name: "a day", Days: 1}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.hold(t, "held", recordingID(1))
	view := retention.NewView(f.store, retention.NewRules(f.store, f.now))
	actions, err := person.Actions("a secret of a deployment in tests", view, f.store, f.bucket, f.eraser.Deleter, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.export = actions[person.ExportAction].(*person.Export) //nolint:forcetypeassert // a test
	f.eraser = actions[person.EraseAction].(*person.Eraser)  //nolint:forcetypeassert // a test
	planned := f.plan(t, person.ExportAction, anna)
	if planned.Plan.Count != len(spellings) {
		t.Errorf("before the expiry, the plan has %d recordings, want %d", planned.Plan.Count, len(spellings))
	}
	_, result := f.run(t, f.plan(t, person.ExportAction, anna))
	for name, text := range f.unzip(t, result.Zip) {
		if strings.HasSuffix(name, ".json") && (strings.Contains(text, "expires") || strings.Contains(text, "holds")) {
			t.Errorf("%s names the policy or the holds: %s", name, text)
		}
	}
	f.at.Add(2 * recording.Day)
	_, result = f.run(t, planned)
	for name := range f.unzip(t, result.Zip) {
		if strings.Contains(name, recordingID(0)) {
			t.Errorf("the export has %s, which has expired", name)
		}
	}
	if c, _ := f.certificate(t, result); c.Done.Count != 1 || c.Skipped.Count != len(spellings)-1 {
		t.Errorf("done %d, skipped %d, want all skipped but the one on hold", c.Done.Count, c.Skipped.Count)
	}
	if late := f.plan(t, person.ExportAction, anna); late.Plan.Count != 1 {
		t.Errorf("after the expiry, the plan of an export has %d recordings, want the one on hold", late.Plan.Count)
	}
	if late := f.plan(t, person.EraseAction, anna); late.Plan.Count != len(spellings) {
		t.Errorf("after the expiry, the plan of an erasure has %d recordings, want %d", late.Plan.Count, len(spellings))
	}
}
