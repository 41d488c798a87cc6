package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// Progress is first shown after quiet, so that short uploads print nothing. It is then
// updated every everyOnTerm on a terminal, and every everyLine otherwise.
const (
	quiet       = time.Second
	everyOnTerm = 200 * time.Millisecond
	everyLine   = 5 * time.Second
)

// progress shows the progress of a long upload: on a terminal in one line that
// it rewrites, otherwise as a new line every few seconds.
type progress struct {
	out      io.Writer
	name     string
	total    int64
	now      func() time.Time
	terminal bool

	began, printed time.Time
	shown          bool
}

// at is called when n bytes have been sent in total.
func (p *progress) at(n int64) {
	now := p.now()
	if p.began.IsZero() {
		p.began, p.printed = now, now
	}
	every := everyLine
	if p.terminal {
		every = everyOnTerm
	}
	if now.Sub(p.began) < quiet || now.Sub(p.printed) < every {
		return
	}
	p.printed, p.shown = now, true
	line := fmt.Sprintf("%s: %d of %d MB (%d %%)", p.name, n>>20, p.total>>20, n*100/max(p.total, 1))
	if p.terminal {
		printf(p.out, "\r%s\x1b[K", line)
		return
	}
	printf(p.out, "%s\n", line)
}

// end clears the progress line of a terminal.
func (p *progress) end() {
	if p.terminal && p.shown {
		printf(p.out, "\r\x1b[K")
	}
}

// isTerminal reports whether w writes to a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
