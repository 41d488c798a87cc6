package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"callrecordings/shared/incoming/importer"
)

// wiped is what takes away the line that progress has left on a terminal.
func wiped(w io.Writer) string {
	if isTerminal(w) {
		return "\r\x1b[K"
	}
	return ""
}

// show tells how far it has come until the returned function is called: a bar
// on a terminal, else a line every few seconds, of JSON for --json.
func (i *importJob) show(ctx context.Context, tally *importer.Tally, verb string) (end func()) {
	every := everyLine
	if isTerminal(i.stderr) && !i.asJSON {
		every = everyOnTerm
	}
	ctx, stop := context.WithCancel(ctx)
	var telling sync.WaitGroup
	b := &bar{began: i.now(), total: i.total, until: i.until, verb: verb}
	telling.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				i.tellProgress(b, tally.Count())
			}
		}
	})
	return func() {
		stop()
		telling.Wait()
		if !i.asJSON {
			say(i.stderr, "%s", wiped(i.stderr))
		}
	}
}

func (i *importJob) tellProgress(b *bar, c importer.Count) {
	i.report.mu.Lock()
	defer i.report.mu.Unlock()
	switch {
	case i.asJSON:
		_ = printJSON(i.stdout, line{Progress: &c}) // nothing to do if standard output is gone
	case isTerminal(i.stderr):
		say(i.stderr, "%s%s", wiped(i.stderr), b.line(c, i.now(), barWidth))
	default:
		say(i.stderr, "%s\n", b.line(c, i.now(), 0))
	}
}

// barWidth is the number of characters of a bar.
const barWidth = 24

// bar is the progress of one step.
type bar struct {
	began        time.Time
	total, until int64
	verb         string
}

// fraction is how much of the work is done, 0 for unknown: of a total that is known
// beforehand or since the list has ended, else of the time that the recordings are
// of, since they come in order.
func (b *bar) fraction(c importer.Count) float64 {
	done, total := c.Done(), b.total
	if c.All {
		total = c.Found
	}
	switch {
	case total > 0:
		return min(1, float64(done)/float64(total))
	case c.Last > c.First && b.until > int64(c.First):
		return min(1, float64(c.Last-c.First)/float64(b.until-int64(c.First)))
	}
	return 0
}

// line is the progress in words, behind a bar of that many characters; of 0,
// without one.
func (b *bar) line(c importer.Count, now time.Time, width int) string {
	took, f := now.Sub(b.began), b.fraction(c)
	of := strconv.FormatInt(max(c.Found, b.total), 10)
	if !c.All && b.total == 0 {
		of += "+"
	}
	text := fmt.Sprintf("%d of %s %s, %s", c.Done(), of, b.verb, size(c.Bytes))
	if s := took.Seconds(); s > 0 {
		text += fmt.Sprintf(", %.1f/s, %s/s", float64(c.Done())/s, size(int64(float64(c.Bytes)/s)))
	}
	if left, ok := remaining(took, f); ok {
		text += ", " + left + " left"
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

// remaining is the time left when a fraction took so long.
func remaining(took time.Duration, fraction float64) (string, bool) {
	if fraction < 0.001 || fraction >= 1 {
		return "", false
	}
	left := time.Duration(float64(took) * (1 - fraction) / fraction)
	return left.Round(time.Second).String(), true
}
