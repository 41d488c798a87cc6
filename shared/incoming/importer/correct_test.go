package importer_test

import (
	"testing"

	"callrecordings/shared/incoming/importer"
	"callrecordings/shared/recording"
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
	if r.Owner != "u2" || r.Created != first.Created || r.Audio != first.Audio {
		t.Errorf("recording = %+v, want its owner u2, and created and audio as before: %+v", r, first)
	}
	if c := run(corrected, true); c.Known != 1 {
		t.Errorf("corrected once more: %+v, want nothing changed", c)
	}
}
