// Package explore checks a model of a protocol exhaustively. A model is a start state
// and a function that returns the steps from a state. [Check] visits every reachable
// state, breadth first, so the first violation that it finds has a shortest trace.
//
// It checks two kinds of property:
//
//   - Safety: no reachable state is broken.
//   - Liveness: from every reachable state, fair steps alone can reach a clean state.
//     Fair steps are those of background processes and of the passing time; clients,
//     crashes and lost messages are not fair. In a finite model this means that every run
//     reaches a clean state if, from some point on, it makes only fair steps and neglects
//     none of them forever.
package explore

import (
	"fmt"
	"slices"
	"strings"
)

// Step is one step from a state.
type Step[S comparable] struct {
	// Actor and Action name the step in traces.
	Actor, Action string
	// Next is the state after it.
	Next S
	// Fair is true if a fair run makes the step sooner or later.
	Fair bool
}

// Model is the protocol to check.
type Model[S comparable] struct {
	// Start is the first state.
	Start S
	// Steps passes all steps from s to yield. It may repeat a state.
	Steps func(s S, yield func(Step[S]))
	// Normal returns the representative of all states that differ from s only in which
	// of several equal actors is which. If it is nil, every state represents itself.
	Normal func(s S) S
	// Broken returns the invariant that s violates, or "".
	Broken func(s S) string
	// Clean reports whether nothing remains to be done in s. nil: liveness is not checked.
	Clean func(s S) bool
	// Text describes s in traces.
	Text func(s S) string
}

// Result is what Check found.
type Result struct {
	// States and Steps are the numbers of different states and of steps between them.
	States, Steps int
	// Depth is the greatest distance of a state from the start, in steps.
	Depth int
	// Violation is the violated property, or "".
	Violation string
	// Trace is a shortest run to the violation, one step per line.
	Trace []string
}

// String returns the result for people.
func (r Result) String() string {
	if r.Violation == "" {
		return fmt.Sprintf("%d states, %d steps, depth %d: no violation", r.States, r.Steps, r.Depth)
	}
	return fmt.Sprintf("VIOLATED after %d states: %s\n%s", r.States, r.Violation, strings.Join(r.Trace, "\n"))
}

// Unclean is the violation of the liveness property.
const Unclean = "no fair run ever leads to a clean state from here"

// Limit is the violation that Check returns if the model has more states than it may
// visit.
const Limit = "the model has more states than the limit"

// search is one run of Check.
type search[S comparable] struct {
	Model[S]
	states []S
	number map[S]int32
	parent []int32
	depth  []int32
	// fairFrom and fairTo are the ends of the fair steps, for the liveness check.
	fairFrom, fairTo []int32
	steps            int
}

// Check visits every reachable state of m, at most limit. It stops at the first
// violation.
func Check[S comparable](m Model[S], limit int) Result {
	if m.Normal == nil {
		m.Normal = func(s S) S { return s }
	}
	c := &search[S]{Model: m, number: map[S]int32{}}
	c.visit(m.Normal(m.Start), -1)
	for i := int32(0); int(i) < len(c.states); i++ { // the states become more on the way
		if why := m.Broken(c.states[i]); why != "" {
			return c.result(why, i)
		}
		if len(c.states) > limit {
			return c.result(Limit, i)
		}
		c.expand(i)
	}
	if m.Clean != nil {
		if i := c.firstUnclean(); i >= 0 {
			return c.result(Unclean, i)
		}
	}
	return c.result("", -1)
}

// visit returns the number of a state in its normal form, and adds it if it is new.
func (c *search[S]) visit(s S, from int32) int32 {
	if n, known := c.number[s]; known {
		return n
	}
	n := int32(len(c.states))
	c.number[s] = n
	c.states = append(c.states, s)
	c.parent = append(c.parent, from)
	depth := int32(0)
	if from >= 0 {
		depth = c.depth[from] + 1
	}
	c.depth = append(c.depth, depth)
	return n
}

// expand visits the successors of state i.
func (c *search[S]) expand(i int32) {
	c.Steps(c.states[i], func(step Step[S]) {
		next := c.Normal(step.Next)
		if next == c.states[i] {
			return
		}
		c.steps++
		n := c.visit(next, i)
		if step.Fair && c.Clean != nil {
			c.fairFrom, c.fairTo = append(c.fairFrom, i), append(c.fairTo, n)
		}
	})
}

// firstUnclean returns the first state from which fair steps reach no clean state, or -1.
func (c *search[S]) firstUnclean() int32 {
	// The predecessors of state n by fair steps are sources[begin[n]:begin[n+1]].
	begin := make([]int32, len(c.states)+1)
	for _, to := range c.fairTo {
		begin[to+1]++
	}
	for n := range c.states {
		begin[n+1] += begin[n]
	}
	sources, fill := make([]int32, len(c.fairTo)), slices.Clone(begin)
	for i, to := range c.fairTo {
		sources[fill[to]] = c.fairFrom[i]
		fill[to]++
	}
	good := make([]bool, len(c.states))
	var todo []int32
	for n, s := range c.states {
		if c.Clean(s) {
			good[n] = true
			todo = append(todo, int32(n))
		}
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, from := range sources[begin[n]:begin[n+1]] {
			if !good[from] {
				good[from] = true
				todo = append(todo, from)
			}
		}
	}
	return int32(slices.Index(good, false))
}

// result describes the violation in state i, with the run that leads to it.
func (c *search[S]) result(violation string, i int32) Result {
	r := Result{States: len(c.states), Steps: c.steps, Depth: int(slices.Max(c.depth)), Violation: violation}
	if violation == "" || violation == Limit {
		return r
	}
	var path []int32
	for ; i >= 0; i = c.parent[i] {
		path = append(path, i)
	}
	slices.Reverse(path)
	r.Trace = append(r.Trace, line(0, "start", "", c.text(path[0])))
	for k := 1; k < len(path); k++ {
		r.Trace = append(r.Trace, c.line(k, path[k-1], path[k]))
	}
	return r
}

// line describes the step from one state to the next.
func (c *search[S]) line(k int, from, to int32) string {
	var found *Step[S]
	c.Steps(c.states[from], func(step Step[S]) {
		if found == nil && c.Normal(step.Next) == c.states[to] {
			found = &step
		}
	})
	if found == nil { // cannot happen: Steps is a function of the state
		return line(k, "?", "?", c.text(to))
	}
	return line(k, found.Actor, found.Action, c.text(to))
}

func (c *search[S]) text(i int32) string {
	if c.Text == nil {
		return fmt.Sprint(c.states[i])
	}
	return c.Text(c.states[i])
}

func line(k int, actor, action, state string) string {
	return fmt.Sprintf("%3d  %-12s %-52s %s", k, actor, action, state)
}
