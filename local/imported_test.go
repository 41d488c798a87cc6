package main

import (
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
)

// Imported audio without a recording is removed after a safe age. It comes from an
// import that was killed, or that raced a delete. Audio that a recording plays is left
// alone, and so is audio of a recent delete, because its purge may still come.
func TestOrphansOfImports(t *testing.T) {
	t.Parallel()
	b, now, _ := newBox(t)
	mp3 := demoFile(t, "01-appointment.mp3")
	imported := func(id string, place recording.Place) *recording.Recording {
		t.Helper()
		r := &recording.Recording{Account: "a", ID: id, Created: 1, Document: "{}", Audio: recording.Audio{Place: place, Size: int64(len(mp3))}}
		if place == recording.Managed {
			r.Audio.Key = recording.ImportedKey("a", id)
		}
		if err := b.store.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	kept, deleted, purging := imported("202601-kept", recording.Managed), imported("202601-deleted", recording.Managed), imported("202601-purging", recording.Managed)
	imported("202601-external", recording.External)
	remove(t, b, deleted)
	b.finishPurges(t.Context())
	remove(t, b, purging)
	orphans := map[string]bool{ // whether nothing refers to it
		kept.AudioKey():                                   false,
		purging.AudioKey():                                false,
		"imported/a/no-audio":                             false,
		deleted.AudioKey():                                true, // the import stored it after the purge
		recording.ImportedKey("a", "202601-new"):          true, // the import was killed before the document
		recording.ImportedKey("a", "202601-kept") + "~1f": true, // so was one that revived a recording
		recording.ImportedKey("a", "202601-external"):     true, // so was one that supplied the audio
	}
	for key := range orphans {
		storeObject(t, b, key, mp3)
	}
	for _, passed := range []time.Duration{0, ages.Orphan + time.Minute, ages.Import} {
		now.add(passed)
		tidyAndDrain(t, b)
		for key, orphan := range orphans {
			want := !orphan || passed < ages.Import
			if key == purging.AudioKey() { // its purge counts as stuck, and is finished
				want = passed < ages.Purge
			}
			if exists(t, b, key) != want {
				t.Errorf("%v later, %s exists: %t, want %t", passed, key, !want, want)
			}
		}
	}
}
