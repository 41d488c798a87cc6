package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// MaxToken is the most characters of a token.
const MaxToken = 8 << 10

// reason is why a token is no good: a text for the log, fixed, so that
// nothing of the token gets into it.
type reason string

func (r reason) Error() string { return string(r) }

const (
	absent         reason = "no token"
	tooLong        reason = "too long"
	malformed      reason = "malformed"
	foreignType    reason = "typ is not JWT"
	critical       reason = "crit is not understood"
	unknownKey     reason = "unknown key"
	wrongAlgorithm reason = "algorithm is not that of the key"
	badSignature   reason = "bad signature"
	badClaims      reason = "claims are not those of a token of this service"
	noExpiry       reason = "exp is missing"
	expired        reason = "expired"
	tooEarly       reason = "not valid yet"
	badAccount     reason = "account_id is missing or malformed"
	badOwner       reason = "owner_id is malformed"
)

// Verifier checks tokens. It may be used by many goroutines.
type Verifier struct {
	keys   *Keys
	now    func() time.Time
	parser *jwt.Parser
}

// NewVerifier makes a verifier for tokens that are signed with one of keys
// and good at now.
func NewVerifier(keys *Keys, now func() time.Time) *Verifier {
	return &Verifier{keys: keys, now: now, parser: jwt.NewParser(
		jwt.WithStrictDecoding(),
		jwt.WithoutClaimsValidation(), // package auth checks its own
	)}
}

// Verify checks a token, in the order that the package comment has, and says
// who it speaks for. Any error is [ErrInvalid].
func (v *Verifier) Verify(_ context.Context, token string) (Bearer, error) {
	b, err := v.verify(token)
	if err != nil {
		return Bearer{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return b, nil
}

func (v *Verifier) verify(token string) (Bearer, error) {
	if err := form(token); err != nil {
		return Bearer{}, err
	}
	var c claims
	if _, err := v.parser.ParseWithClaims(token, &c, v.key); err != nil {
		return Bearer{}, cause(err)
	}
	return c.bearer(v.now())
}

// form refuses what is no token before anything is decoded. (The decoder of
// base64 would skip line breaks.)
func form(token string) error {
	switch {
	case token == "":
		return absent
	case len(token) > MaxToken:
		return tooLong
	case strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != "":
		return malformed
	}
	return nil
}

// key chooses the key for a token by its header.
func (v *Verifier) key(t *jwt.Token) (any, error) {
	if _, has := t.Header["crit"]; has {
		return nil, critical
	}
	if typ, has := t.Header["typ"]; has && !isJWT(typ) {
		return nil, foreignType
	}
	k, err := v.keys.find(t.Header, t.Method.Alg())
	return k.public, err
}

// isJWT reports whether a typ is that of a JWT of this purpose: explicit
// types of other JWTs, such as logout+jwt, are refused (RFC 8725, 3.12).
func isJWT(typ any) bool {
	text, _ := typ.(string)
	text = strings.TrimPrefix(strings.ToLower(text), "application/")
	return text == "jwt" || text == "at+jwt"
}

// cause turns the library's error into a reason: the library's own text may
// quote the token.
func cause(err error) error {
	var r reason
	switch {
	case errors.As(err, &r):
		return r
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return badSignature
	case errors.Is(err, jwt.ErrTokenUnverifiable):
		return wrongAlgorithm
	}
	return malformed
}

// claims are those of a token that are looked at.
type claims struct {
	jwt.MapClaims // never set: the parser's interface, whose checks are off

	expires, notBefore *float64
	account, owner     *string
}

// UnmarshalJSON reads the claims by their exact names; encoding/json would
// take Account_ID for account_id.
func (c *claims) UnmarshalJSON(data []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return malformed
	}
	for name, to := range map[string]any{
		"exp": &c.expires, "nbf": &c.notBefore, "account_id": &c.account, "owner_id": &c.owner,
	} {
		if raw, has := all[name]; has && json.Unmarshal(raw, to) != nil {
			return badClaims
		}
	}
	return nil
}

// bearer judges the claims at a time.
func (c *claims) bearer(now time.Time) (Bearer, error) {
	clock := float64(now.UnixNano()) / float64(time.Second)
	switch {
	case c.expires == nil:
		return Bearer{}, noExpiry
	case *c.expires <= clock:
		return Bearer{}, expired
	case c.notBefore != nil && *c.notBefore > clock:
		return Bearer{}, tooEarly
	case c.account == nil || !ValidName(*c.account):
		return Bearer{}, badAccount
	case c.owner != nil && !ValidName(*c.owner):
		return Bearer{}, badOwner
	}
	b := Bearer{Account: *c.account, Expires: until(*c.expires)}
	if c.owner != nil {
		b.Owner = *c.owner
	}
	return b, nil
}

// until is the time of a NumericDate, at most the end of the year 9999.
func until(seconds float64) time.Time {
	const end = 253402300799
	return time.Unix(int64(math.Min(seconds, end)), 0).UTC()
}
