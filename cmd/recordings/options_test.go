package main

import "testing"

// Numbers in the output agree with their nouns.
func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 recordings", 1: "1 recording", 2: "2 recordings", 1200: "1200 recordings"} {
		if got := count(n, "recording"); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
}
