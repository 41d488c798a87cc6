package mediatest

import (
	"slices"
	"testing"
)

// lists tests List with several prefixes and resumes after each key.
func lists(t *testing.T, s *suite) {
	var want []string
	for _, name := range []string{"a", "a b", "a%20b", "a=1/b", "b/c&d", "b/ä"} {
		want = append(want, s.put(t, name, "audio/mpeg", 1))
	}
	slices.Sort(want)
	prefix := want[0][:len(want[0])-1]
	for i := range len(want) + 1 {
		after := ""
		if i > 0 {
			after = want[i-1]
		}
		if got, err := s.List(t.Context(), prefix, after); err != nil || !slices.Equal(got, want[i:]) {
			t.Errorf("List(%q, %q) = %q, %v, want %q", prefix, after, got, err, want[i:])
		}
	}
	for name, want := range map[string][]string{"b/": want[4:], "a ": want[1:2], "none": {}, "a": want[:4]} {
		if got, err := s.List(t.Context(), prefix+name, ""); err != nil || !slices.Equal(got, want) {
			t.Errorf("List(%q) = %q, %v, want %q", prefix+name, got, err, want)
		}
	}
}
