package sweep

import (
	"testing"

	"github.com/callrecordings/api/shared/recording"
)

// A clock that jumps forward and back within ten hours removes nothing while it is
// wrong. One that stays there is believed after ten hours.
func TestClock(t *testing.T) {
	t.Parallel()
	const hour, start = 3600, 63_900_000_000
	type run struct {
		hours   float64
		trusted bool
	}
	steady := []run{{0, true}, {1, true}, {2, true}, {5, true}}
	var stays []run
	for h := range 24 {
		stays = append(stays, run{24 + float64(h), h >= 10})
	}
	for _, tt := range []struct {
		name string
		runs []run
	}{
		{"it jumps a day and returns", []run{{29, false}, {30, false}, {7, true}, {8, true}}},
		{"it jumps twice", []run{{29, false}, {30, false}, {53, false}, {54, false}, {7, true}}},
		{"it is set back", []run{{-20, true}, {-19, true}}},
		{"it stays", stays},
		{"it returns, and the doubts begin anew", []run{{29, false}, {6, true}, {42, false}, {43, false}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var c clock
			for _, r := range append(append([]run{}, steady...), tt.runs...) {
				var got bool
				if c, got = c.tick(start + recording.Seconds(r.hours*hour)); got != r.trusted {
					t.Errorf("after %v hours, the clock is trusted: %t, want %t", r.hours, got, r.trusted)
				}
			}
		})
	}
}
