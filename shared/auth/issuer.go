package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha512" // for RS384, RS512, PS384, PS512, ES384 and ES512
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Skew is how far the clock of an issuer may be off: how long after its exp, and before
// its nbf, a token of an issuer is still accepted. Static keys allow no skew.
const Skew = 60 * time.Second

// Algorithms are the algorithms that an issuer may be allowed to use. HMAC is not one
// of them: a shared secret belongs into TOKEN_KEYS, not into the table.
var Algorithms = []string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
}

// Issuers finds the issuers of tokens. It is safe for concurrent use.
type Issuers interface {
	// ByIss returns the issuers of tokens with that iss. Two issuers may share one:
	// every Kazoo has the iss "kazoo". Errors: those of the store.
	ByIss(ctx context.Context, iss string) ([]*Issuer, error)
	// Named returns the issuer of that name, nil if there is none (any more). Errors:
	// those of the store.
	Named(ctx context.Context, name string) (*Issuer, error)
	// Reread reads an issuer again, because a token names a key that i lacks. It
	// returns nil if i has been read again a moment ago, or does not exist any more.
	// Errors: those of the store.
	Reread(ctx context.Context, i *Issuer) (*Issuer, error)
}

// Trusts reports whether the tokens of an issuer are still accepted for an account. Work that goes
// on after its request, in the name of a token, asks this: once the issuer is removed, or may not
// issue tokens for the account any more, that work must stop. name is the [Bearer].Issuer of the
// token; "" stands for the static keys, which are always trusted. issuers may be nil. Errors: those
// of issuers.
func Trusts(ctx context.Context, issuers Issuers, name, account string) (bool, error) {
	if name == "" {
		return true, nil
	}
	if issuers == nil {
		return false, nil
	}
	i, err := issuers.Named(ctx, name)
	if err != nil || i == nil {
		return false, err
	}
	return i.mayIssueFor(account), nil
}

// Issuer is a service that signs tokens, with the rules for its tokens. It is
// immutable.
type Issuer struct {
	// Name identifies the issuer in this service.
	Name string
	// Iss is the value of its tokens' claim iss.
	Iss string
	// Audiences are the values of aud that are accepted. Without any, a token must not
	// have an aud (RFC 7519, 4.1.3).
	Audiences []string
	// Claims are the names of the claims that this service reads.
	Claims ClaimNames
	// Roles maps values of the role claim to roles.
	Roles map[string]string
	// Accounts are the accounts that the issuer may issue tokens for; nil means all.
	Accounts []string
	// Require has further claims and the text that each must have.
	Require map[string]string
	// MaxTTL is how far in the future a token may expire; 0 means no limit.
	MaxTTL time.Duration
	// Keys are the keys that verify the issuer's tokens.
	Keys []IssuerKey
	// Restrictions are Kazoo's token restrictions; nil if they are off.
	Restrictions *RestrictionSet
}

// mayIssueFor reports whether i may issue tokens for an account.
func (i *Issuer) mayIssueFor(account string) bool {
	return i.Accounts == nil || slices.Contains(i.Accounts, account)
}

// ClaimNames are the names of an issuer's claims. A name that begins with a slash is a
// path into nested objects, such as "/realm_access/roles". "" means that the issuer is
// not trusted for the claim.
type ClaimNames struct {
	Account, Owner, Role, Groups string
}

// IssuerKey is a public key of an issuer.
type IssuerKey struct {
	// ID is the kid, "" for none.
	ID string
	// Algorithms are the algorithms that the key may be used with.
	Algorithms []string
	// DER is the public key as a SubjectPublicKeyInfo (RFC 5280, 4.1).
	DER []byte
}

// public returns the key, which must be able to verify alg.
func (k IssuerKey) public(alg string) (crypto.PublicKey, error) {
	public, err := x509.ParsePKIXPublicKey(k.DER)
	if err != nil {
		return nil, errors.New("the key is not a SubjectPublicKeyInfo")
	}
	return public, CheckKey(public, alg)
}

// CheckKey returns an error unless a public key is strong enough (RFC 7518, 3.3 and
// 3.4; RFC 8725, 3.5) and can verify signatures of alg, one of Algorithms.
func CheckKey(public crypto.PublicKey, alg string) error {
	if !slices.Contains(Algorithms, alg) {
		return errors.New("the algorithm is not supported")
	}
	switch k := public.(type) {
	case *rsa.PublicKey:
		if err := checkRSA(k.N, k.E); err != nil {
			return err
		}
		return fits(alg, "RS", "PS")
	case *ecdsa.PublicKey:
		want, ok := map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}[k.Curve.Params().Name]
		if !ok {
			return errors.New("crv is not P-256, P-384 or P-521")
		}
		return fits(alg, want)
	case ed25519.PublicKey:
		return fits(alg, "EdDSA")
	}
	return errors.New("kty is not RSA, EC or OKP with Ed25519")
}

// fits returns an error unless alg begins with one of the prefixes.
func fits(alg string, prefixes ...string) error {
	for _, p := range prefixes {
		if len(alg) >= len(p) && alg[:len(p)] == p {
			return nil
		}
	}
	return fmt.Errorf("the key is not for %s", alg)
}

// find returns the keys for a token's header: those that kid names, or without a kid
// the only key of the algorithm.
func (i *Issuer) find(header map[string]any, alg string) (IssuerKey, error) {
	id, named := header["kid"]
	name, _ := id.(string)
	if named && name == "" {
		return IssuerKey{}, errUnknownKey
	}
	var found []IssuerKey
	for _, k := range i.Keys {
		if named && k.ID == name || !named && slices.Contains(k.Algorithms, alg) {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		return IssuerKey{}, errUnknownKey
	}
	if !slices.Contains(found[0].Algorithms, alg) {
		return IssuerKey{}, errWrongAlgorithm
	}
	return found[0], nil
}
