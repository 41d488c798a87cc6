package auth

import (
	"errors"
	"strings"
	"testing"
)

func TestValidName(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		account: true, "a": true, "A-Z_09": true, "azAZ09-_": true, strings.Repeat("a", 64): true,
		"": false, strings.Repeat("a", 65): false, "a.b": false, "a/b": false, "a b": false,
		"é": false, "a\n": false, "a\x00": false, "..": false, "a#b": false,
	} {
		if got := ValidName(s); got != want {
			t.Errorf("ValidName(%q) = %t, want %t", s, got, want)
		}
	}
}

// The audit trail keeps a subject only if it can be an identifier: names and addresses of
// persons have spaces or an @, and are dropped.
func TestSubject(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("a", maxSubject)
	tooLong := longest + "a"
	for _, c := range []struct {
		owner string
		sub   *string
		want  string
	}{
		{"u-1", nil, "u-1"},
		{"u-1", new("auth0|5f7c"), "u-1"},
		{"", nil, ""},
		{"", new("auth0|5f7c"), "auth0|5f7c"},
		{"", new("Ann Smith"), ""},
		{"", new("ann@example.com"), ""},
		{"", &longest, longest},
		{"", &tooLong, ""},
	} {
		if got := subject(c.owner, c.sub); got != c.want {
			t.Errorf("subject(%q, %v) = %q, want %q", c.owner, c.sub, got, c.want)
		}
	}
}

func TestForm(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]error{
		"":                              errAbsent,
		"a.b-c_D.9":                     nil,
		strings.Repeat("a", MaxToken):   nil,
		strings.Repeat("a", MaxToken+1): errTooLong,
		"a.b\n.c":                       errMalformed,
		"a.b.c=":                        errMalformed,
	} {
		if err := form(token); !errors.Is(err, want) {
			t.Errorf("form of a token with %d characters = %v, want %v", len(token), err, want)
		}
	}
}
