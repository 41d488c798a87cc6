package auth

import (
	"strings"
	"testing"
)

func TestReaches(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, token, account string
		want                 bool
	}{
		{"its own", account, account, true},
		{"another", account, owner, false},
		{"other case", "abc", "ABC", false},
		{"a prefix", account, account[:31], false},
		{"no account", account, "", false},
		{"the zero bearer", "", "", false},
	} {
		if got := (Bearer{Account: tt.token}).Reaches(tt.account); got != tt.want {
			t.Errorf("%s: Bearer{%q}.Reaches(%q) = %t, want %t", tt.name, tt.token, tt.account, got, tt.want)
		}
	}
}

func TestMay(t *testing.T) {
	t.Parallel()
	for _, b := range []Bearer{{Account: account}, {Account: account, Owner: owner}} {
		for _, a := range []Action{List, Read, Play, Change, Delete} {
			if !b.May(a) {
				t.Errorf("%+v.May(%q) = false, want true", b, a)
			}
		}
		for _, a := range []Action{"", "erase", "LIST"} {
			if b.May(a) {
				t.Errorf("%+v.May(%q) = true, want false", b, a)
			}
		}
	}
}

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
