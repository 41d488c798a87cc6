package simulate_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/callrecordings/api/model/simulate"
)

var (
	days  = flag.Int("days", 8, "the number of simulated days")
	seed  = flag.Uint64("seed", 1, "what decides everything that is random")
	hours = flag.Int("hours", 0, "for how many hours a day the service is on; 0 is always")
)

// options returns those of a run.
func options(t *testing.T) simulate.Options {
	t.Helper()
	audio, err := os.ReadFile("../../shared/audiofile/testdata/alaw.wav")
	if err != nil {
		t.Fatal(err)
	}
	return simulate.Options{
		Days: *days, Seed: *seed, Hours: *hours, Dir: t.TempDir(), RestoreDays: 4, Audio: audio, Rough: *days < 30,
		Progress: func(day int, c simulate.Counts) { t.Logf("day %d: %+v", day, c) },
	}
}

func TestNothingGoneEarlyAndNothingKeptTooLong(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	counts, err := simulate.Run(t.Context(), options(t))
	t.Logf("%d days, seed %d: %+v", *days, *seed, counts)
	if err != nil {
		t.Error(err)
	}
	if counts.Created == 0 || counts.Imported == 0 || counts.Deleted == 0 || counts.Purged == 0 || counts.Kills == 0 || counts.Reconciled == 0 {
		t.Errorf("counts = %+v, want something of everything", counts)
	}
}

// A machine that is on for eight hours a day removes due recordings, too.
func TestServiceThatIsOftenOff(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Hours, o.Days = 8, max(o.Days, 24)
	if counts, err := simulate.Run(t.Context(), o); err != nil || counts.Expired == 0 {
		t.Errorf("Run = %+v, %v, want recordings that expire", counts, err)
	}
}

// A simulation that finds nothing in wrong code proves nothing about the right one.
func TestSimulationFindsMistakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mistake func(*simulate.Options)
		want    string
	}{
		"the clock ends the time to restore too early": {
			func(o *simulate.Options) { o.CondemnAlways, o.RestoreDays, o.Rough = true, 1, true }, "is gone too early",
		},
		"nothing finds what no event will finish": {
			func(o *simulate.Options) { o.NoReconcile = true }, "has audio that was never ingested",
		},
		"the audio goes before the tombstone": {
			func(o *simulate.Options) { o.AudioFirst, o.NoReconcile = true, true }, "has lost its audio",
		},
		"the audio goes before the tombstone, for the reconciliation": {
			func(o *simulate.Options) { o.AudioFirst = true }, "has found missing_audio",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			o.Days = 60 // it ends at the first violation
			c.mistake(&o)
			if counts, err := simulate.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Run = %+v, %v, want a recording that %s", counts, err, c.want)
			}
		})
	}
}
