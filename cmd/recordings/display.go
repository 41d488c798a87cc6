package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/incoming/importer"
)

// mostShown is how many single recordings an import prints. Its report file
// lists all of them.
const mostShown = 20

// display prints the progress, the problems and the result of an import or an
// export: as text, or as JSON lines with --json. It is safe for concurrent use.
type display struct {
	stdout, stderr io.Writer
	now            func() time.Time
	asJSON         bool
	limit          int // of problems printed as text; 0 for no limit

	mu       sync.Mutex // held while a line is printed
	problems int
}

func (e env) newDisplay(asJSON bool, limit int) *display {
	return &display{stdout: e.stdout, stderr: e.stderr, now: e.now, asJSON: asJSON, limit: limit}
}

// follow shows the progress until end is called: a bar on a terminal, otherwise
// a line every few seconds, in JSON with --json.
func (d *display) follow(ctx context.Context, tally *importer.Tally, b *bar) (end func()) {
	every := everyLine
	if isTerminal(d.stderr) && !d.asJSON {
		every = everyOnTerm
	}
	ctx, stop := context.WithCancel(ctx)
	var printing sync.WaitGroup
	printing.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				d.progress(b, tally.Count())
			}
		}
	})
	return func() {
		stop()
		printing.Wait()
		if !d.asJSON {
			printf(d.stderr, "%s", eraseLine(d.stderr))
		}
	}
}

// progress prints the progress once.
func (d *display) progress(b *bar, c importer.Count) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.asJSON:
		d.printJSON(line{Progress: &c})
	case isTerminal(d.stderr):
		printf(d.stderr, "%s%s", eraseLine(d.stderr), cut(b.line(c, d.now(), barWidth), columns(d.stderr)-1))
	default:
		printf(d.stderr, "%s\n", b.line(c, d.now(), 0))
	}
}

// problem prints a recording that needs attention, as v in JSON or as text.
func (d *display) problem(v any, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.problems++
	switch {
	case d.asJSON:
		d.printJSON(v)
	case d.limit == 0 || d.problems <= d.limit:
		printf(d.stderr, "%s%s\n", eraseLine(d.stderr), text)
	case d.problems == d.limit+1:
		printf(d.stderr, "%s… see the report for the rest\n", eraseLine(d.stderr))
	}
}

// result prints the result, as v in JSON or as text.
func (d *display) result(v any, text string) {
	if d.asJSON {
		d.printJSON(v)
		return
	}
	printf(d.stdout, "%s", text)
}

// printJSON prints v. If standard output is closed, nothing can be reported.
func (d *display) printJSON(v any) { _ = printJSON(d.stdout, v) }

// barWidth is the width of a progress bar in characters.
const barWidth = 24

// The verbs of an import and of an export. Neither counts existing recordings.
const (
	copying = "copied"
	writing = "written"
)

// bar describes the progress of one step.
type bar struct {
	began time.Time
	// total is the number of recordings; since and until bound the time of their
	// saving. 0 means unknown.
	total, since, until int64
	verb                string
}

// fraction returns how much of the work is done, 0 if unknown. It is a fraction
// of the total, if the total is known beforehand or the list has ended. Otherwise it
// is a fraction of the period, if its beginning is known, because the newest recordings
// are listed first.
func (b *bar) fraction(c importer.Count) float64 {
	done, total := c.Done(), b.total
	if c.All {
		total = c.Found
	}
	switch {
	case total > 0:
		return min(1, float64(done)/float64(total))
	case c.First > 0 && b.since > 0 && b.until > int64(c.First):
		return min(1, float64(b.until-int64(c.First))/float64(max(1, b.until-b.since)))
	}
	return 0
}

// transfers reports whether the step copies recordings, rather than compare or count
// them.
func (b *bar) transfers() bool { return b.verb == copying || b.verb == writing }

// done returns how many recordings the step has completed. Existing recordings do not
// count as copied.
func (b *bar) done(c importer.Count) int64 {
	if b.transfers() {
		return c.Copied
	}
	return c.Done()
}

// line returns the progress as text after a bar of width characters, or without
// a bar if width is 0.
func (b *bar) line(c importer.Count, now time.Time, width int) string {
	took, f := now.Sub(b.began), b.fraction(c)
	of := strconv.FormatInt(max(c.Found, b.total), 10)
	if !c.All && b.total == 0 {
		of += "+"
	}
	text := fmt.Sprintf("%d of %s %s, %s", b.done(c), of, b.verb, size(c.Bytes))
	if s := took.Seconds(); s > 0 {
		text += fmt.Sprintf(", %.1f/s, %s/s", float64(c.Done())/s, size(int64(float64(c.Bytes)/s)))
	}
	if left, ok := remaining(took, f); ok && c.Done() > 0 {
		text += ", " + left + " left"
	}
	if here := c.Known + c.Updated; b.transfers() && here > 0 {
		text += fmt.Sprintf(", %d already there", here)
	}
	if c.Refused+c.Failed > 0 {
		text += fmt.Sprintf(", %d refused, %d failed", c.Refused, c.Failed)
	}
	if width == 0 {
		return text
	}
	full := int(f * float64(width))
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", width-full) + "] " + text
}

// soonest is how long a step must have run before its remaining time is estimated.
const soonest = 3 * time.Second

// remaining extrapolates the remaining time from the time that a fraction of
// the work took. ok is false if the fraction is 1, or if the fraction or the time is too
// small for an estimate.
func remaining(took time.Duration, fraction float64) (left string, ok bool) {
	if fraction < 0.001 || fraction >= 1 || took < soonest {
		return "", false
	}
	d := time.Duration(float64(took) * (1 - fraction) / fraction)
	return d.Round(time.Second).String(), true
}
