package auth

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/callrecordings/api/shared/strictjson"
)

const (
	errBadAudience    reasonError = "aud is not an audience of this service"
	errRequired       reasonError = "a claim does not have the required value"
	errForeignAccount reasonError = "the issuer may not issue tokens for this account"
	errBadRole        reasonError = "the role is unknown"
	errSeveralRoles   reasonError = "several roles"
)

// maxGroups is the maximum number of groups that are taken from a token.
const maxGroups = 100

// verifyIssued verifies a token of an issuer. It returns static, the error of the
// static keys, if no issuer has the token's iss.
func (v *Verifier) verifyIssued(ctx context.Context, token string, static error) (Bearer, error) {
	var c issuedClaims
	t, parts, err := v.parser.ParseUnverified(token, &c)
	if err != nil {
		return Bearer{}, cause(err)
	}
	if err := supported(t.Header); err != nil {
		return Bearer{}, err
	}
	iss, ok := c.text("iss")
	if !ok || iss == "" {
		return Bearer{}, static
	}
	candidates, err := v.Issuers.ByIss(ctx, iss)
	if err != nil {
		return Bearer{}, err
	}
	// The error of the last step that any issuer reached explains most.
	first := static
	for _, i := range candidates {
		i, err := v.signed(ctx, i, t, parts)
		if err == nil {
			b, err := c.bearer(i, v.now(), v.MaxTTL)
			if err == nil {
				return b, nil
			}
			first = err
			continue
		}
		if r := reasonError(""); !errors.As(err, &r) {
			return Bearer{}, err
		}
		if isForeign(first) {
			first = err
		}
	}
	return Bearer{}, first
}

// signed checks that a key of i has signed a token. If i lacks the key that the token
// names, it reads i again. It returns the issuer that has the key.
func (v *Verifier) signed(ctx context.Context, i *Issuer, t *jwt.Token, parts []string) (*Issuer, error) {
	k, err := i.find(t.Header, t.Method.Alg())
	if errors.Is(err, errUnknownKey) {
		fresh, failed := v.Issuers.Reread(ctx, i)
		if failed != nil {
			return nil, failed
		}
		if fresh != nil && fresh.Iss == i.Iss {
			i = fresh
			k, err = i.find(t.Header, t.Method.Alg())
		}
	}
	if err != nil {
		return nil, err
	}
	public, err := k.public(t.Method.Alg())
	if err != nil {
		return nil, errWrongAlgorithm
	}
	if t.Method.Verify(parts[0]+"."+parts[1], t.Signature, public) != nil {
		return nil, errBadSignature
	}
	return i, nil
}

// issuedClaims holds the claims of an issuer's token by their exact names.
type issuedClaims struct {
	jwt.MapClaims // always nil; only implements the parser's interface

	all map[string]json.RawMessage
}

// maxDepth is the maximum nesting of claims and of token restrictions.
const maxDepth = 20

// UnmarshalJSON decodes the claims without interpreting them. It also rejects nested
// objects that have two members with the same name, because a claim may be in one.
func (c *issuedClaims) UnmarshalJSON(data []byte) error {
	switch err := strictjson.Check(data, maxDepth); {
	case errors.Is(err, strictjson.ErrDuplicate):
		return errDuplicate
	case err != nil:
		return errMalformed
	}
	if json.Unmarshal(data, &c.all) != nil {
		return errMalformed
	}
	return nil
}

// raw returns the claim with a name or path. It returns nil if the token lacks the claim,
// or if the claim is null.
func (c *issuedClaims) raw(name string) json.RawMessage {
	path, nested := strings.CutPrefix(name, "/")
	if !nested {
		return present(c.all[name])
	}
	members := c.all
	steps := strings.Split(path, "/")
	for _, step := range steps[:len(steps)-1] {
		var inner map[string]json.RawMessage
		if json.Unmarshal(members[step], &inner) != nil {
			return nil
		}
		members = inner
	}
	return present(members[steps[len(steps)-1]])
}

// present returns nil for a missing value and for null.
func present(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	return raw
}

// text returns a claim that is a text. ok is false if it has another type. A missing
// claim is "".
func (c *issuedClaims) text(name string) (text string, ok bool) {
	raw := c.raw(name)
	if raw == nil {
		return "", true
	}
	return text, json.Unmarshal(raw, &text) == nil
}

// time returns a claim that is a NumericDate; nil if it is missing. ok is false if it
// has another type.
func (c *issuedClaims) time(name string) (seconds *float64, ok bool) {
	raw := c.raw(name)
	return seconds, raw == nil || json.Unmarshal(raw, &seconds) == nil
}

// list returns a claim that is a text or a list of texts. ok is false if it has another
// type.
func (c *issuedClaims) list(name string) (texts []string, ok bool) {
	raw := c.raw(name)
	if raw == nil {
		return nil, true
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []string{text}, true
	}
	return texts, json.Unmarshal(raw, &texts) == nil
}

// bearer checks the claims against the rules of i and returns their bearer.
func (c *issuedClaims) bearer(i *Issuer, now time.Time, maxTTL time.Duration) (Bearer, error) {
	expires, err := c.validity(i, now, maxTTL)
	if err != nil {
		return Bearer{}, err
	}
	if err := c.destination(i); err != nil {
		return Bearer{}, err
	}
	b := Bearer{Issuer: i.Name, Expires: expires}
	if b.Account, b.Owner, err = c.identity(i); err != nil {
		return Bearer{}, err
	}
	if b.Role, err = c.role(i); err != nil {
		return Bearer{}, err
	}
	b.Unassigned = b.Role == "" && i.Claims.Role != "" && c.raw(i.Claims.Role) != nil
	if b.Groups, err = c.groups(i); err != nil {
		return Bearer{}, err
	}
	var sub *string
	if text, ok := c.text("sub"); ok {
		sub = &text
	}
	b.Subject = subject(b.Owner, sub)
	method, _ := c.text("method")
	b.Restrictions = i.Restrictions.of(b.Account, method)
	return b, nil
}

// validity checks exp and nbf, with a tolerance of Skew, and returns exp.
func (c *issuedClaims) validity(i *Issuer, now time.Time, maxTTL time.Duration) (time.Time, error) {
	exp, okExp := c.time("exp")
	nbf, okNbf := c.time("nbf")
	if !okExp || !okNbf {
		return time.Time{}, errBadClaims
	}
	if exp == nil {
		return time.Time{}, errNoExpiry
	}
	clock, skew := float64(now.UnixNano())/float64(time.Second), Skew.Seconds()
	if *exp <= clock-skew {
		return time.Time{}, expiredError{until(*exp)}
	}
	for _, limit := range []time.Duration{i.MaxTTL, maxTTL} {
		if limit > 0 && *exp > clock+limit.Seconds()+skew {
			return time.Time{}, errLateExpiry
		}
	}
	if nbf != nil && *nbf > clock+skew {
		return time.Time{}, errTooEarly
	}
	return until(*exp), nil
}

// destination checks that the token is for this service (RFC 8725, 3.9 and 3.12).
func (c *issuedClaims) destination(i *Issuer) error {
	audiences, ok := c.list("aud")
	if !ok {
		return errBadClaims
	}
	if len(audiences)+len(i.Audiences) > 0 && !slices.ContainsFunc(audiences, func(a string) bool { return slices.Contains(i.Audiences, a) }) {
		return errBadAudience
	}
	for name, want := range i.Require {
		if got, ok := c.text(name); !ok || got != want {
			return errRequired
		}
	}
	return nil
}

// identity returns the account and the owner of the token. If the issuer issues tokens
// for one account only, a token without an account belongs to it.
func (c *issuedClaims) identity(i *Issuer) (account, owner string, err error) {
	account, okAccount := c.text(i.Claims.Account)
	if !okAccount {
		return "", "", errBadClaims
	}
	if len(i.Accounts) == 1 && c.raw(i.Claims.Account) == nil {
		account = i.Accounts[0]
	}
	if !ValidName(account) {
		return "", "", errBadAccount
	}
	if !i.mayIssueFor(account) {
		return "", "", errForeignAccount
	}
	if i.Claims.Owner == "" || c.raw(i.Claims.Owner) == nil {
		return account, "", nil
	}
	owner, okOwner := c.text(i.Claims.Owner)
	if !okOwner {
		return "", "", errBadClaims
	}
	if !ValidName(owner) {
		return "", "", errBadOwner
	}
	return account, owner, nil
}

// role returns the role of the token, "" if it has none. A text must be a known role: an
// unknown one must not fall back to a default that may do more. A list may have other
// entries, because providers put all roles of a user into one list.
func (c *issuedClaims) role(i *Issuer) (string, error) {
	if i.Claims.Role == "" || c.raw(i.Claims.Role) == nil {
		return "", nil
	}
	if text, ok := c.text(i.Claims.Role); ok {
		if role := i.Roles[text]; role != "" {
			return role, nil
		}
		return "", errBadRole
	}
	values, ok := c.list(i.Claims.Role)
	if !ok {
		return "", errBadClaims
	}
	found := map[string]bool{}
	for _, value := range values {
		if role := i.Roles[value]; role != "" {
			found[role] = true
		}
	}
	if len(found) > 1 {
		return "", errSeveralRoles
	}
	for role := range maps.Keys(found) {
		return role, nil
	}
	return "", nil
}

// groups returns the groups of the token. It drops the slash that Keycloak puts before
// a group, and groups that cannot be the ID of a group here.
func (c *issuedClaims) groups(i *Issuer) ([]string, error) {
	if i.Claims.Groups == "" {
		return nil, nil
	}
	values, ok := c.list(i.Claims.Groups)
	if !ok {
		return nil, errBadClaims
	}
	var groups []string
	for _, value := range values {
		if name := strings.TrimPrefix(value, "/"); ValidName(name) && len(groups) < maxGroups {
			groups = append(groups, name)
		}
	}
	return groups, nil
}
