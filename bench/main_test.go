package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// The error of a run, which ends its output, repeats each row over a limit, and no other.
func TestOverAtTheEnd(t *testing.T) {
	t.Parallel()
	b := &bench{}
	b.add("memory list", "KB", 16<<10, 0)                // at its limit
	b.add("request get", "instr", 750_001, 700_000)      // over its limit
	b.add("request get, bare floor", "instr", 3, 1)      // over a target only
	b.add("one machine, 4 MB inline", "ms", 4.6, 1)      // over its ratio
	b.add("start list, no-op", "instr", 4_000_000, 1000) // without a limit
	var table bytes.Buffer
	err := b.print(&table, false)
	if !errors.Is(err, errOver) {
		t.Fatalf("print: %v, want an error over the budget", err)
	}
	var over []string
	for line := range strings.Lines(table.String()) {
		for _, name := range []string{"request get ", "one machine, 4 MB inline "} {
			if strings.HasPrefix(line, name) {
				over = append(over, "over budget: "+strings.TrimSuffix(line, "\n"))
			}
		}
	}
	if want := strings.Join(over, "\n"); len(over) != 2 || err.Error() != want {
		t.Errorf("print: error\n%v\nwant\n%s", err, want)
	}
	if n := strings.Count(err.Error(), "OVER"); n < 2 {
		t.Errorf("the error has %d verdicts OVER, want at least 2:\n%v", n, err)
	}
}

// A run within all limits has no error, and every row is in the table.
func TestWithinTheBudget(t *testing.T) {
	t.Parallel()
	b := &bench{}
	b.add("memory list", "KB", 16<<10, 0)
	b.add("request get, bare floor", "instr", 3, 1)
	var table bytes.Buffer
	if err := b.print(&table, false); err != nil {
		t.Errorf("print: %v, want no error", err)
	}
	for _, want := range []string{"memory list ", "≤ 16384 ok; ", "request get, bare floor ", "target ≤ 1.2 × OVER; "} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table does not contain %q:\n%s", want, table.String())
		}
	}
}

// A full run must have a figure for every budget.
func TestEveryBudgetHasAFigure(t *testing.T) {
	t.Parallel()
	b := &bench{}
	for _, budget := range budgets[1:] {
		if budget.name != budgets[0].name {
			b.add(budget.name, "", 0, 0)
		}
	}
	err := b.print(&bytes.Buffer{}, true)
	if err == nil || !strings.Contains(err.Error(), "no figure for the budget "+budgets[0].name) {
		t.Errorf("print without %s: %v, want an error that names it", budgets[0].name, err)
	}
}
