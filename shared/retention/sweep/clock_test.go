package sweep

import (
	"math/rand/v2"
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
				c = c.tick(start + recording.Seconds(r.hours*hour))
				if got := len(c.Doubts) == 0; got != r.trusted {
					t.Errorf("after %v hours, the clock is trusted: %t, want %t", r.hours, got, r.trusted)
				}
			}
		})
	}
}

// While the clock is in doubt, the sweep goes on by the time that was observed in runs, and
// each stretch of runs is believed after ten hours of runs.
func TestTimeThatHasCertainlyCome(t *testing.T) {
	t.Parallel()
	const hour, start = recording.Seconds(3600), recording.Seconds(63_900_000_000)
	type run struct{ hours, want recording.Seconds }
	for _, tt := range []struct {
		name string
		runs []run
	}{
		{"it was off for ten hours", []run{{15, 5}, {16, 6}, {18, 8}, {21, 11}, {24, 14}, {25, 25}}},
		{"it jumps during the doubts and returns", []run{{15, 5}, {17, 7}, {41, 7}, {42, 8}, {20, 10}, {21, 11}}},
		{"it is on for six hours a day", []run{
			{24, 5}, {27, 8}, {30, 11}, // the first day
			{48, 11}, {51, 14}, {52, 34}, {54, 36}, // the first day is believed, with the four hours of the second
			{72, 36}, {75, 39}, {76, 58}, {77, 59},
		}},
		{"it is off for days", []run{{100, 5}, {103, 8}, {200, 8}, {203, 11}, {300, 11}, {303, 14}, {304, 110}, {306, 112}, {309, 212}, {310, 310}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := clock{At: start + 5*hour}
			for _, r := range tt.runs {
				if c = c.tick(start + r.hours*hour); c.At != start+r.want*hour {
					t.Errorf("after %d hours by the clock, %d have certainly passed, want %d: %+v", r.hours, (c.At-start)/hour, r.want, c)
				}
			}
		})
	}
}

// A machine that is on for a few hours a day believes every time after ten hours of runs.
func TestClockOfAMachineThatIsOftenOff(t *testing.T) {
	t.Parallel()
	const hour, start = recording.Seconds(3600), recording.Seconds(63_900_000_000)
	for _, on := range []recording.Seconds{1, 2, 4, 8, 12, 20} {
		c := clock{}.tick(start)
		for day := range recording.Seconds(60) {
			for h := recording.Seconds(0); h <= on; h++ {
				now := start + (24*day+h)*hour
				before := c.At
				c = c.tick(now)
				if h > 0 && c.At < before+hour {
					t.Errorf("on for %d hours a day, day %d, hour %d: the sweep goes on by %d s, want an hour", on, day, h, c.At-before)
				}
				// The sweep is behind by ten hours of runs and the hours off between them.
				if late, most := now-c.At, (10/on+1)*24*hour; late > most {
					t.Fatalf("on for %d hours a day, day %d, hour %d: the sweep is %d hours behind, want at most %d", on, day, h, late/hour, most/hour)
				}
			}
		}
	}
}

// The sweep believes no time before it has come, even if the clock is wrong, as long as it is
// right again before the runs add up to ten hours. After ten hours of runs with a right clock,
// the sweep believes it.
func TestClockNeverBelievesTheFuture(t *testing.T) {
	t.Parallel()
	const hour, start = recording.Seconds(3600), recording.Seconds(63_900_000_000)
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		between := func(low, high recording.Seconds) recording.Seconds {
			return low + recording.Seconds(rnd.Int64N(int64(high-low)))
		}
		type seen struct{ at, ran recording.Seconds }
		var right []seen // the runs since the clock is right
		truth, skew, wrong, ran := start, recording.Seconds(0), recording.Seconds(0), recording.Seconds(0)
		c := clock{}.tick(truth)
		for range 2000 {
			step := between(hour/6, hour)
			if rnd.IntN(8) == 0 {
				step = between(hour, 60*hour) // it is off
			}
			truth += step
			if step <= maxStep {
				ran, wrong = ran+step, wrong+step
			}
			switch {
			case skew == 0 && rnd.IntN(20) == 0:
				skew, wrong = between(-30*hour, 1000*hour), 0
			case wrong > 5*hour:
				skew = 0
			}
			c = c.tick(truth + skew)
			if c.At > truth+max(0, min(skew, maxStep)) {
				t.Fatalf("seed %d: the clock of the sweep is %d s ahead, with %+v", seed, c.At-truth, c)
			}
			if right = append(right, seen{truth, ran}); skew != 0 {
				right = nil
			}
			for len(right) > 1 && right[1].ran <= ran-doubtTime {
				right = right[1:]
			}
			if len(right) > 0 && right[0].ran <= ran-doubtTime && c.At < right[0].at {
				t.Fatalf("seed %d: a time is not believed after ten hours of runs: %+v", seed, c)
			}
		}
	}
}
