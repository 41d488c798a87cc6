// Command bench measures the product and compares it with the limits in budgets.go.
// It measures each figure together with its floor, the same work done with only the
// libraries. It fails if a repeatable figure (instructions, allocations, bytes,
// calls, units) exceeds its limit. Times are printed but have no limits, because
// they vary too much between runs.
//
//	bench/run                           measures everything; needs valgrind and DYNAMODB_ENDPOINT
//	bench/run -parts requests,start-up  measures these parts
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	child := flag.String("child", "", "only run requests of `case/way`")
	parts := flag.String("parts", "", "measure only these `parts`, separated by commas; budgets of others are not checked")
	only := flag.String("case", "", "of the requests, measure only this `case`")
	n := flag.Int("n", 1, "number of requests for -child")
	files := flag.String("files", "", "only serve the files of this `folder`")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	var err error
	switch {
	case *child != "":
		err = runChild(ctx, *child, *n)
	case *files != "":
		err = serveFiles(ctx, *files)
	default:
		err = run(ctx, *parts, *only)
	}
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// errOver is returned if a figure exceeds its budget.
var errOver = errors.New("over budget")

// run measures everything, or only some parts, and prints the table.
func run(ctx context.Context, parts, only string) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	f, err := startFake(ctx)
	if err != nil {
		return err
	}
	defer f.close()
	b := &bench{dir: dir, fake: f, only: only, some: parts != ""}
	for _, part := range []struct {
		name    string
		measure func(context.Context) error
	}{
		{"start-up", b.startUp},
		{"sizes", b.sizes},
		{"memory", b.memory},
		{"requests", b.requests},
		{"pieces", b.pieces},
		{"cost of a page", b.pageCost},
		{"one machine", b.oneBox},
	} {
		if parts != "" && !slices.Contains(strings.Split(parts, ","), part.name) {
			continue
		}
		began := time.Now()
		if err := part.measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		fmt.Fprintf(os.Stderr, "bench: %s: %.0f s\n", part.name, time.Since(began).Seconds())
	}
	return b.print(os.Stdout, parts == "")
}

// bench collects the figures.
type bench struct {
	dir  string
	fake *fake
	only string // the only case of the requests, "" for all
	some bool   // only some parts are measured
	rows []row
}

// row is one figure next to its floor.
type row struct {
	name, unit  string
	ours, floor float64 // floor is 0 if there is none
}

func (b *bench) add(name, unit string, ours, floor float64) {
	b.rows = append(b.rows, row{name, unit, ours, floor})
}

// print prints the table to w. It returns an error if a figure exceeds its budget or a
// budget has no figure although all parts were measured. The error repeats the rows of
// these figures: it ends the output, and a log is often cut at its start.
func (b *bench) print(w io.Writer, all bool) error {
	if _, err := fmt.Fprintf(w, "\n%-34s %14s %14s %7s  %s\n", "", "ours", "floor", "ratio", "budget"); err != nil {
		return err
	}
	var over error
	seen := map[string]bool{}
	for _, r := range b.rows {
		seen[r.name] = true
		line, ok := r.line()
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
		if !ok {
			over = errors.Join(over, fmt.Errorf("%w: %s", errOver, line))
		}
	}
	for _, budget := range budgets {
		if all && !seen[budget.name] {
			over = errors.Join(over, fmt.Errorf("no figure for the budget %s", budget.name))
		}
	}
	return over
}

// line returns the row as text, with the verdict on each of its budgets. ok is false if
// the figure exceeds a budget that is not a target.
func (r row) line() (text string, ok bool) {
	ratio := ""
	if r.floor > 0 {
		ratio = strconv.FormatFloat(r.ours/r.floor, 'f', 2, 64)
	}
	ok = true
	var verdicts strings.Builder
	for _, budget := range budgets {
		if budget.name != r.name {
			continue
		}
		verdict := " ok; "
		if !budget.keeps(r) {
			verdict = " OVER; "
			ok = ok && budget.target
		}
		verdicts.WriteString(budget.String() + verdict)
	}
	return fmt.Sprintf("%-34s %14s %14s %7s  %s", r.name, amount(r.ours, r.unit), amount(r.floor, r.unit), ratio, verdicts.String()), ok
}

func amount(v float64, unit string) string {
	if v == 0 {
		return "–"
	}
	return strconv.FormatFloat(v, 'f', -1, 64) + " " + unit
}
