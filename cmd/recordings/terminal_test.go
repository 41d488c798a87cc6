package main

import "testing"

func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text       string
		n          int
		head, tail string
	}{
		{"a line", 0, "a line", ""},
		{"a line", 6, "a line", "a line"},
		{"a line", 5, "a li…", "…line"},
		{"日本語", 6, "日本語", "日本語"},
		{"日本語", 5, "日本…", "…本語"},
		{"日本語", 4, "日…", "…語"},
		{"e\u0301te\u0301", 3, "e\u0301te\u0301", "e\u0301te\u0301"},
	} {
		if got := cut(c.text, c.n); got != c.head {
			t.Errorf("cut(%q, %d) = %q, want %q", c.text, c.n, got, c.head)
		}
		if got := cutLeft(c.text, c.n); c.n > 0 && got != c.tail {
			t.Errorf("cutLeft(%q, %d) = %q, want %q", c.text, c.n, got, c.tail)
		}
	}
}

// Text in a document must not control the terminal.
func TestClean(t *testing.T) {
	t.Parallel()
	if got, want := clean("Zoë \x1b[2J\r\n\u202ex"), "Zoë \ufffd[2J\ufffd\ufffd\ufffdx"; got != want {
		t.Errorf("clean = %q, want %q", got, want)
	}
}
