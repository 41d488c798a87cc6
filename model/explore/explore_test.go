package explore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/callrecordings/api/model/explore"
)

// counters is a model of two processes that each add one to a shared number: they read
// it, and then write the next number.
type counters struct {
	shared int8
	seen   [2]int8 // -1: not read yet; -2: done
}

func adders(atomic bool) explore.Model[counters] {
	return explore.Model[counters]{
		Start: counters{seen: [2]int8{-1, -1}},
		Steps: func(s counters, yield func(explore.Step[counters])) {
			for i := range s.seen {
				next, action := s, "read"
				switch {
				case s.seen[i] == -2:
					continue
				case atomic:
					next.shared, next.seen[i], action = s.shared+1, -2, "add"
				case s.seen[i] == -1:
					next.seen[i] = s.shared
				default:
					next.shared, next.seen[i], action = s.seen[i]+1, -2, "write"
				}
				yield(explore.Step[counters]{Actor: fmt.Sprint("process ", i), Action: action, Next: next, Fair: true})
			}
		},
		Normal: func(s counters) counters {
			if s.seen[0] > s.seen[1] {
				s.seen[0], s.seen[1] = s.seen[1], s.seen[0]
			}
			return s
		},
		Broken: func(s counters) string {
			if s.seen == [2]int8{-2, -2} && s.shared != 2 {
				return "a lost update"
			}
			return ""
		},
		Clean: func(s counters) bool { return s.shared == 2 },
	}
}

func TestCheckFindsTheShortestTrace(t *testing.T) {
	t.Parallel()
	r := explore.Check(adders(false), 1000)
	if r.Violation != "a lost update" || len(r.Trace) != 5 { // the start, two reads, two writes
		t.Errorf("Check = %v, want a lost update after four steps", r)
	}
	if !strings.Contains(r.String(), "write") {
		t.Errorf("the trace does not name its steps: %v", r)
	}
}

func TestCheckVisitsEveryState(t *testing.T) {
	t.Parallel()
	if r := explore.Check(adders(true), 1000); r.Violation != "" || r.States != 3 || r.Depth != 2 {
		t.Errorf("Check = %+v, want three states and no violation", r)
	}
	if r := explore.Check(adders(true), 1); r.Violation != explore.Limit {
		t.Errorf("Check with a limit of 1 = %+v, want it to say so", r)
	}
}

func TestCheckFindsStatesThatNeverBecomeClean(t *testing.T) {
	t.Parallel()
	m := adders(false)
	m.Broken = func(counters) string { return "" }
	if r := explore.Check(m, 1000); r.Violation != explore.Unclean {
		t.Errorf("Check = %+v, want a state that never becomes clean", r)
	}
	m = adders(true)
	steps := m.Steps
	m.Steps = func(s counters, yield func(explore.Step[counters])) {
		steps(s, func(step explore.Step[counters]) {
			step.Fair = false
			yield(step)
		})
	}
	if r := explore.Check(m, 1000); r.Violation != explore.Unclean {
		t.Errorf("Check = %+v, want steps that are not fair not to count", r)
	}
}
