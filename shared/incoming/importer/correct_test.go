package importer_test

import (
	"cmp"
	"errors"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// With Update, a second run corrects the reported fields, and nothing else.
func TestRunUpdate(t *testing.T) {
	t.Parallel()
	p, wav := newFixture(t), demo(t, "10-reminder.wav")
	item := importer.Item{
		Name: "f.wav", Account: account, Stem: "f", Started: started, Document: `{"from":"1001@x","owner_id":"u1","start":63960000000,"to":"y@z"}`,
		Audio: recording.Audio{Place: recording.Managed, Size: int64(len(wav))},
	}
	id := recording.StemID(account, "f", started)
	run := func(document recording.Document, update bool) importer.Count {
		item.Document = document
		o := options()
		o.Update = update
		check(t, importer.Run(t.Context(), &source{pages: []any{[]importer.Item{item}}, audio: map[string]any{"f.wav": wav}}, p.target(), o))
		return o.Tally.Count()
	}
	run(item.Document, false)
	first := p.get(t, id)
	if c := run(item.Document, true); c.Known != 1 || p.get(t, id).Revision != first.Revision {
		t.Errorf("the same once more: %+v, want nothing changed", c)
	}
	_, err := p.store.Update(t.Context(), account, id, func(r *recording.Recording) (err error) {
		r.Document, err = r.Document.With("user_metadata", `{"tag":"user"}`)
		return err
	})
	check(t, err)
	const corrected = `{"duration":77,"from":"1002@x","owner_id":"u2","start":63950000000,"user_metadata":{"tag":"table"}}`
	if c := run(corrected, false); c.Known != 1 || p.get(t, id).Owner != "u1" {
		t.Errorf("corrected, without Update: %+v, want nothing changed", c)
	}
	if c := run(corrected, true); c.Updated != 1 || c.Done() != 1 || !c.Complete() {
		t.Errorf("corrected: %+v, want it updated", c)
	}
	r := p.get(t, id)
	for field, want := range map[string]string{
		"from": `"1002@x"`, "to": `"y@z"`, "start": "63950000000", "duration": "2", "user_metadata": `{"tag":"user"}`, "content_type": `"audio/wav"`,
	} {
		if got, _ := r.Document.Raw(field); got != want {
			t.Errorf("%s = %s, want %s", field, got, want)
		}
	}
	if r.Owner != "u2" || r.Created != 63950000002 || r.ID != first.ID || r.Audio != first.Audio {
		t.Errorf("recording = %+v, want its owner u2, created at the end of the call, and ID and audio as before: %+v", r, first)
	}
	if c := run(corrected, true); c.Known != 1 {
		t.Errorf("corrected once more: %+v, want nothing changed", c)
	}
}

// correction is a file with a start, and its row in a corrected table.
type correction struct {
	item importer.Item
	wav  []byte
}

func newCorrection(t *testing.T) *correction {
	t.Helper()
	wav := demo(t, "10-reminder.wav")
	return &correction{importer.Item{
		Name: "f.wav", Account: account, Stem: "f", Audio: recording.Audio{Place: recording.Managed, Size: int64(len(wav))},
	}, wav}
}

// run imports the file with a start, 0 for none, and other fields.
func (c *correction) run(t *testing.T, target importer.Target, start recording.Seconds, fields string) (importer.Count, error) {
	t.Helper()
	it := c.item
	it.Started, it.Document = started, recording.Document("{"+fields+"}")
	if start != 0 {
		var err error
		it.Started = start
		it.Document, err = it.Document.With("start", strconv.FormatInt(int64(start), 10))
		check(t, err)
	}
	o := options()
	o.Update = true
	err := importer.Run(t.Context(), &source{pages: []any{[]importer.Item{it}}, audio: map[string]any{"f.wav": c.wav}}, target, o)
	return o.Tally.Count(), err
}

// After a second run with a corrected start, the recording is as a first run with
// that start would have left it, except for its ID.
func TestCorrectedStart(t *testing.T) {
	t.Parallel()
	month := recording.Seconds(31 * 24 * 3600)
	future := recording.SecondsOf(now) + 3600
	const wrong, right = `"from":"1001@x"`, `"from":"1002@x"`
	for _, c := range []struct {
		name          string
		first, second recording.Seconds
		moved         bool // the list's order changes
	}{
		{"within the month", started, started - 60, true},
		{"another month", started, started - 2*month, true},
		{"no start before", 0, started - month, true},
		{"in the future", started, future, true},
		{"no longer in the future", future, started, true},
		{"as it was", started, started, false},
		{"no start any more", started, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, fresh, f := newFixture(t), newFixture(t), newCorrection(t)
			_, err := f.run(t, p.target(), c.first, wrong)
			check(t, err)
			id := recording.StemID(account, "f", cmp.Or(c.first, started))
			before := p.get(t, id)
			count, err := f.run(t, p.target(), c.second, right)
			check(t, err)
			got := p.get(t, id)
			if count.Updated != 1 || (got.Created != before.Created) != c.moved {
				t.Errorf("second run: %+v, created %d, was %d; moved is to be %v", count, got.Created, before.Created, c.moved)
			}
			start := cmp.Or(c.second, c.first)
			_, err = f.run(t, fresh.target(), start, right)
			check(t, err)
			want := fresh.get(t, recording.StemID(account, "f", start))
			wantDocument := recording.Document(strings.ReplaceAll(string(want.Document), want.ID, id))
			if got.Created != want.Created || !sameFields(got.Document, wantDocument) {
				t.Errorf("corrected: created %d, %s\nwant %d, %s", got.Created, got.Document, want.Created, wantDocument)
			}
			count, err = f.run(t, p.target(), c.second, right)
			check(t, err)
			if again := p.get(t, id); count.Known != 1 || again.Revision != got.Revision {
				t.Errorf("once more: %+v, want nothing changed", count)
			}
		})
	}
}

// sameFields reports whether two documents have the same fields, in any order.
func sameFields(a, b recording.Document) bool {
	return maps.Equal(maps.Collect(a.Fields()), maps.Collect(b.Fields()))
}

// The recording of a client's PUT keeps its creation time, the time of the request.
func TestCorrectedStartOfAClientsRecording(t *testing.T) {
	t.Parallel()
	p, f := newFixture(t), newCorrection(t)
	f.item.ID, f.item.Stem = "202610-client", ""
	check(t, p.store.Put(t.Context(), &recording.Recording{
		Account: account, ID: f.item.ID, Created: started + 5, Modified: started + 5, Made: "fingerprint",
		Document: recording.Complete("{}", f.item.ID, started+5), Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/wav", Size: 5},
	}))
	count, err := f.run(t, p.target(), started-60, `"from":"1002@x"`)
	check(t, err)
	if r := p.get(t, f.item.ID); count.Updated != 1 || r.Created != started+5 {
		t.Errorf("%+v, created %d, want it updated, and created at %d as before", count, r.Created, started+5)
	}
}

// A run that is killed at any call to the store, before or after the call takes
// effect, leaves the recording as it was or corrected, and the next run finishes.
func TestCorrectionKilled(t *testing.T) {
	t.Parallel()
	errKilled := errors.New("killed")
	for _, when := range []faultstore.When{faultstore.Before, faultstore.After} {
		for call, done := 1, false; !done; call++ {
			p, f := newFixture(t), newCorrection(t)
			_, err := f.run(t, p.target(), started, `"from":"1001@x"`)
			check(t, err)
			id := recording.StemID(account, "f", started)
			first := p.get(t, id)
			target := p.target()
			s := faultstore.New(p.store, faultstore.Fault{Call: call, When: when, Err: errKilled})
			target.Store = s
			_, _ = f.run(t, target, started-60, `"from":"1002@x"`) // fails at the kill
			done = s.Calls() < call
			r := p.get(t, id)
			if corrected := r.Document != first.Document; corrected != (r.Created == first.Created-60) || !corrected && r.Created != first.Created {
				t.Errorf("killed at call %d: created %d, document %s, want both corrected or neither", call, r.Created, r.Document)
			}
			_, err = f.run(t, p.target(), started-60, `"from":"1002@x"`)
			check(t, err)
			if r := p.get(t, id); r.Created != first.Created-60 {
				t.Errorf("killed at call %d, then run again: created %d, want %d", call, r.Created, first.Created-60)
			}
		}
	}
}
