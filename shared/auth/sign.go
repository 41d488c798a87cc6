package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claims are the claims of a token that [Sign] makes.
type Claims struct {
	// Account is required, Owner is optional. Both are as in [Bearer].
	Account, Owner string
	// Expires is the end of the token's validity, truncated to seconds. It is
	// required.
	Expires time.Time
}

// ErrNoSigningKey means that a JWKS can only verify tokens.
var ErrNoSigningKey = errors.New("the set has no key that can sign; RSA and EC keys need their private parts")

// Sign returns a token that is signed with the first suitable key of a JWKS: a
// secret, or an RSA or EC key with its private parts. Only the command line, the
// demo and tests use it; the functions never sign. Claims that [Verifier.Verify]
// would reject are an error, and so is a set that can only verify ([ErrNoSigningKey]).
// An error contains no part of the keys.
func Sign(jwks []byte, c Claims) (string, error) {
	if !ValidName(c.Account) {
		return "", fmt.Errorf("account %q: want 1 to %d of A-Z, a-z, 0-9, _ -", c.Account, MaxName)
	}
	if c.Owner != "" && !ValidName(c.Owner) {
		return "", fmt.Errorf("owner %q: want 1 to %d of A-Z, a-z, 0-9, _ -", c.Owner, MaxName)
	}
	if c.Expires.IsZero() {
		return "", errors.New("a token needs an expiry time")
	}
	if string(jwks) == NoKeys {
		return "", fmt.Errorf("token keys: %w", ErrNoSigningKey)
	}
	list, err := parseSet(jwks)
	if err != nil {
		return "", err
	}
	for i, j := range list {
		private, err := j.signing()
		if err != nil {
			return "", fmt.Errorf("token keys: key %d: %w", i, err)
		}
		if private != nil {
			return sign(j, private, c)
		}
	}
	return "", fmt.Errorf("token keys: %w", ErrNoSigningKey)
}

func sign(j jwk, private any, c Claims) (string, error) {
	content := jwt.MapClaims{"account_id": c.Account, "exp": c.Expires.Unix()}
	if c.Owner != "" {
		content["owner_id"] = c.Owner
	}
	kind, _ := kindOf(j.Kty) // the kty is valid, because signing found the private part
	t := jwt.NewWithClaims(kind.method, content)
	if j.Kid != "" {
		t.Header["kid"] = j.Kid
	}
	text, err := t.SignedString(private)
	if err != nil {
		return "", errors.New("token keys: signing failed")
	}
	return text, nil
}

// signing returns the part of the key that signs. It returns nil if the key lacks
// that part or is for encryption.
func (j jwk) signing() (any, error) {
	if j.Use == "enc" || (j.Kty != "oct" && j.D == "") {
		return nil, nil //nolint:nilnil // a key that cannot sign is not an error
	}
	k, err := j.verification()
	if err != nil {
		return nil, err
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return j.rsaPrivate(public)
	case *ecdsa.PublicKey:
		return j.ecdsaPrivate(public)
	}
	return k.public, nil
}

// rsaPrivate returns the private key with d and the two primes.
func (j jwk) rsaPrivate(public *rsa.PublicKey) (any, error) {
	var parts [3]*big.Int
	for i, c := range []struct{ name, value string }{{"d", j.D}, {"p", j.P}, {"q", j.Q}} {
		b, err := number(c.value)
		if err != nil {
			return nil, fmt.Errorf("%s %w", c.name, err)
		}
		parts[i] = new(big.Int).SetBytes(b)
	}
	k := &rsa.PrivateKey{PublicKey: *public, D: parts[0], Primes: parts[1:]}
	if k.Validate() != nil {
		return nil, errors.New("d, p and q do not belong to n and e")
	}
	k.Precompute()
	return k, nil
}

// ecdsaPrivate returns the private key with d.
func (j jwk) ecdsaPrivate(public *ecdsa.PublicKey) (any, error) {
	d, err := number(j.D)
	if err != nil {
		return nil, fmt.Errorf("d %w", err)
	}
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	if err != nil || !k.PublicKey.Equal(public) {
		return nil, errors.New("d does not belong to x and y")
	}
	return k, nil
}

// NewKeys returns a JWKS with one new HS256 key, for a program that both signs and
// verifies. It takes 32 bytes from random, which must be unpredictable.
func NewKeys(random io.Reader, kid string) ([]byte, error) {
	secret := make([]byte, minSecret)
	if _, err := io.ReadFull(random, secret); err != nil {
		return nil, fmt.Errorf("make a token key: %w", err)
	}
	return json.Marshal(map[string][]jwk{"keys": {{
		Kty: "oct", Kid: kid, Use: "sig", Alg: jwt.SigningMethodHS256.Alg(), K: base64.RawURLEncoding.EncodeToString(secret),
	}}})
}
