// Command bench measures the product against the budgets of budgets.go, each
// figure next to its floor in the same run, and fails when one that can be
// repeated (instructions, allocations, bytes, calls, units) is over. Times are
// shown and judge nothing: machines are noisy.
//
//	bench/run        all of it; needs valgrind, and DYNAMODB_ENDPOINT for the cost of a page
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	child := flag.String("child", "", "run requests of `case/way` and nothing else")
	n := flag.Int("n", 1, "how many")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	var err error
	if *child != "" {
		err = runChild(ctx, *child, *n)
	} else {
		err = run(ctx)
	}
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// errOver is the error of a budget that was broken.
var errOver = errors.New("a budget is broken; see OVER above")

// run measures everything and prints the table.
func run(ctx context.Context) error {
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
	b := &bench{dir: dir, fake: f}
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
	} {
		began := time.Now()
		if err := part.measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		fmt.Fprintf(os.Stderr, "bench: %s: %.0f s\n", part.name, time.Since(began).Seconds())
	}
	return b.print()
}

// bench collects figures.
type bench struct {
	dir  string
	fake *fake
	rows []row
}

// row is one figure next to its floor.
type row struct {
	name, unit  string
	ours, floor float64 // floor 0: there is none
}

func (b *bench) add(name, unit string, ours, floor float64) {
	b.rows = append(b.rows, row{name, unit, ours, floor})
}

// print writes the table and says whether every budget is kept.
func (b *bench) print() error {
	fmt.Printf("\n%-34s %14s %14s %7s  %s\n", "", "ours", "floor", "ratio", "budget")
	var over error
	seen := map[string]bool{}
	for _, r := range b.rows {
		ratio := ""
		if r.floor > 0 {
			ratio = strconv.FormatFloat(r.ours/r.floor, 'f', 2, 64)
		}
		var verdict strings.Builder
		for _, budget := range budgets {
			if budget.name != r.name {
				continue
			}
			seen[r.name] = true
			ok := budget.keeps(r)
			verdict.WriteString(budget.String() + map[bool]string{true: " ok; ", false: " OVER; "}[ok])
			if !ok && !budget.wish {
				over = errOver
			}
		}
		fmt.Printf("%-34s %14s %14s %7s  %s\n", r.name, amount(r.ours, r.unit), amount(r.floor, r.unit), ratio, verdict.String())
	}
	for _, budget := range budgets {
		if !seen[budget.name] {
			over = errors.Join(over, fmt.Errorf("nothing measured %s", budget.name))
		}
	}
	return over
}

func amount(v float64, unit string) string {
	if v == 0 {
		return "–"
	}
	return strconv.FormatFloat(v, 'f', -1, 64) + " " + unit
}
