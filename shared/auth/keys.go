package auth

import (
	"bytes"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// Keys are the keys that verify tokens. They are immutable.
type Keys struct {
	all  []key
	byID map[string]key
}

// key is a key with the only algorithm that it is used for.
type key struct {
	id     string // kid, "" for none
	method jwt.SigningMethod
	public any // the type depends on method
}

// same reports whether two keys verify the same signatures.
func (k key) same(other key) bool {
	public, ok := k.public.(interface{ Equal(x crypto.PublicKey) bool })
	if ok {
		return public.Equal(other.public)
	}
	secret, ok := k.public.([]byte)
	otherSecret, okOther := other.public.([]byte)
	return ok && okOther && bytes.Equal(secret, otherSecret)
}

// NoKeys stands for an empty set of static keys in TOKEN_KEYS, for a deployment that
// accepts only tokens of issuers.
const NoKeys = "none"

// ParseKeys parses a JWKS (RFC 7517), or [NoKeys]. It skips keys for encryption and ignores
// private parts. Every other key must be able to verify a token with HS256, RS256
// or ES256. Errors: an unknown kind or curve, an alg that does not fit the kind,
// RSA below 2048 bits, a secret below 32 bytes or with few different bytes, and a key
// or kid that occurs twice. An error identifies the key by its index, counted from 0,
// and contains no part of the key.
func ParseKeys(jwks []byte) (*Keys, error) {
	if string(jwks) == NoKeys {
		return &Keys{}, nil
	}
	list, err := parseSet(jwks)
	if err != nil {
		return nil, err
	}
	keys := &Keys{byID: make(map[string]key, len(list))}
	for i, j := range list {
		if j.Use == "enc" {
			continue
		}
		k, err := j.verification()
		if err != nil {
			return nil, fmt.Errorf("token keys: key %d: %w", i, err)
		}
		if _, twice := keys.byID[k.id]; twice {
			return nil, fmt.Errorf("token keys: key %d: its kid is the same as that of an earlier key", i)
		}
		if slices.ContainsFunc(keys.all, k.same) {
			return nil, fmt.Errorf("token keys: key %d: it is the same as an earlier key", i)
		}
		if k.id != "" {
			keys.byID[k.id] = k
		}
		keys.all = append(keys.all, k)
	}
	if len(keys.all) == 0 {
		return nil, errors.New("token keys: the set has no key for signatures")
	}
	return keys, nil
}

// parseSet returns the keys of a JWKS. It does not wrap the decoder's errors, because
// they could quote the text.
func parseSet(jwks []byte) ([]jwk, error) {
	var set map[string]any // a struct would match names in any case and slow down every cold start
	if err := json.Unmarshal(jwks, &set); err != nil {
		return nil, errors.New(`token keys: not a JWKS, want {"keys":[…]}`)
	}
	keys, _ := set["keys"].([]any)
	if len(keys) == 0 {
		return nil, errors.New("token keys: the JWKS has no keys")
	}
	list := make([]jwk, len(keys))
	for i, k := range keys {
		members, ok := k.(map[string]any)
		if !ok || !list[i].read(members) {
			return nil, fmt.Errorf("token keys: key %d: not a JWK", i)
		}
	}
	return list, nil
}

// find returns the key for a token's header: the key that kid names, or without a kid
// the only key of the algorithm. The header's algorithm must be that of the key.
func (k *Keys) find(header map[string]any, alg string) (key, error) {
	id, has := header["kid"]
	if !has {
		return k.only(alg)
	}
	name, _ := id.(string)
	found, ok := k.byID[name]
	if !ok {
		return key{}, errUnknownKey
	}
	if found.method.Alg() != alg {
		return key{}, errWrongAlgorithm
	}
	return found, nil
}

// only returns the key of an algorithm if there is exactly one.
func (k *Keys) only(alg string) (key, error) {
	var found []key
	for _, candidate := range k.all {
		if candidate.method.Alg() == alg {
			found = append(found, candidate)
		}
	}
	if len(found) != 1 {
		return key{}, errUnknownKey
	}
	return found[0], nil
}
