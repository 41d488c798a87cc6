package mediatest

import (
	"slices"
	"strings"
	"testing"
)

// inventory tests Objects and Folders.
func inventory(t *testing.T, s *suite) {
	var want []string
	for i, name := range []string{"A/1", "A/2/3", "A-b/1", "A0/1", "B/1", "z"} {
		want = append(want, s.put(t, name, "audio/mpeg", int64(i)))
	}
	sizes := map[string]int64{}
	for i, key := range want {
		sizes[key] = int64(i)
	}
	prefix := strings.TrimSuffix(want[0], "A/1")
	slices.Sort(want)
	for i := range len(want) + 1 {
		after := ""
		if i > 0 {
			after = want[i-1]
		}
		found, err := s.Objects(t.Context(), prefix, after)
		if err != nil || len(found) != len(want)-i {
			t.Fatalf("Objects(%q, %q) = %+v, %v, want %q", prefix, after, found, err, want[i:])
		}
		for j, o := range found {
			if stat := s.stat(t, o.Key); o.Key != want[i+j] || o.Size != sizes[o.Key] || !o.Modified.Equal(stat.Modified) {
				t.Errorf("Objects(%q, %q)[%d] = %+v, want %q with %d bytes of %v", prefix, after, j, o, want[i+j], sizes[o.Key], stat.Modified)
			}
		}
	}
	folders := []string{prefix + "A-b/", prefix + "A/", prefix + "A0/", prefix + "B/"}
	for i := range len(folders) + 1 {
		after := ""
		if i > 0 {
			after = folders[i-1]
		}
		if got, more, err := s.Folders(t.Context(), prefix, after); err != nil || more || !slices.Equal(got, folders[i:]) {
			t.Errorf("Folders(%q, %q) = %q, %t, %v, want %q", prefix, after, got, more, err, folders[i:])
		}
	}
}
