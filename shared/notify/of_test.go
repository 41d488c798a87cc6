package notify_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

var (
	created  = time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC)
	modified = created.Add(time.Minute)
	at       = created.Add(time.Hour)
)

// living returns the image of a recording with the audio a.
func living(revision string, a recording.Audio) *store.Image {
	return &store.Image{Recording: recording.Recording{
		Account: "a", ID: "202601-1", Owner: "o", Revision: revision, Audio: a,
		Created: recording.SecondsOf(created), Modified: recording.SecondsOf(modified),
		Document: `{"caller_id_name":"Ada","caller_id_number":"+15550100","call_id":"c@10.0.0.1"}`,
	}}
}

// tombstone returns the image of a deleted recording.
func tombstone(revision string) *store.Image {
	return &store.Image{Deleted: true, Recording: recording.Recording{
		Account: "a", ID: "202601-1", Revision: revision, Created: recording.SecondsOf(created),
		Audio: recording.Audio{Place: recording.Managed},
	}}
}

// restorable returns the image of a deleted recording that can be restored.
func restorable(revision string) *store.Image {
	i := tombstone(revision)
	i.Restorable = true
	return i
}

var (
	pending = recording.Audio{}
	ready   = recording.Audio{Place: recording.Managed, Sequencer: "01"}
	again   = recording.Audio{Place: recording.Managed, Sequencer: "02"}
	empty   = recording.Audio{Place: recording.Managed, State: recording.Empty, Sequencer: "01"}
	failed  = recording.Audio{State: recording.Failed, Reason: recording.NotAudio, Sequencer: "01"}
	damaged = recording.Audio{State: recording.Failed, Reason: recording.Damaged, Sequencer: "01"}
	failed2 = recording.Audio{State: recording.Failed, Reason: recording.NotAudio, Sequencer: "02"}
	outside = recording.Audio{Place: recording.External}
)

func TestOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		before, after *store.Image
		want          notify.Type // "" for none
		state         recording.State
		reason        recording.Reason
	}{
		{"put", nil, living("1", pending), notify.Created, recording.Pending, ""},
		{"put with audio", nil, living("1", ready), notify.Created, recording.Ready, ""},
		{"put with external audio", nil, living("1", outside), notify.Created, recording.Ready, ""},
		{"revived", tombstone("1"), living("2", ready), notify.Created, recording.Ready, ""},
		{"restored", restorable("1"), living("2", ready), notify.Restored, recording.Ready, ""},
		{"restored while pending", restorable("1"), living("2", pending), notify.Restored, recording.Pending, ""},
		{"deleted, and restorable", living("1", ready), restorable("2"), notify.Deleted, notify.Gone, ""},
		{"no longer restorable", restorable("1"), tombstone("2"), "", "", ""},
		{"audio arrives", living("1", pending), living("2", ready), notify.Completed, recording.Ready, ""},
		{"empty audio arrives", living("1", pending), living("2", empty), notify.Completed, recording.Empty, ""},
		{"audio replaces a failed upload", living("1", failed), living("2", ready), notify.Completed, recording.Ready, ""},
		{"audio is replaced", living("1", ready), living("2", again), notify.Completed, recording.Ready, ""},
		{"empty audio replaces audio", living("1", ready), living("2", empty), notify.Completed, recording.Empty, ""},
		{"rejected audio arrives", living("1", pending), living("2", failed), notify.Failed, recording.Failed, recording.NotAudio},
		{"rejected audio replaces audio", living("1", ready), living("2", failed), notify.Failed, recording.Failed, recording.NotAudio},
		{"failed for another reason", living("1", failed), living("2", damaged), notify.Failed, recording.Failed, recording.Damaged},
		{"failed again with a later arrival", living("1", failed), living("2", failed2), notify.Failed, recording.Failed, recording.NotAudio},
		{"patch while pending", living("1", pending), living("2", pending), notify.Changed, recording.Pending, ""},
		{"patch while ready", living("1", ready), living("2", ready), notify.Changed, recording.Ready, ""},
		{"patch while failed", living("1", failed), living("2", failed), notify.Changed, recording.Failed, recording.NotAudio},
		{"audio is removed", living("1", ready), living("2", pending), notify.Changed, recording.Pending, ""},
		{"delete", living("1", ready), tombstone("2"), notify.Deleted, notify.Gone, ""},
		{"delete while failed", living("1", failed), tombstone("2"), notify.Deleted, notify.Gone, ""},
		{"tombstone without a recording", nil, tombstone("1"), notify.Deleted, notify.Gone, ""},
		{"purged", tombstone("1"), tombstone("2"), "", "", ""},
		{"expired", tombstone("1"), nil, "", "", ""},
		{"removed by hand", living("1", ready), nil, "", "", ""},
		{"touched by hand", living("1", ready), living("1", ready), "", "", ""},
		{"no recording", nil, nil, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, ok := notify.Of(store.Change{Before: c.before, After: c.after, At: at})
			if c.want == "" {
				if ok || got != (notify.Event{}) {
					t.Errorf("Of = %+v, %t, want none", got, ok)
				}
				return
			}
			want := notify.Event{
				Type: c.want, Time: modified, Account: "a", ID: "202601-1", Revision: c.after.Recording.Revision,
				Owner: "o", State: c.state, Reason: c.reason,
			}
			if c.after.Deleted || c.want == notify.Restored {
				want.Time = at
			}
			if c.after.Deleted && c.before == nil {
				want.Owner = ""
			}
			if diff := cmp.Diff(want, got); diff != "" || !ok {
				t.Errorf("Of = %t (-want +got):\n%s", ok, diff)
			}
		})
	}
}

// EventBridge takes times from the first of these years to the last.
var (
	firstYear = time.Date(1970, 6, 1, 0, 0, 0, 0, time.UTC)
	lastYear  = time.Date(9999, 6, 1, 0, 0, 0, 0, time.UTC)
)

// TestTime checks that an event skips times that cannot be represented.
// EventBridge would reject such an event on every retry.
func TestTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name              string
		modified, created recording.Seconds
		at, want          time.Time
	}{
		{"modified", recording.SecondsOf(modified), recording.SecondsOf(created), at, modified},
		{"never modified", 0, recording.SecondsOf(created), at.Add(time.Millisecond), at},
		{"modified out of range", math.MaxInt64 / 4, recording.SecondsOf(created), at.In(time.FixedZone("", 3600)), at},
		{"the change has no time", 0, recording.SecondsOf(created), time.Time{}, created},
		{"the first year", recording.SecondsOf(firstYear), 0, at, firstYear},
		{"the last year", recording.SecondsOf(lastYear), 0, at, lastYear},
		{"no valid time", 0, math.MinInt64 / 4, time.Time{}, time.Unix(0, 0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			i := living("1", ready)
			i.Recording.Modified, i.Recording.Created = c.modified, c.created
			got, _ := notify.Of(store.Change{After: i, At: c.at})
			if !got.Time.Equal(c.want) || got.Time.Location() != time.UTC {
				t.Errorf("Time = %v, want %v", got.Time, c.want)
			}
		})
	}
}
