package keyset

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/issuer"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The keys of the tests, generated once.
var (
	rsaPair  = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	weakPair = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 1024)) })
	ecPair   = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	edPair   = sync.OnceValue(func() ed25519.PrivateKey { _, k, err := ed25519.GenerateKey(rand.Reader); return must(k, err) })
)

// jwk returns a key as JSON, changed by pairs of members and values.
func jwk(kid, alg string, key any, pairs ...any) string {
	text := must(json.Marshal(jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: alg}))
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		panic(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		members[pairs[i].(string)] = pairs[i+1]
	}
	return string(must(json.Marshal(members)))
}

func set(keys ...string) []byte { return []byte(`{"keys":[` + strings.Join(keys, ",") + `]}`) }

// describe lists kids and algorithms.
func describe(keys []issuer.Key) []string {
	var texts []string
	for _, k := range keys {
		texts = append(texts, k.ID+" "+strings.Join(k.Algorithms, ","))
	}
	return texts
}

func TestParse(t *testing.T) {
	t.Parallel()
	rs, ec, ed := rsaPair().Public(), ecPair().Public(), edPair().Public()
	all := auth.Algorithms
	for name, tt := range map[string]struct {
		set        []byte
		algorithms []string
		want       []string
		skipped    []string // a part of each
	}{
		"one":            {set(jwk("a", "RS256", rs)), []string{"RS256"}, []string{"a RS256"}, nil},
		"all kinds":      {set(jwk("a", "PS256", rs), jwk("b", "", ec), jwk("c", "EdDSA", ed)), all, []string{"a PS256", "b ES256", "c EdDSA"}, nil},
		"no alg":         {set(jwk("a", "", rs)), []string{"RS256", "RS384", "RS512", "ES256"}, []string{"a RS256,RS384,RS512"}, nil},
		"private":        {set(jwk("a", "", rsaPair()), jwk("b", "", edPair())), []string{"RS256", "EdDSA"}, []string{"a RS256", "b EdDSA"}, nil},
		"no kid":         {set(jwk("", "", ec)), all, []string{" ES256"}, nil},
		"Keycloak":       {set(jwk("e", "RSA-OAEP", rs, "use", "enc"), jwk("s", "RS256", rs, "use", "sig")), []string{"RS256"}, []string{"s RS256"}, []string{"key 0: use is not sig"}},
		"both families":  {set(jwk("a", "", rs), jwk("b", "", ec)), all, []string{"b ES256"}, []string{"key 0: it has no alg, and the issuer may use both"}},
		"weak":           {set(jwk("a", "", weakPair().Public()), jwk("b", "", ec)), []string{"RS256", "ES256"}, []string{"b ES256"}, []string{"key 0: "}},
		"not allowed":    {set(jwk("a", "RS512", rs), jwk("b", "", ec)), []string{"RS256", "ES256"}, []string{"b ES256"}, []string{"key 0: its alg is not"}},
		"a secret":       {set(jwk("a", "HS256", []byte("0123456789abcdef0123456789abcdef")), jwk("b", "", ec)), all, []string{"b ES256"}, []string{"key 0: a shared secret"}},
		"kid twice":      {set(jwk("a", "", ec), jwk("a", "", ed)), all, []string{"a ES256"}, []string{"key 1: its kid"}},
		"key operations": {set(jwk("a", "", ec, "key_ops", []string{"encrypt"}), jwk("b", "", ec, "key_ops", []string{"verify"})), all, []string{"b ES256"}, []string{"key 0: key_ops"}},
		"unknown kind":   {set(`{"kty":"AKP","kid":"q","alg":"ML-DSA-44","pub":"AA"}`, `7`, `{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`, jwk("b", "", ec)), all, []string{"b ES256"}, []string{"key 0: not a valid JWK", "key 1: not a JWK", "key 2: not a valid JWK"}},
		"off the curve":  {set(jwk("a", "", ec, "y", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), jwk("b", "", ec)), all, []string{"b ES256"}, []string{"key 0: not a valid JWK"}},
		"a long kid":     {set(jwk(strings.Repeat("x", 257), "", ec), jwk("b", "", ec)), all, []string{"b ES256"}, []string{"key 0: its kid has"}},
	} {
		keys, skipped, err := Parse(tt.set, tt.algorithms)
		if err != nil || !slices.Equal(describe(keys), tt.want) || len(skipped) != len(tt.skipped) {
			t.Errorf("%s: Parse = %q, %q, %v, want %q, %q", name, describe(keys), skipped, err, tt.want, tt.skipped)
			continue
		}
		for n, part := range tt.skipped {
			if !strings.Contains(skipped[n], part) {
				t.Errorf("%s: skipped %q, want %q", name, skipped[n], part)
			}
		}
	}
}

func TestParseRejects(t *testing.T) {
	t.Parallel()
	many := make([]string, 1000)
	for n := range many {
		many[n] = fmt.Sprintf(`{"kid":"%d"}`, n)
	}
	for name, tt := range map[string]struct {
		data string
		want error
	}{
		"5 MB":           {`{"keys":["` + strings.Repeat("x", 5<<20) + `"]}`, ErrTooLarge},
		"1,000 keys":     {string(set(many...)), ErrTooLarge},
		"no keys":        {`{"keys":[]}`, ErrNoKeys},
		"only weak keys": {string(set(jwk("a", "", weakPair().Public()))), ErrNoKeys},
		"P-224":          {`{"keys":[{"kty":"EC","crv":"P-224","x":"AA","y":"AA"}]}`, ErrNoKeys},
		"not JSON":       {`<html>`, ErrNotKeys},
		"a list":         {`[]`, ErrNotKeys},
		"another object": {`{"jwks_uri":"https://x"}`, ErrNotKeys},
		"null":           {`{"keys":null}`, ErrNotKeys},
		"keys twice":     {`{"keys":[],"keys":[` + jwk("a", "", ecPair().Public()) + `]}`, ErrNotKeys},
		"deep":           {`{"keys":[` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `]}`, ErrNotKeys},
		"kid twice":      {`{"keys":[{"kid":"a","kid":"b"}]}`, ErrNotKeys},
	} {
		if keys, _, err := Parse([]byte(tt.data), auth.Algorithms); !errors.Is(err, tt.want) || keys != nil {
			t.Errorf("%s: Parse = %v, %v, want %v", name, describe(keys), err, tt.want)
		}
	}
}

// The texts about keys go to logs and to the table, so they contain no part of a key.
func TestParseHidesKeys(t *testing.T) {
	t.Parallel()
	const canary = "canary7f3acanary7f3acanary7f3acanary7f3acan"
	for _, key := range []string{
		`{"kty":"oct","k":"` + canary + `"}`, `{"kty":"RSA","n":"` + canary + `","e":"AQAB"}`, `{"kty":"EC","crv":"P-256","x":"` + canary + `","y":"AA"}`,
		`{"kty":"OKP","crv":"Ed25519","x":"` + canary + `="}`, `{"kty":"RSA","n":{"` + canary + `":1}}`, `"` + canary + `"`,
	} {
		if _, skipped, err := Parse(set(key), auth.Algorithms); err == nil || strings.Contains(fmt.Sprint(skipped, err), "canary") {
			t.Errorf("Parse(%s) = %q, %v, want an error without the key", key, skipped, err)
		}
	}
}

// FuzzParse checks that every text is a set of strong keys or an error.
func FuzzParse(f *testing.F) {
	f.Add(set(jwk("a", "RS256", rsaPair().Public()), jwk("b", "", ecPair().Public())))
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, _, err := Parse(data, auth.Algorithms)
		if (err == nil) != (len(keys) > 0) {
			t.Fatalf("Parse = %d keys, %v", len(keys), err)
		}
		for _, k := range keys {
			if len(k.Algorithms) == 0 || slices.Contains(k.Algorithms, "HS256") {
				t.Fatalf("Parse accepted a key for %q", k.Algorithms)
			}
		}
	})
}
