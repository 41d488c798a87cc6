package main

import (
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
	"golang.org/x/text/width"
)

// defaultColumns is the assumed width of a terminal of unknown width.
const defaultColumns = 80

// columns returns the width of the terminal that w writes to, in characters, or 0 if
// it is not a terminal.
func columns(w io.Writer) int {
	switch t := w.(type) {
	case interface{ Columns() int }: // a terminal in a test
		return t.Columns()
	case *os.File:
		if !term.IsTerminal(int(t.Fd())) {
			return 0
		}
		if n, _, err := term.GetSize(int(t.Fd())); err == nil && n > 0 {
			return n
		}
		return defaultColumns
	}
	return 0
}

// isTerminal reports whether w writes to a terminal.
func isTerminal(w io.Writer) bool { return columns(w) > 0 }

// eraseLine returns the codes that erase the progress line, if w is a terminal.
func eraseLine(w io.Writer) string {
	if isTerminal(w) {
		return "\r\x1b[K"
	}
	return ""
}

// runeWidth returns how many columns of a terminal r takes.
func runeWidth(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) || r == '\u200b' || r == '\u200d' {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cut shortens a line to n columns, and ends it with … if it is longer. n of 0 sets no
// limit.
func cut(s string, n int) string {
	used, end := 0, 0 // end is where the text is cut if it turns out to be too long
	for i, r := range s {
		if used+runeWidth(r) > n && n > 0 {
			return s[:end] + "…"
		}
		used += runeWidth(r)
		if used < n {
			end = i + len(string(r))
		}
	}
	return s
}

// cutLeft shortens a name to n columns at its beginning, since names of files differ
// at their end.
func cutLeft(s string, n int) string {
	used := 0
	runes := []rune(s)
	for i := len(runes) - 1; i >= 0; i-- {
		if used += runeWidth(runes[i]); used > n {
			keep := i + 1
			for keep < len(runes) && used-runeWidth(runes[i]) >= n {
				used -= runeWidth(runes[keep])
				keep++
			}
			return "…" + string(runes[keep:])
		}
	}
	return s
}

// clean replaces control characters in text that others wrote, such as the name of a
// caller, so that it cannot control the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control) {
			return '\ufffd'
		}
		return r
	}, s)
}
