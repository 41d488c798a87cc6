package inbox_test

import (
	"errors"
	"path"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/incomingtest"
	"github.com/callrecordings/api/shared/store"
)

// Sidecars never describe each other, and the work is linear in the number of
// files that share a stem.
func TestSidecarsOfOneStem(t *testing.T) {
	t.Parallel()
	names := []string{"1001to1002.json", "1001to1002.JSON", "1001to1002..json", "1001to1002.Json", "1001to1002", "1001to1002.wav", "1001to1002.mp3"}
	d, run := open(t), 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		box := "inbox/acc" + strconv.Itoa(run) + "/"
		dropped := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, len(names), rapid.ID).Draw(rt, "files")
		for _, name := range dropped {
			body := incomingtest.Sample(t, "alaw.wav")
			if strings.EqualFold(path.Ext(name), ".json") {
				body = []byte(`{"from":"1"}`)
			}
			d.drop(box+name, body, nil)
		}
		for _, name := range dropped {
			d.Objects.Calls = 0
			if _, err := d.Ingest(t.Context(), incoming.Arrival{Key: box + name, Sequencer: "0A"}); err != nil && !errors.Is(err, incoming.ErrKept) {
				rt.Fatalf("Ingest(%s) = %v", name, err)
			}
			if most := 2 + 6*len(dropped); d.Objects.Calls > most {
				rt.Errorf("Ingest(%s) of %d files took %d calls, want at most %d", name, len(dropped), d.Objects.Calls, most)
			}
		}
	})
}

// A sidecar is found by either spelling of its extension, whether it arrives
// before the audio or after it, and is removed with the audio.
func TestSpellingsOfASidecar(t *testing.T) {
	t.Parallel()
	text := "\ufeff" + `{"owner_id":"u4"}` // as editors on Windows write it
	for _, extension := range []string{".json", ".JSON"} {
		for _, first := range []string{extension, ".wav"} {
			d := open(t)
			beside := box + "1001to1002" + extension
			steps := map[string]func(){
				".wav": func() {
					d.drop(freeform, incomingtest.Sample(t, "alaw.wav"), nil)
					d.arrive(freeform, "01", incoming.Adopted)
				},
				extension: func() {
					d.drop(beside, []byte(text), nil)
					if _, err := d.Ingest(d.Context(), incoming.Arrival{Key: beside, Sequencer: "02"}); err != nil {
						t.Fatalf("Ingest(%s) = %v", beside, err)
					}
				},
			}
			steps[first]()
			delete(steps, first)
			for _, step := range steps {
				step()
			}
			r := d.only()
			if r.Owner != "u4" {
				t.Errorf("%s, with %s first: owner %q, want u4", beside, first, r.Owner)
			}
			if _, err := d.Records.Delete(t.Context(), account, r.ID, store.Deletion{}); err != nil {
				t.Fatal(err)
			}
			d.arrive(freeform, "03", incoming.Removed)
			d.Exists(beside, false)
		}
	}
}

// A sidecar has 64 KB at most.
func TestTheLargestSidecar(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]any{65536: incoming.Completed, 65537: incoming.ErrKept} {
		d := open(t)
		d.drop(freeform, incomingtest.Sample(t, "alaw.wav"), nil)
		d.arrive(freeform, "01", incoming.Adopted)
		text := `{"owner_id":"u4"}`
		d.drop(box+"1001to1002.json", []byte(text+strings.Repeat(" ", size-len(text))), nil)
		d.arrive(box+"1001to1002.json", "02", want)
	}
}

// Metadata that no audio can find by its name is reported, not silently ignored.
func TestMisspelledSidecar(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.drop(freeform, incomingtest.Sample(t, "alaw.wav"), nil)
	d.arrive(freeform, "01", incoming.Adopted)
	for _, name := range []string{"1001to1002..json", "1001to1002.Json", "1001to1002", "1001to1002.Json"} {
		d.drop(box+name, []byte(`{"owner_id":"u4"}`), nil)
		d.arrive(box+name, "02", incoming.ErrKept)
	}
	if r := d.only(); r.Owner != "" {
		t.Errorf("owner %q, want none", r.Owner)
	}
}
