package importer_test

import (
	"errors"
	"testing"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
)

// Audio that the source has lost does not fail an import if the operator has declared it lost.
func TestLostAudio(t *testing.T) {
	t.Parallel()
	p, mp3 := newFixture(t), demo(t, "03-wrong-number.mp3")
	s := &source{
		pages: []any{[]importer.Item{kazooItem("a", started), kazooItem("b", started)}},
		audio: map[string]any{"202610-a": mp3, "202610-b": errors.New("500")},
	}
	run := func(lost bool) importer.Count {
		o := options()
		if lost {
			o.Lost = map[string]bool{"202610-b": true}
		}
		check(t, importer.Run(t.Context(), s, p.target(), o))
		return o.Tally.Count()
	}
	if c := run(false); c.Failed != 1 || c.Complete() {
		t.Errorf("not acknowledged: %+v, want it failed", c)
	}
	opened := s.opened["202610-b"]
	if c := run(true); c.Known != 2 || c.Lost != 1 || !c.Complete() || s.opened["202610-b"] != opened {
		t.Errorf("acknowledged: %+v, want one lost and none failed, without a request for its audio", c)
	}
	o := options()
	o.Lost = map[string]bool{"202610-b": true}
	v, err := importer.Verify(t.Context(), s, p.target(), importer.VerifyOptions{Options: o})
	check(t, err)
	if v.Same != 2 || !v.Good() {
		t.Errorf("Verify = %+v, want both the same", v)
	}
	check(t, importer.DryRun(t.Context(), s, p.target(), o))
	if c := o.Tally.Count(); c.Failed != 0 {
		t.Errorf("DryRun counts %+v, want none failed", c)
	}
	s.audio["202610-b"] = mp3 // it turns up after all
	if c := run(false); c.Copied != 1 || p.get(t, "202610-b").Audio.State != recording.Ready && p.get(t, "202610-b").Audio.Place != recording.Managed {
		t.Errorf("found again: %+v, want its audio copied", c)
	}

	fresh := newFixture(t)
	p = fresh
	s.audio["202610-b"] = errors.New("500")
	if c := run(true); c.Copied != 2 || c.Lost != 1 || !c.Complete() {
		t.Errorf("a first run, acknowledged: %+v, want both copied and one lost", c)
	}
}
