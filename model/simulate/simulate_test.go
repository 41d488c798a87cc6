package simulate_test

import (
	"flag"
	"os"
	"testing"

	"github.com/callrecordings/api/model/simulate"
)

var (
	days = flag.Int("days", 30, "the number of simulated days")
	seed = flag.Uint64("seed", 1, "what decides everything that is random")
)

func TestNothingGoneEarlyAndNothingKeptTooLong(t *testing.T) {
	t.Parallel()
	audio, err := os.ReadFile("../../shared/audiofile/testdata/alaw.wav")
	if err != nil {
		t.Fatal(err)
	}
	for _, restoreDays := range []int{10, 0} {
		counts, err := simulate.Run(t.Context(), simulate.Options{
			Days: *days, Seed: *seed, Dir: t.TempDir(), RestoreDays: restoreDays, Audio: audio,
		})
		t.Logf("%d days with RestoreDays=%d: %+v", *days, restoreDays, counts)
		if err != nil {
			t.Error(err)
		}
	}
}
