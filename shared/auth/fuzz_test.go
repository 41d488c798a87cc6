package auth

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// FuzzVerify signs arbitrary headers and claims with the right secret and checks that
// every accepted token meets all rules.
func FuzzVerify(f *testing.F) {
	f.Add(`{"alg":"HS256","kid":"h"}`, `{"account_id":"a","exp":1900000000}`, true)
	f.Add(`{"alg":"HS256","kid":"h","typ":"JWT"}`, `{"account_id":"a","owner_id":"b","nbf":1,"exp":1.9e9}`, true)
	f.Add(`{"alg":"none"}`, `{"account_id":"a","exp":1900000000}`, false)
	f.Add(`{"alg":"HS256","alg":"none","kid":"h"}`, `{"exp":"1","exp":1900000000,"account_id":"a/b"}`, true)
	f.Add(`null`, `null`, true)
	v := NewVerifier(keysOf(f, octKey()), clock)
	f.Fuzz(func(t *testing.T, header, claims string, signed bool) {
		token := b64([]byte(header)) + "." + b64([]byte(claims))
		sig := []byte("signature")
		if signed {
			sig = must(jwt.SigningMethodHS256.Sign(token, secret))
		}
		b, err := v.Verify(t.Context(), token+"."+b64(sig))
		if err != nil {
			if !errors.Is(err, ErrInvalid) || !isZero(b) {
				t.Fatalf("Verify = %+v, %v, want ErrInvalid", b, err)
			}
			return
		}
		if !signed || !ValidName(b.Account) || (b.Owner != "" && !ValidName(b.Owner)) || b.Expires.Before(now.Truncate(time.Second)) {
			t.Fatalf("Verify(%s %s, signed %t) = %+v", header, claims, signed, b)
		}
	})
}

// FuzzVerifyText checks that every text is a valid token or ErrInvalid.
func FuzzVerifyText(f *testing.F) {
	v := NewVerifier(allKeys(f), clock)
	f.Add(hs256(header(), goodClaims()))
	f.Add("..")
	f.Add("eyJhbGciOiJIUzI1NiJ9.e30.\n")
	f.Add(strings.Repeat("A.", MaxToken))
	f.Fuzz(func(t *testing.T, token string) {
		if b, err := v.Verify(t.Context(), token); err != nil && (!errors.Is(err, ErrInvalid) || !isZero(b)) {
			t.Fatalf("Verify(%q) = %+v, %v, want ErrInvalid", token, b, err)
		}
	})
}

// FuzzParseKeys checks that every text is a set of strong keys or an error.
func FuzzParseKeys(f *testing.F) {
	f.Add(jwksOf(octKey(), ecKey()))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`))
	f.Add([]byte(`{"keys":[null,{}]}`))
	f.Fuzz(func(t *testing.T, jwks []byte) {
		keys, err := ParseKeys(jwks)
		if err != nil {
			return
		}
		for _, k := range keys.all {
			if s, ok := k.public.([]byte); ok && len(s) < minSecret {
				t.Fatalf("ParseKeys(%s) accepted a secret of %d bytes", jwks, len(s))
			}
		}
	})
}

var sink any

func BenchmarkVerify(b *testing.B) {
	keys := allKeys(b)
	for _, bb := range []struct{ name, token string }{
		{"alg=HS256", hs256(header(), goodClaims())},
		{"alg=RS256", mint(header("alg", "RS256", "kid", "r"), goodClaims(), jwt.SigningMethodRS256, rsaPair())},
		{"alg=ES256", mint(header("alg", "ES256", "kid", "e"), goodClaims(), jwt.SigningMethodES256, ecPair())},
		{"alg=none", "eyJhbGciOiJub25lIn0.e30."},
	} {
		b.Run(bb.name, func(b *testing.B) {
			v := NewVerifier(keys, clock)
			b.ReportAllocs()
			for b.Loop() {
				sink, _ = v.Verify(b.Context(), bb.token)
			}
		})
	}
}

// FuzzVerifyIssued signs arbitrary headers and claims with an issuer's key, and checks
// that every accepted token meets the rules.
func FuzzVerifyIssued(f *testing.F) {
	f.Add(`{"alg":"RS256","kid":"k"}`, `{"iss":"`+iss+`","account_id":"a","exp":1900000000}`, true)
	f.Add(`{"alg":"RS256"}`, `{"iss":"`+iss+`","account_id":"a","exp":1.9e9,"aud":["x"],"role":["user"]}`, true)
	f.Add(`{"alg":"none"}`, `{"iss":"`+iss+`"}`, false)
	i := trusted(func(i *Issuer) {
		i.Claims = ClaimNames{Account: "account_id", Owner: "owner_id", Role: "/r/x", Groups: "groups"}
		i.Roles = map[string]string{"user": "user"}
	})
	v := issuedVerifier(f, &book{list: []*Issuer{i}})
	f.Fuzz(func(t *testing.T, header, claims string, signed bool) {
		text := b64([]byte(header)) + "." + b64([]byte(claims))
		sig := []byte("signature")
		if signed {
			sig = must(jwt.SigningMethodRS256.Sign(text, rsaIssuer()))
		}
		b, err := v.Verify(t.Context(), text+"."+b64(sig))
		if err != nil {
			if !errors.Is(err, ErrInvalid) || !isZero(b) {
				t.Fatalf("Verify = %+v, %v, want ErrInvalid", b, err)
			}
			return
		}
		late := b.Expires.Before(now.Add(-Skew).Truncate(time.Second))
		if !signed || b.Issuer != "acme" || !ValidName(b.Account) || b.Owner != "" && !ValidName(b.Owner) || late || b.Role != "" && b.Role != "user" {
			t.Fatalf("Verify(%s %s, signed %t) = %+v", header, claims, signed, b)
		}
	})
}
