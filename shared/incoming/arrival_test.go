package incoming

import "testing"

func TestAfter(t *testing.T) {
	t.Parallel()
	ascending := []string{"", "1", "0A", "b", "00000000000000010", "0055AED6DCD90281E5", "1055AED6DCD90281E5"}
	for i, a := range ascending {
		for j, b := range ascending {
			if got := after(a, b); got != (i > j) {
				t.Errorf("after(%q, %q) = %v, want %v", a, b, got, i > j)
			}
		}
	}
}
