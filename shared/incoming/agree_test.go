package incoming_test

import (
	"errors"
	"testing"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/recording"
)

func TestAgreeWithinOneReport(t *testing.T) {
	t.Parallel()
	twoNames := recording.Call{}
	twoNames.Report("id", "202601-a")
	twoNames.Report("recording_id", "202601-b")
	twoAccounts := recording.Call{}
	twoAccounts.Report("account-id", "other")
	twoAccounts.Report("account_id", "acc")
	field := recording.FieldError{}
	for _, c := range []struct {
		name    string
		reports []recording.Call
		id      string
		want    error // nil; field stands for a contradiction
	}{
		{"no report", nil, "", nil},
		{"one ID", []recording.Call{nil, {"id": "202601-a"}, {"account_id": "acc"}}, "202601-a", nil},
		{"the same ID twice", []recording.Call{{"id": "202601-a"}, {"id": "202601-a"}}, "202601-a", nil},
		{"two IDs", []recording.Call{{"id": "202601-a"}, {"id": "202601-b"}}, "", incoming.ErrTwoIDs},
		{"a malformed ID", []recording.Call{{"id": "../a"}}, "", recording.ErrBadID},
		{"another account", []recording.Call{{"account_id": "other"}}, "", incoming.ErrOtherAccount},
		{"two IDs in one report", []recording.Call{twoNames}, "", field},
		{"two accounts in one report", []recording.Call{{}, twoAccounts}, "", field},
	} {
		id, err := incoming.Agree("acc", c.reports...)
		f := recording.FieldError{}
		matches := errors.Is(err, c.want)
		var fieldError recording.FieldError
		if errors.As(c.want, &fieldError) {
			matches = errors.As(err, &f)
		}
		if id != c.id || !matches {
			t.Errorf("%s: Agree = %q, %v, want %q, %v", c.name, id, err, c.id, c.want)
		}
	}
}
