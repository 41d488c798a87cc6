package auth

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// now is the time of the tests.
var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func clock() time.Time { return now }

const account, owner = "3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a", "77bc77bc77bc77bc77bc77bc77bc77bc"

// b64 encodes bytes as in a JWK.
func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// rsaPair and ecPair are generated once, because an RSA key takes a tenth of a second.
var (
	rsaPair = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecPair  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	secret  = bytes.Repeat([]byte("0123456789abcdef"), 2)
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The keys as JWKs, with their private parts.
func octKey() jwk { return jwk{Kty: "oct", Kid: "h", Alg: "HS256", K: b64(secret)} }

func rsaKey() jwk {
	p := rsaPair()
	return jwk{
		Kty: "RSA", Kid: "r", Alg: "RS256", Use: "sig", N: b64(p.N.Bytes()), E: b64(big.NewInt(int64(p.E)).Bytes()),
		D: b64(p.D.Bytes()), P: b64(p.Primes[0].Bytes()), Q: b64(p.Primes[1].Bytes()),
	}
}

func ecKey() jwk {
	p := ecPair()
	point := must(p.PublicKey.Bytes())
	return jwk{Kty: "EC", Kid: "e", Alg: "ES256", Crv: "P-256", X: b64(point[1:33]), Y: b64(point[33:]), D: b64(must(p.Bytes()))}
}

// with returns a changed copy of a key.
func (j jwk) with(change func(*jwk)) jwk { change(&j); return j }

// public returns a key without its private parts.
func (j jwk) public() jwk {
	return j.with(func(j *jwk) { j.D, j.P, j.Q = "", "", "" })
}

func jwksOf(list ...jwk) []byte { return must(json.Marshal(map[string]any{"keys": list})) }

func keysOf(t testing.TB, list ...jwk) *Keys {
	t.Helper()
	k, err := ParseKeys(jwksOf(list...))
	if err != nil {
		t.Fatalf("ParseKeys: %v", err)
	}
	return k
}

// allKeys returns a key of each kind, without the private parts of RSA and EC.
func allKeys(t testing.TB) *Keys {
	t.Helper()
	return keysOf(t, octKey(), rsaKey().public(), ecKey().public())
}

// goodClaims returns the claims of a token that is valid for an hour.
func goodClaims() jwt.MapClaims {
	return jwt.MapClaims{"account_id": account, "exp": now.Add(time.Hour).Unix()}
}

// mint signs an arbitrary header and claims with a method and a key.
func mint(header map[string]any, claims any, method jwt.SigningMethod, key any) string {
	text := b64(must(json.Marshal(header))) + "." + b64(must(json.Marshal(claims)))
	return text + "." + b64(must(method.Sign(text, key)))
}

// header returns the header of a token that the oct key signs, changed by pairs of
// names and values. A nil value removes a name.
func header(pairs ...any) map[string]any {
	h := map[string]any{"alg": "HS256", "typ": "JWT", "kid": "h"}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == nil {
			delete(h, pairs[i].(string))
		} else {
			h[pairs[i].(string)] = pairs[i+1]
		}
	}
	return h
}

// hs256 signs with the oct key.
func hs256(header map[string]any, claims any) string {
	return mint(header, claims, jwt.SigningMethodHS256, secret)
}

// rawHS256 signs the texts of a header and of claims with the oct key.
func rawHS256(header, claims string) string {
	text := b64([]byte(header)) + "." + b64([]byte(claims))
	return text + "." + b64(must(jwt.SigningMethodHS256.Sign(text, secret)))
}

// isZero reports whether b is the zero Bearer.
func isZero(b Bearer) bool { return reflect.DeepEqual(b, Bearer{}) }
