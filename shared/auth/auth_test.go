package auth

import (
	"strings"
	"testing"
)

func TestValidName(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		account: true, "a": true, "A-Z_09": true, strings.Repeat("a", 64): true,
		"": false, strings.Repeat("a", 65): false, "a.b": false, "a/b": false, "a b": false,
		"é": false, "a\n": false, "a\x00": false, "..": false, "a#b": false,
	} {
		if got := ValidName(s); got != want {
			t.Errorf("ValidName(%q) = %t, want %t", s, got, want)
		}
	}
}
