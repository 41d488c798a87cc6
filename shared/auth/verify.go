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

// MaxToken is the maximum length of a token, in characters.
const MaxToken = 8 << 10

// reasonError is the reason why a token is invalid. Its text is constant, so that no
// part of the token gets into the log.
type reasonError string

func (r reasonError) Error() string { return string(r) }

const (
	errAbsent         reasonError = "no token"
	errTooLong        reasonError = "too long"
	errMalformed      reasonError = "malformed"
	errForeignType    reasonError = "typ is not JWT"
	errCritical       reasonError = "crit is not supported"
	errUnknownKey     reasonError = "unknown key"
	errWrongAlgorithm reasonError = "algorithm does not match the key"
	errBadSignature   reasonError = "bad signature"
	errBadClaims      reasonError = "a claim has the wrong type"
	errNoExpiry       reasonError = "exp is missing"
	errExpired        reasonError = "expired"
	errLateExpiry     reasonError = "exp is too far in the future"
	errTooEarly       reasonError = "not valid yet"
	errBadAccount     reasonError = "account_id is missing or malformed"
	errBadOwner       reasonError = "owner_id is malformed"
	errDuplicate      reasonError = "a member occurs twice"
)

// expiredError is errExpired with the time of the token's exp.
type expiredError struct{ at time.Time }

func (e expiredError) Error() string { return "expired at " + e.at.Format(time.RFC3339) }
func (e expiredError) Unwrap() error { return errExpired }

// Reason returns why [Verifier.Verify] rejected a token, in words that may be shown to
// the client: they contain no part of the token except its expiry, and that only if the
// signature is valid. ok is false if err is not an error of Verify or if there was no
// token.
func Reason(err error) (text string, ok bool) {
	if e := (expiredError{}); errors.As(err, &e) {
		return e.Error(), true
	}
	if r := reasonError(""); errors.As(err, &r) && r != errAbsent {
		return string(r), true
	}
	return "", false
}

// Verifier verifies tokens. It is safe for concurrent use.
type Verifier struct {
	// MaxTTL is how far in the future a token may expire; 0 means no limit. It must
	// not change after the first Verify.
	MaxTTL time.Duration
	// Issuers finds the issuers of tokens that no static key has signed. With nil, such
	// tokens are invalid.
	// It must not change after the first Verify.
	Issuers Issuers

	keys   *Keys
	now    func() time.Time
	parser *jwt.Parser
}

// NewVerifier returns a verifier of tokens that are signed with one of keys and
// valid at the time that now returns.
func NewVerifier(keys *Keys, now func() time.Time) *Verifier {
	return &Verifier{keys: keys, now: now, parser: jwt.NewParser(
		jwt.WithStrictDecoding(),
		jwt.WithoutClaimsValidation(), // claims.bearer validates them
	)}
}

// Verify verifies a token in the order of the package comment and returns its
// bearer. It asks Issuers only about a token that no static key has signed. Errors:
// [ErrInvalid], and those of Issuers.
func (v *Verifier) Verify(ctx context.Context, token string) (Bearer, error) {
	b, err := v.verify(token)
	if err != nil && v.Issuers != nil && isForeign(err) {
		b, err = v.verifyIssued(ctx, token, err)
	}
	if r := reasonError(""); errors.As(err, &r) {
		return Bearer{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return b, err
}

// isForeign reports whether err means that no static key has signed the token.
func isForeign(err error) bool {
	return errors.Is(err, errUnknownKey) || errors.Is(err, errWrongAlgorithm) || errors.Is(err, errBadSignature)
}

func (v *Verifier) verify(token string) (Bearer, error) {
	if err := form(token); err != nil {
		return Bearer{}, err
	}
	var c claims
	if _, err := v.parser.ParseWithClaims(token, &c, v.key); err != nil {
		return Bearer{}, cause(err)
	}
	now := v.now()
	b, err := c.bearer(now)
	if err == nil && v.MaxTTL > 0 && b.Expires.After(now.Add(v.MaxTTL)) {
		return Bearer{}, errLateExpiry
	}
	return b, err
}

// form checks a token before anything is decoded. It also rejects line breaks, which
// the base64 decoder would skip.
func form(token string) error {
	switch {
	case token == "":
		return errAbsent
	case len(token) > MaxToken:
		return errTooLong
	case strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != "":
		return errMalformed
	}
	return nil
}

// uniqueHeader checks that a token's header has no two members with the same name
// (RFC 7515, 4). Another verifier could read the other one.
func (v *Verifier) uniqueHeader(t *jwt.Token) error {
	first, _, _ := strings.Cut(t.Raw, ".")
	text, err := v.parser.DecodeSegment(first)
	if err != nil {
		return errMalformed
	}
	return unique(text, len(t.Header))
}

// unique checks that a valid JSON object has as many members as were decoded from it.
// Otherwise a name occurs twice (RFC 7519, 4; RFC 8725, 2.4). It is faster than package
// strictjson, because it ignores nested objects.
func unique(text []byte, decoded int) error {
	members, depth := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ':':
			if depth == 1 {
				members++
			}
		}
	}
	if members != decoded {
		return errDuplicate
	}
	return nil
}

// key returns the key that the header of a token selects.
func (v *Verifier) key(t *jwt.Token) (any, error) {
	if err := v.uniqueHeader(t); err != nil {
		return nil, err
	}
	if err := supported(t.Header); err != nil {
		return nil, err
	}
	k, err := v.keys.find(t.Header, t.Method.Alg())
	return k.public, err
}

// supported checks the members of a header that demand something of the verifier.
func supported(header map[string]any) error {
	if _, has := header["crit"]; has {
		return errCritical
	}
	if typ, has := header["typ"]; has && !isJWT(typ) {
		return errForeignType
	}
	return nil
}

// isJWT reports whether typ is the type of a plain JWT or of an access token. It
// rejects the explicit types of other JWTs, such as logout+jwt (RFC 8725, 3.12).
func isJWT(typ any) bool {
	text, _ := typ.(string)
	text = strings.TrimPrefix(strings.ToLower(text), "application/")
	return text == "jwt" || text == "at+jwt"
}

// cause replaces the library's error with a reason, because the library's text may
// quote the token.
func cause(err error) error {
	var r reasonError
	switch {
	case errors.As(err, &r):
		return r
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return errBadSignature
	case errors.Is(err, jwt.ErrTokenUnverifiable):
		return errWrongAlgorithm
	}
	return errMalformed
}

// claims holds the claims that this package checks.
type claims struct {
	jwt.MapClaims // always nil; only implements the parser's interface

	expires, notBefore *float64
	account, owner     *string
	subject            *string
}

// UnmarshalJSON decodes the claims by their exact names. With a plain struct,
// encoding/json would accept Account_ID as account_id.
func (c *claims) UnmarshalJSON(data []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return errMalformed
	}
	if err := unique(data, len(all)); err != nil {
		return err
	}
	_ = json.Unmarshal(all["sub"], &c.subject) // only for the audit trail
	for name, to := range map[string]any{
		"exp": &c.expires, "nbf": &c.notBefore, "account_id": &c.account, "owner_id": &c.owner,
	} {
		if raw, has := all[name]; has && json.Unmarshal(raw, to) != nil {
			return errBadClaims
		}
	}
	return nil
}

// bearer checks the claims at the time now and returns their bearer.
func (c *claims) bearer(now time.Time) (Bearer, error) {
	clock := float64(now.UnixNano()) / float64(time.Second)
	switch {
	case c.expires == nil:
		return Bearer{}, errNoExpiry
	case *c.expires <= clock:
		return Bearer{}, expiredError{until(*c.expires)}
	case c.notBefore != nil && *c.notBefore > clock:
		return Bearer{}, errTooEarly
	case c.account == nil || !ValidName(*c.account):
		return Bearer{}, errBadAccount
	case c.owner != nil && !ValidName(*c.owner):
		return Bearer{}, errBadOwner
	}
	b := Bearer{Account: *c.account, Expires: until(*c.expires)}
	if c.owner != nil {
		b.Owner = *c.owner
	}
	b.Subject = subject(b.Owner, c.subject)
	return b, nil
}

// until converts a NumericDate to a time in the years 1970 to 9999.
func until(seconds float64) time.Time {
	const end = 253402300799
	return time.Unix(int64(math.Max(0, math.Min(seconds, end))), 0).UTC()
}
