package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/strictjson"
)

// catchAll is the key, account or verb that matches everything.
const catchAll = "_"

// endpoint is the noun of this service in token restrictions.
const endpoint = "recordings"

// RestrictionSet has Kazoo's token restrictions (kazoo.md, 6.6) of a system and of
// single accounts. A nil set restricts nothing.
type RestrictionSet struct {
	system   map[string]*Restrictions
	accounts map[string]map[string]*Restrictions
}

// Restrictions are the restrictions of an account and an authentication method, by
// privilege level. Nil restricts nothing.
type Restrictions struct {
	levels map[string]endpoints
}

// endpoints has the restrictions of each endpoint.
type endpoints map[string][]restriction

// restriction is one entry of an endpoint.
type restriction struct {
	// Accounts limits the entry to accounts; nil means all.
	Accounts []string `json:"allowed_accounts"`
	Rules    rules    `json:"rules"`
}

// rules keep the order of the document, because the first pattern that matches counts.
type rules []rule

type rule struct {
	pattern []string
	verbs   []string
}

// UnmarshalJSON decodes an object of patterns in its order.
func (r *rules) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("rules: want an object")
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		var verbs []string
		if err := d.Decode(&verbs); err != nil {
			return errors.New("rules: want a list of verbs for each pattern")
		}
		*r = append(*r, rule{shorten(split(t.(string))), verbs})
	}
	return nil
}

// split returns the steps of a path or a pattern, without empty ones at its end.
func split(path string) []string {
	path = strings.TrimRight(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// shorten makes one # of several that follow each other. They match the same paths, and
// matches would try all of them.
func shorten(pattern []string) []string {
	return slices.CompactFunc(pattern, func(a, b string) bool { return a == "#" && b == "#" })
}

// ParseRestrictions parses token restrictions in Kazoo's form: those of the system
// configuration, and those of accounts, by account. Either may be nil. An account's own
// restrictions replace those of the system for each method that they name.
func ParseRestrictions(system []byte, accounts map[string]json.RawMessage) (*RestrictionSet, error) {
	s := &RestrictionSet{accounts: map[string]map[string]*Restrictions{}}
	var err error
	if len(system) > 0 {
		if s.system, err = parseMethods(system); err != nil {
			return nil, fmt.Errorf("token restrictions: %w", err)
		}
	}
	for account, text := range accounts {
		if s.accounts[account], err = parseMethods(text); err != nil {
			return nil, fmt.Errorf("token restrictions of account %s: %w", account, err)
		}
	}
	return s, nil
}

// parseMethods parses the restrictions of each authentication method.
func parseMethods(text []byte) (map[string]*Restrictions, error) {
	if err := strictjson.Check(text, maxDepth); err != nil {
		return nil, err
	}
	var methods map[string]map[string]endpoints
	if err := json.Unmarshal(text, &methods); err != nil {
		return nil, errors.New(`want {METHOD:{LEVEL:{ENDPOINT:[{"allowed_accounts":[…],"rules":{PATTERN:[VERB…]}}]}}}`)
	}
	found := make(map[string]*Restrictions, len(methods))
	for name, levels := range methods {
		found[name] = &Restrictions{levels: levels}
	}
	return found, nil
}

// of returns the restrictions of an account and a method: the account's own, else the
// system's; those of the method, else those of all methods.
func (s *RestrictionSet) of(account, method string) *Restrictions {
	if s == nil {
		return nil
	}
	for _, methods := range []map[string]*Restrictions{s.accounts[account], s.system} {
		for _, name := range []string{method, catchAll} {
			if r := methods[name]; r != nil {
				return r
			}
		}
	}
	return nil
}

// Use is a use of a token, in the terms of token restrictions.
type Use struct {
	// Level is the privilege level of the user, "admin" or "user".
	Level string
	// TokenAccount is the account of the token, and PathAccount that of the path. If
	// they differ, the path is below a descendant.
	TokenAccount, PathAccount string
	// Path is what follows recordings/ in the path; "" for the list.
	Path string
	// Verb is the method of the request.
	Verb string
}

// Allow reports whether the restrictions allow a use. As in Kazoo, a level without
// restrictions may do everything. A level with restrictions may do only the listed things.
func (r *Restrictions) Allow(u Use) bool {
	if r == nil {
		return true
	}
	byEndpoint, ok := r.levels[u.Level]
	if !ok {
		if byEndpoint, ok = r.levels[catchAll]; !ok {
			return true
		}
	}
	entries, ok := byEndpoint[endpoint]
	if !ok {
		entries = byEndpoint[catchAll]
	}
	for _, e := range entries {
		if e.covers(u) {
			return e.Rules.allow(split(u.Path), u.Verb)
		}
	}
	return false
}

// covers reports whether an entry is about the account of a use.
func (e restriction) covers(u Use) bool {
	relation := "{DESCENDANT_ACCOUNT_ID}"
	if u.PathAccount == u.TokenAccount {
		relation = "{AUTH_ACCOUNT_ID}"
	}
	return e.Accounts == nil || slices.ContainsFunc(e.Accounts, func(a string) bool {
		return a == catchAll || a == u.PathAccount || a == relation
	})
}

// allow finds the first rule with a pattern that matches the path, and reports whether
// it has the verb. HEAD counts as GET.
func (r rules) allow(path []string, verb string) bool {
	if verb == "HEAD" {
		verb = "GET"
	}
	for _, one := range r {
		if matches(one.pattern, path) {
			return slices.ContainsFunc(one.verbs, func(v string) bool { return v == catchAll || strings.EqualFold(v, verb) })
		}
	}
	return false
}

// matches reports whether a pattern matches a path: * stands for one step, # for any
// number of steps.
func matches(pattern, path []string) bool {
	if len(pattern) == 0 {
		return len(path) == 0
	}
	if pattern[0] == "#" {
		return matches(pattern[1:], path) || len(path) > 0 && matches(pattern, path[1:])
	}
	return len(path) > 0 && (pattern[0] == "*" || pattern[0] == path[0]) && matches(pattern[1:], path[1:])
}
