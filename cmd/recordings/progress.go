package main

import (
	"fmt"
	"io"
	"time"
)

// Progress is first shown after quiet, so that short transfers print nothing. It is then
// updated every everyOnTerm on a terminal, and every everyLine otherwise.
const (
	quiet       = time.Second
	everyOnTerm = 200 * time.Millisecond
	everyLine   = 5 * time.Second
)

// progress shows the progress of a long upload or download: on a terminal in one line
// that it rewrites, otherwise as a new line every few seconds.
type progress struct {
	out      io.Writer
	name     string
	total    int64 // 0 or less if unknown
	now      func() time.Time
	terminal bool
	// quiet prints nothing.
	quiet bool

	began, printed time.Time
	shown          bool
}

// at is called when n bytes have been transferred in total.
func (p *progress) at(n int64) {
	now := p.now()
	if p.began.IsZero() {
		p.began, p.printed = now, now
	}
	every := everyLine
	if p.terminal {
		every = everyOnTerm
	}
	if p.quiet || now.Sub(p.began) < quiet || now.Sub(p.printed) < every {
		return
	}
	p.printed, p.shown = now, true
	state := fmt.Sprintf(": %d MB", n>>20)
	if p.total > 0 {
		state = fmt.Sprintf(": %d of %d MB (%d %%)", n>>20, p.total>>20, n*100/p.total)
	}
	if p.terminal {
		printf(p.out, "\r%s\x1b[K", fit(p.name, state, columns(p.out)))
		return
	}
	printf(p.out, "%s%s\n", p.name, state)
}

// fit returns a progress line that does not wrap on a terminal of n columns. It cuts the
// name first. n of 0 sets no limit.
func fit(name, state string, n int) string {
	if n == 0 {
		return name + state
	}
	const shortest = 8 // of a name that is still worth showing
	if room := n - 1 - len(state); room >= shortest {
		return cutLeft(name, room) + state
	}
	return cut(name+state, n-1)
}

// end clears the progress line of a terminal.
func (p *progress) end() {
	if p.terminal && p.shown {
		printf(p.out, "\r\x1b[K")
	}
}
