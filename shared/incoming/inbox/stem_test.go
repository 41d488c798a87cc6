package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/incomingtest"
	"github.com/callrecordings/api/shared/media"
)

// A sidecar finds its audio with few list requests, even after many keys with the
// same beginning.
func TestAudioBehindOtherKeys(t *testing.T) {
	t.Parallel()
	for form, lists := range map[string]int{
		box + "1001to1002.a.%04d":     2, // has further dots
		box + "1001to1002.d/%04d.wav": 2, // lies in a folder
		box + "1001to1002./%04d.wav":  2, // lies in a folder whose name ends with a dot
		box + "1001to1002.%04d.wav":   4, // cannot be skipped
	} {
		d := open(t)
		for n := range 2*media.MaxList + 500 {
			d.drop(fmt.Sprintf(form, n), []byte("x"), nil)
		}
		d.drop(freeform, incomingtest.Sample(t, "alaw.wav"), nil)
		d.arrive(freeform, "01", incoming.Adopted)
		d.drop(box+"1001to1002.json", []byte(`{"owner_id":"u4"}`), nil)
		d.Objects.Calls = 0
		d.arrive(box+"1001to1002.json", "02", incoming.Completed)
		if r := d.only(); r.Owner != "u4" {
			t.Errorf("%s: owner %q, want u4", form, r.Owner)
		}
		// Besides the lists, it reads the sidecar and examines the audio.
		if most := lists + 2; d.Objects.Calls > most {
			t.Errorf("%s: %d calls, want at most %d", form, d.Objects.Calls, most)
		}
	}
}

// several drops three files of one stem with IDs of their own, and their sidecar.
func several(t *testing.T) (d *fixture, sidecar string) {
	t.Helper()
	d = open(t)
	for n := range 3 {
		d.drop(fmt.Sprintf("%scall.w%d", box, n), incomingtest.Sample(t, "alaw.wav"), map[string]string{"id": fmt.Sprintf("202601-call%d", n)})
	}
	sidecar = box + "call.json"
	d.drop(sidecar, []byte(`{"owner_id":"u4"}`), nil)
	return d, sidecar
}

// spare is the time before the deadline in which a sidecar starts no further file.
const spare = 15 * time.Second

// A sidecar stops when the time runs out. A retry continues, and does not read
// known audio again.
func TestASidecarStopsInTime(t *testing.T) {
	t.Parallel()
	d, sidecar := several(t)
	const left = time.Second
	for want := 1; want <= 3; want++ {
		opened := 0 // the sidecar, and the audio of one file
		d.Objects.BeforeOpen = func() {
			d.Objects.BeforeOpen = func() { opened++; time.Sleep(left) }
		}
		ctx, cancel := context.WithTimeout(t.Context(), spare+left)
		_, err := d.Ingest(ctx, incoming.Arrival{Key: sidecar, Sequencer: "01"})
		cancel()
		if want < 3 && (err == nil || errors.Is(err, incoming.ErrKept)) {
			t.Errorf("try %d = %v, want an error that leads to a retry", want, err)
		} else if want == 3 && err != nil {
			t.Errorf("try %d = %v, want nil", want, err)
		}
		if all := d.all(); len(all) != want || opened != 1 {
			t.Fatalf("try %d: %d recordings and %d slow reads, want %d and one", want, len(all), opened, want)
		}
	}
	d.Objects.Calls = 0
	d.arrive(sidecar, "01", incoming.Unchanged)
	if want := 2 + 3; d.Objects.Calls != want { // the sidecar, a list, and each file's description
		t.Errorf("%d calls for audio that is known, want %d", d.Objects.Calls, want)
	}
	for _, r := range d.all() {
		if r.Owner != "u4" {
			t.Errorf("%s: owner %q, want u4", r.ID, r.Owner)
		}
	}
}

// No file is started if the time has run out, or if the invocation is about to end.
func TestASidecarWithoutTime(t *testing.T) {
	t.Parallel()
	d, sidecar := several(t)
	over, end := context.WithCancel(t.Context())
	end()
	soon, cancel := context.WithTimeout(t.Context(), spare-time.Second)
	defer cancel()
	for name, ctx := range map[string]context.Context{"the invocation is over": over, "the invocation ends soon": soon} {
		d.Objects.Calls = 0
		_, err := d.Ingest(ctx, incoming.Arrival{Key: sidecar})
		if err == nil || errors.Is(err, incoming.ErrKept) || d.Objects.Calls > 1 || len(d.all()) > 0 {
			t.Errorf("%s: %v after %d calls, want an error after one", name, err, d.Objects.Calls)
		}
	}
}

// A file that stays in the inbox does not hold up the others of its stem.
func TestAKeptFileOfAStem(t *testing.T) {
	t.Parallel()
	d, sidecar := several(t)
	d.drop(box+"call.a", incomingtest.Sample(t, "alaw.wav"), map[string]string{"id": "not an id"})
	d.arrive(sidecar, "01", incoming.ErrKept)
	if all := d.all(); len(all) != 3 {
		t.Errorf("%d recordings, want three", len(all))
	}
}
