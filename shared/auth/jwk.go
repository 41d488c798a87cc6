package auth

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

const (
	minSecret = 32   // bytes of an HS256 key (RFC 7518, 3.2)
	minRSA    = 2048 // bits of an RSA modulus (RFC 7518, 3.3)
	maxRSA    = 8192 // larger keys only cost time
	// minDistinct is the minimum number of different bytes in a secret. Even 32 random
	// hex digits practically always have more.
	minDistinct = 8
	p256Size    = 32 // bytes of a coordinate on P-256
)

// jwk holds the members of a JWK that this package uses (RFC 7517 and RFC 7518, 6).
type jwk struct {
	Kty string   `json:"kty"`
	Kid string   `json:"kid,omitempty"`
	Use string   `json:"use,omitempty"`
	Alg string   `json:"alg,omitempty"`
	Ops []string `json:"key_ops,omitempty"`

	K string `json:"k,omitempty"` // oct

	N string `json:"n,omitempty"` // RSA
	E string `json:"e,omitempty"`
	P string `json:"p,omitempty"`
	Q string `json:"q,omitempty"`

	Crv string `json:"crv,omitempty"` // EC
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`

	D string `json:"d,omitempty"` // private, RSA and EC
}

// read fills j from the members of a JWK. It returns false if a known member has the
// wrong type.
func (j *jwk) read(members map[string]any) bool {
	for _, member := range [...]struct {
		name string
		to   *string
	}{
		{"kty", &j.Kty},
		{"kid", &j.Kid},
		{"use", &j.Use},
		{"alg", &j.Alg},
		{"k", &j.K},
		{"n", &j.N},
		{"e", &j.E},
		{"p", &j.P},
		{"q", &j.Q},
		{"crv", &j.Crv},
		{"x", &j.X},
		{"y", &j.Y},
		{"d", &j.D},
	} {
		value, has := members[member.name]
		text, ok := value.(string)
		if has && !ok {
			return false
		}
		*member.to = text
	}
	ops, has := members["key_ops"]
	list, ok := ops.([]any)
	for _, op := range list {
		text, _ := op.(string)
		j.Ops = append(j.Ops, text)
	}
	return ok || !has
}

// kind is the algorithm of a kty, and the parser of its keys.
type kind struct {
	method jwt.SigningMethod
	public func(jwk) (any, error)
}

// kindOf returns the kind for a kty. ok is false for an unknown one.
func kindOf(kty string) (k kind, ok bool) {
	switch kty {
	case "oct":
		return kind{jwt.SigningMethodHS256, jwk.secret}, true
	case "RSA":
		return kind{jwt.SigningMethodRS256, func(j jwk) (any, error) { return j.rsa() }}, true
	case "EC":
		return kind{jwt.SigningMethodES256, func(j jwk) (any, error) { return j.ecdsa() }}, true
	}
	return kind{}, false
}

// verification returns the part of the key that verifies signatures.
func (j jwk) verification() (key, error) {
	kind, ok := kindOf(j.Kty)
	if !ok {
		return key{}, errors.New("kty is not oct, RSA or EC")
	}
	if j.Alg != "" && j.Alg != kind.method.Alg() {
		return key{}, fmt.Errorf("alg of an %s key is not %s", j.Kty, kind.method.Alg())
	}
	if j.Use != "" && j.Use != "sig" {
		return key{}, errors.New("use is not sig")
	}
	if len(j.Ops) > 0 && !slices.Contains(j.Ops, "verify") && !slices.Contains(j.Ops, "sign") {
		return key{}, errors.New("key_ops has neither verify nor sign")
	}
	public, err := kind.public(j)
	if err != nil {
		return key{}, err
	}
	return key{id: j.Kid, method: kind.method, public: public}, nil
}

// secret returns the secret of an oct key. It rejects a public key that was pasted as a
// secret, because anyone who knows the public key could sign.
func (j jwk) secret() (any, error) {
	k, err := number(j.K)
	if err != nil {
		return nil, fmt.Errorf("k %w", err)
	}
	if len(k) < minSecret {
		return nil, fmt.Errorf("k has %d bytes, want at least %d", len(k), minSecret)
	}
	if n := distinct(k); n < minDistinct {
		return nil, fmt.Errorf("k has only %d different bytes, want a random secret", n)
	}
	if bytes.Contains(k, []byte("-----BEGIN ")) {
		return nil, errors.New("k is a PEM text, want a random secret")
	}
	return k, nil
}

// distinct returns the number of different bytes.
func distinct(k []byte) int {
	n := 0
	var seen [256]bool
	for _, c := range k {
		if !seen[c] {
			seen[c] = true
			n++
		}
	}
	return n
}

// rsa returns an RSA public key.
func (j jwk) rsa() (*rsa.PublicKey, error) {
	n, err := number(j.N)
	if err != nil {
		return nil, fmt.Errorf("n %w", err)
	}
	e, err := number(j.E)
	if err != nil {
		return nil, fmt.Errorf("e %w", err)
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if exponent.BitLen() > maxExponent {
		exponent.SetInt64(0) // not valid either
	}
	if err := checkRSA(modulus, int(exponent.Int64())); err != nil {
		return nil, err
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}

// maxExponent is the maximum length of an RSA exponent, in bits.
const maxExponent = 31

// checkRSA returns an error if the modulus n is too short or too long, or if n and the
// exponent e cannot belong to an RSA key.
func checkRSA(n *big.Int, e int) error {
	if bits := n.BitLen(); bits < minRSA || bits > maxRSA {
		return fmt.Errorf("n has %d bits, want %d to %d", bits, minRSA, maxRSA)
	}
	if n.Bit(0) == 0 || e&1 == 0 || e < 3 || e >= 1<<maxExponent {
		return errors.New("n and e are not a valid RSA public key")
	}
	return nil
}

// ecdsa returns an EC public key, which must be on P-256.
func (j jwk) ecdsa() (*ecdsa.PublicKey, error) {
	if j.Crv != "P-256" {
		return nil, errors.New("crv is not P-256")
	}
	point := []byte{4} // uncompressed (SEC 1, 2.3.3)
	for _, c := range []struct{ name, value string }{{"x", j.X}, {"y", j.Y}} {
		b, err := number(c.value)
		if err != nil {
			return nil, fmt.Errorf("%s %w", c.name, err)
		}
		if len(b) != p256Size {
			return nil, fmt.Errorf("%s has %d bytes, want %d", c.name, len(b), p256Size)
		}
		point = append(point, b...)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, errors.New("x and y are not a point on P-256")
	}
	return public, nil
}

// number decodes the base64url value of a JWK's member.
func number(s string) ([]byte, error) {
	if s == "" {
		return nil, errors.New("is missing")
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, errors.New("is not base64url")
	}
	return b, nil
}
