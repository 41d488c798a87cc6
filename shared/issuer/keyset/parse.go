package keyset

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/issuer"
	"github.com/callrecordings/api/shared/strictjson"
)

// MaxBytes is the maximum size of a JWKS or an OpenID configuration, in bytes.
const MaxBytes = 64 << 10

// maxDepth is the maximum nesting of such a document.
const maxDepth = 10

var (
	// ErrTooLarge means that a document is larger than MaxBytes, or a JWKS has more keys
	// than issuer.MaxKeys.
	ErrTooLarge = errors.New("too large")
	// ErrNoKeys means that a JWKS has no key that can be used.
	ErrNoKeys = errors.New("no usable key")
	// ErrNotKeys means that a document is not a JWKS.
	ErrNotKeys = errors.New(`not a JWKS, want {"keys":[…]}`)
)

// Parse returns the keys of a JWKS that can verify signatures with one of algorithms.
// skipped has the reason for each other key: providers publish keys for encryption and
// for other algorithms in the same set. Private parts are dropped. Errors: ErrTooLarge,
// ErrNotKeys, ErrNoKeys. No text contains a part of a key.
func Parse(data []byte, algorithms []string) (keys []issuer.Key, skipped []string, err error) {
	if len(data) > MaxBytes {
		return nil, nil, fmt.Errorf("%w: the JWKS has %d bytes, the limit is %d", ErrTooLarge, len(data), MaxBytes)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if strictjson.Check(data, maxDepth) != nil || json.Unmarshal(data, &set) != nil || set.Keys == nil {
		return nil, nil, ErrNotKeys
	}
	if len(set.Keys) > issuer.MaxKeys {
		return nil, nil, fmt.Errorf("%w: the JWKS has %d keys, the limit is %d", ErrTooLarge, len(set.Keys), issuer.MaxKeys)
	}
	for n, text := range set.Keys {
		k, err := parseKey(text, algorithms)
		if err == nil && slices.ContainsFunc(keys, func(other issuer.Key) bool { return other.ID == k.ID && k.ID != "" }) {
			err = errors.New("its kid is the same as that of an earlier key")
		}
		if err != nil {
			skipped = append(skipped, fmt.Sprintf("key %d: %v", n, err))
			continue
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, nil, fmt.Errorf("%w of %d (%s)", ErrNoKeys, len(set.Keys), strings.Join(skipped, "; "))
	}
	return keys, skipped, nil
}

// maxKid is the maximum length of a kid, in bytes.
const maxKid = 256

// parseKey returns one key of a JWKS.
func parseKey(text []byte, algorithms []string) (issuer.Key, error) {
	var head struct {
		Kty string   `json:"kty"`
		Kid string   `json:"kid"`
		Use string   `json:"use"`
		Ops []string `json:"key_ops"`
	}
	if json.Unmarshal(text, &head) != nil {
		return issuer.Key{}, errors.New("not a JWK")
	}
	switch {
	case head.Kty == "oct":
		return issuer.Key{}, errors.New("a shared secret cannot be the key of an issuer; it belongs into TOKEN_KEYS")
	case head.Use != "" && head.Use != "sig":
		return issuer.Key{}, errors.New("use is not sig")
	case len(head.Ops) > 0 && !slices.Contains(head.Ops, "verify") && !slices.Contains(head.Ops, "sign"):
		return issuer.Key{}, errors.New("key_ops has neither verify nor sign")
	case len(head.Kid) > maxKid:
		return issuer.Key{}, fmt.Errorf("its kid has more than %d bytes", maxKid)
	}
	var k jose.JSONWebKey
	if err := k.UnmarshalJSON(text); err != nil {
		return issuer.Key{}, errors.New("not a valid JWK") // the library's error may quote the key
	}
	if k = k.Public(); k.Key == nil {
		return issuer.Key{}, errors.New("not a public key")
	}
	usable, err := usableWith(k, algorithms)
	if err != nil {
		return issuer.Key{}, err
	}
	der, err := x509.MarshalPKIXPublicKey(k.Key)
	if err != nil {
		return issuer.Key{}, errors.New("not a valid public key")
	}
	return issuer.Key{ID: head.Kid, Algorithms: usable, DER: der}, nil
}

// usableWith returns the algorithms that a key may be used with. An RSA key without alg
// must not serve both of its families, PKCS #1 v1.5 and PSS (RFC 8725, 3.1).
func usableWith(k jose.JSONWebKey, algorithms []string) ([]string, error) {
	var usable []string
	var reason error
	families := map[string]bool{}
	for _, alg := range algorithms {
		if k.Algorithm != "" && k.Algorithm != alg {
			continue
		}
		if err := auth.CheckKey(k.Key, alg); err != nil {
			reason = err
			continue
		}
		usable = append(usable, alg)
		families[alg[:2]] = true
	}
	switch {
	case len(families) > 1:
		return nil, errors.New("it has no alg, and the issuer may use both RS and PS algorithms")
	case len(usable) > 0:
		return usable, nil
	case reason != nil:
		return nil, reason
	}
	return nil, errors.New("its alg is not an algorithm of the issuer")
}
