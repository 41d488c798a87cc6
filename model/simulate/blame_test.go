package simulate

import (
	"os"
	"testing"
)

// A request to erase a deleted recording on hold may die at any of its calls. The recording
// stays restorable, and the oracle does not take its old tombstone for a new one.
func TestAnErasureThatDiesIsNotBlamedOnAHold(t *testing.T) {
	t.Parallel()
	audio, err := os.ReadFile("../../shared/audiofile/testdata/alaw.wav")
	if err != nil {
		t.Fatal(err)
	}
	w, err := open(t.Context(), Options{Seed: 1, Dir: t.TempDir(), RestoreDays: 4, Audio: audio})
	if err != nil {
		t.Fatal(err)
	}
	defer w.close() //nolint:errcheck // nothing is stored that matters
	for len(w.order) == 0 {
		if err := w.create(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	held := w.order[0]
	for held.stage == alive {
		if err := w.remove(t.Context(), held, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.place(t.Context(), w.aside, legal{account: held.account, recording: held.id}); err != nil {
		t.Fatal(err)
	}
	for range 200 { // a third of them dies
		if err := w.remove(t.Context(), held, true); err != nil {
			t.Fatal(err)
		}
	}
	if held.stage != deleted || w.kill.kills == 0 {
		t.Errorf("stage = %v after %d kills, want %v after some", held.stage, w.kill.kills, deleted)
	}
}
