package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// Short uploads say nothing; long ones say something now and then.
const (
	quiet       = time.Second
	everyOnTerm = 200 * time.Millisecond
	everyLine   = 5 * time.Second
)

// progress tells how far a long upload has come: on one line of a terminal,
// else a line every few seconds.
type progress struct {
	out      io.Writer
	name     string
	total    int64
	now      func() time.Time
	terminal bool

	began, told time.Time
	shown       bool
}

// at notes that n bytes were sent.
func (p *progress) at(n int64) {
	now := p.now()
	if p.began.IsZero() {
		p.began, p.told = now, now
	}
	every := everyLine
	if p.terminal {
		every = everyOnTerm
	}
	if now.Sub(p.began) < quiet || now.Sub(p.told) < every {
		return
	}
	p.told, p.shown = now, true
	line := fmt.Sprintf("%s: %d of %d MB (%d %%)", p.name, n>>20, p.total>>20, n*100/max(p.total, 1))
	if p.terminal {
		say(p.out, "\r%s\x1b[K", line)
		return
	}
	say(p.out, "%s\n", line)
}

// end clears the line that at has left on a terminal.
func (p *progress) end() {
	if p.terminal && p.shown {
		say(p.out, "\r\x1b[K")
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
