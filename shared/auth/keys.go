package auth

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// Keys are the keys that tokens may be signed with. They do not change.
type Keys struct {
	all  []key
	byID map[string]key
}

// key is one key with the only algorithm that it is used for.
type key struct {
	id     string // kid, "" for none
	method jwt.SigningMethod
	public any // as method's Verify wants it
}

// ParseKeys reads a JWKS (RFC 7517). Keys for encryption are left out; any
// other key that could not verify a token by HS256, RS256 or ES256 is an
// error: a kind or a curve that is not known, an alg that does not fit the
// kind, RSA below 2048 bits, a secret below 32 bytes, two keys of one kid.
// An error names the key by its place, counted from 0, and shows nothing of
// it. Private parts are not looked at.
func ParseKeys(jwks []byte) (*Keys, error) {
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
			return nil, fmt.Errorf("token keys: key %d: its kid is that of a key before it", i)
		}
		if k.id != "" {
			keys.byID[k.id] = k
		}
		keys.all = append(keys.all, k)
	}
	if len(keys.all) == 0 {
		return nil, errors.New("token keys: no key in the set is for signatures")
	}
	return keys, nil
}

// parseSet splits a JWKS. The decoder's errors could quote the text, so they
// are not passed on.
func parseSet(jwks []byte) ([]jwk, error) {
	var set map[string]any // a struct would match names in any case, and cost every cold start more
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

// find returns the key for a token's header: that of the kid, or the only one
// of the algorithm if there is no kid. The algorithm must be the key's own.
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

// only returns the one key of an algorithm.
func (k *Keys) only(alg string) (key, error) {
	var found []key
	for _, one := range k.all {
		if one.method.Alg() == alg {
			found = append(found, one)
		}
	}
	if len(found) != 1 {
		return key{}, errUnknownKey
	}
	return found[0], nil
}
