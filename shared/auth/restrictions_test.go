package auth

import (
	"encoding/json"
	"strings"
	"testing"
)

// The example of kazoo.md, 6.6, and more.
const restrictions = `{
	"_": {"user": {"recordings": [{"allowed_accounts": ["{AUTH_ACCOUNT_ID}"], "rules": {"#": ["GET"]}}]}},
	"cb_api_auth": {"_": {
		"recordings": [
			{"allowed_accounts": ["{DESCENDANT_ACCOUNT_ID}"], "rules": {"/": ["GET"], "*": ["_"]}},
			{"allowed_accounts": ["C"], "rules": {"#": ["_"]}},
			{"rules": {"*": ["GET", "DELETE"], "#": ["_"]}}
		]
	}},
	"cb_nothing": {"_": {"media": [{"rules": {"#": ["_"]}}]}},
	"cb_others": {"_": {"_": [{"allowed_accounts": ["_"], "rules": {"x/*/#": ["POST"]}}]}}
}`

func TestRestrictions(t *testing.T) {
	t.Parallel()
	set, err := ParseRestrictions([]byte(restrictions), map[string]json.RawMessage{
		"B": json.RawMessage(`{"cb_user_auth":{"user":{"recordings":[{"rules":{"#":["_"]}}]}}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		method, level, token, path, rest, verb string
		want                                   bool
	}{
		{"cb_user_auth", "user", "A", "A", "", "GET", true},
		{"cb_user_auth", "user", "A", "A", "202601-x", "HEAD", true},
		{"cb_user_auth", "user", "A", "A", "202601-x", "DELETE", false},
		{"cb_user_auth", "user", "A", "A1", "", "GET", false},
		{"cb_user_auth", "admin", "A", "A", "202601-x", "DELETE", true},
		{"", "user", "A", "A", "", "PUT", false},
		{"cb_user_auth", "user", "B", "B", "202601-x", "DELETE", true},
		{"cb_sso_auth", "user", "B", "B", "202601-x", "DELETE", false},
		{"cb_api_auth", "admin", "A", "A1", "", "GET", true},
		{"cb_api_auth", "admin", "A", "A1", "", "PUT", false},
		{"cb_api_auth", "admin", "A", "A1", "202601-x", "DELETE", true},
		{"cb_api_auth", "admin", "A", "A1", "202601-x/links", "GET", false},
		{"cb_api_auth", "admin", "A", "A", "", "PUT", true},
		{"cb_api_auth", "admin", "A", "A", "202601-x", "DELETE", true},
		{"cb_api_auth", "admin", "A", "A", "202601-x", "PATCH", false},
		{"cb_api_auth", "admin", "C", "C", "202601-x", "PATCH", true},
		{"cb_nothing", "admin", "A", "A", "", "GET", false},
		{"cb_others", "user", "A", "A", "x/y", "POST", true},
		{"cb_others", "user", "A", "A", "x/y/z/z", "POST", true},
		{"cb_others", "user", "A", "A", "x", "POST", false},
	} {
		use := Use{Level: tt.level, TokenAccount: tt.token, PathAccount: tt.path, Path: tt.rest, Verb: tt.verb}
		if got := set.of(tt.token, tt.method).Allow(use); got != tt.want {
			t.Errorf("%q: Allow(%+v) = %t, want %t", tt.method, use, got, tt.want)
		}
	}
	if !(*RestrictionSet)(nil).of("A", "").Allow(Use{}) {
		t.Error("no restrictions do not allow everything")
	}
}

func TestParseRestrictionsRejects(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`[]`: "want {METHOD", `{"a":1}`: "want {METHOD", `{"_":{},"_":{}}`: "duplicate key", `{"_":`: "not JSON",
		`{"_":{"_":{"_":[{"rules":["GET"]}]}}}`: "want {METHOD", `{"_":{"_":{"_":[{"rules":{"#":"GET"}}]}}}`: "want {METHOD",
		`{"_":{"_":{"_":[{"rules":5}]}}}`: "want {METHOD", `{"_":{"_":{"_":[{"rules":null}]}}}`: "want {METHOD",
	} {
		if _, err := ParseRestrictions([]byte(text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseRestrictions(%s) = %v, want an error with %q", text, err, want)
		}
		if _, err := ParseRestrictions(nil, map[string]json.RawMessage{"A": json.RawMessage(text)}); err == nil || !strings.Contains(err.Error(), "account A") {
			t.Errorf("ParseRestrictions(%s of A) = %v, want an error with the account", text, err)
		}
	}
}

// A pattern of many # takes no longer than one.
func TestLongPatterns(t *testing.T) {
	t.Parallel()
	set, err := ParseRestrictions([]byte(`{"_":{"_":{"_":[{"rules":{"`+strings.Repeat("#/", 10_000)+`x/y":["GET"]}}]}}}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if set.of("A", "").Allow(Use{Path: "a/b/c/d/e/f/g/h", Verb: "GET"}) || !set.of("A", "").Allow(Use{Path: "a/b/c/d/e/f/x/y", Verb: "GET"}) {
		t.Error("the pattern does not match by its end")
	}
}

// The restrictions of the issuer end up in the bearer.
func TestBearerHasRestrictions(t *testing.T) {
	t.Parallel()
	set, err := ParseRestrictions([]byte(restrictions), nil)
	if err != nil {
		t.Fatal(err)
	}
	i := trusted(func(i *Issuer) { i.Restrictions = set })
	b, err := issuedVerifier(t, &book{list: []*Issuer{i}}).Verify(t.Context(), rs256(issued("method", "cb_nothing")))
	if err != nil {
		t.Fatal(err)
	}
	if b.Restrictions.Allow(Use{Level: "admin", TokenAccount: account, PathAccount: account, Verb: "GET"}) {
		t.Error("the bearer may do what its method's restrictions do not list")
	}
}
