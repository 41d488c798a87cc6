package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
)

func TestParseKeys(t *testing.T) {
	t.Parallel()
	enc := rsaKey().with(func(j *jwk) { j.Use, j.Alg, j.Kid = "enc", "RSA-OAEP", "x" })
	noAlg := func(j *jwk) { j.Alg = "" }
	for name, tt := range map[string]struct {
		keys []jwk
		want []string // kid and alg
	}{
		"all kinds":              {[]jwk{octKey(), rsaKey(), ecKey()}, []string{"h HS256", "r RS256", "e ES256"}},
		"a secret last":          {[]jwk{rsaKey(), ecKey(), octKey()}, []string{"r RS256", "e ES256", "h HS256"}},
		"alg from the kind":      {[]jwk{octKey().with(noAlg), rsaKey().with(noAlg), ecKey().with(noAlg)}, []string{"h HS256", "r RS256", "e ES256"}},
		"public":                 {[]jwk{rsaKey().public(), ecKey().public()}, []string{"r RS256", "e ES256"}},
		"encryption key skipped": {[]jwk{enc, octKey()}, []string{"h HS256"}},
		"operations":             {[]jwk{octKey().with(func(j *jwk) { j.Ops = []string{"sign", "verify"} })}, []string{"h HS256"}},
		"several without kid":    {[]jwk{octKey().with(func(j *jwk) { j.Kid = "" }), ecKey().with(func(j *jwk) { j.Kid = "" })}, []string{" HS256", " ES256"}},
		"a secret of 32 bytes":   {[]jwk{octKey().with(func(j *jwk) { j.K = b64([]byte("0123456701234567012345670123456\x00")) })}, []string{"h HS256"}},
		"8 different bytes":      {[]jwk{octKey().with(func(j *jwk) { j.K = b64([]byte("01234567012345670123456701234567")) })}, []string{"h HS256"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, k := range keysOf(t, tt.keys...).all {
				got = append(got, k.id+" "+k.method.Alg())
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("ParseKeys = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestParseKeysRejectsBadKeys(t *testing.T) {
	t.Parallel()
	modulus := func(bits uint) string {
		n := new(big.Int).Lsh(big.NewInt(1), bits-1)
		return b64(n.SetBit(n, 0, 1).Bytes())
	}
	other := must(must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)).PublicKey.Bytes())
	oct := func(change func(*jwk)) []jwk { return []jwk{octKey().with(change)} }
	rsa := func(change func(*jwk)) []jwk { return []jwk{rsaKey().with(change)} }
	ec := func(change func(*jwk)) []jwk { return []jwk{ecKey().with(change)} }
	for name, tt := range map[string]struct {
		keys []jwk
		want string
	}{
		"unknown kind":              {oct(func(j *jwk) { j.Kty = "OKP" }), "key 0: kty"},
		"kind in upper case":        {oct(func(j *jwk) { j.Kty = "OCT" }), "key 0: kty"},
		"no kind":                   {oct(func(j *jwk) { j.Kty = "" }), "key 0: kty"},
		"alg none":                  {oct(func(j *jwk) { j.Alg = "none" }), "key 0: alg of an oct key is not HS256"},
		"HS512":                     {oct(func(j *jwk) { j.Alg = "HS512" }), "alg of an oct key is not HS256"},
		"HS256 with RSA":            {rsa(func(j *jwk) { j.Alg = "HS256" }), "alg of an RSA key is not RS256"},
		"PS256":                     {rsa(func(j *jwk) { j.Alg = "PS256" }), "alg of an RSA key is not RS256"},
		"HS256 with EC":             {ec(func(j *jwk) { j.Alg = "HS256" }), "alg of an EC key is not ES256"},
		"secret of 31 bytes":        {oct(func(j *jwk) { j.K = b64(make([]byte, 31)) }), "k has 31 bytes"},
		"secret of zeros":           {oct(func(j *jwk) { j.K = b64(make([]byte, 64)) }), "only 1 different bytes"},
		"secret of few bytes":       {oct(func(j *jwk) { j.K = b64([]byte("changemechangemechangemechangemechangeme")) }), "only 7 different bytes"},
		"the same secret twice":     {[]jwk{octKey(), octKey().with(func(j *jwk) { j.Kid = "x" })}, "key 1: it is the same"},
		"the same RSA key twice":    {[]jwk{rsaKey(), rsaKey().public().with(func(j *jwk) { j.Kid = "" })}, "key 1: it is the same"},
		"the same EC key twice":     {[]jwk{ecKey(), ecKey().with(func(j *jwk) { j.Kid = "x" })}, "key 1: it is the same"},
		"secret missing":            {oct(func(j *jwk) { j.K = "" }), "k is missing"},
		"secret padded":             {oct(func(j *jwk) { j.K += "=" }), "k is not base64url"},
		"public key as secret":      {oct(func(j *jwk) { j.K = b64([]byte("-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQE")) }), "k is a PEM"},
		"RSA 1024":                  {rsa(func(j *jwk) { j.N = modulus(1024) }), "n has 1024 bits"},
		"RSA 2047":                  {rsa(func(j *jwk) { j.N = modulus(2047) }), "n has 2047 bits"},
		"RSA 16384":                 {rsa(func(j *jwk) { j.N = modulus(16384) }), "n has 16384 bits"},
		"RSA even":                  {rsa(func(j *jwk) { j.N = b64(new(big.Int).Lsh(big.NewInt(1), 2047).Bytes()) }), "n and e"},
		"exponent 1":                {rsa(func(j *jwk) { j.E = b64([]byte{1}) }), "n and e"},
		"exponent even":             {rsa(func(j *jwk) { j.E = b64([]byte{4}) }), "n and e"},
		"exponent huge":             {rsa(func(j *jwk) { j.E = b64([]byte{1, 0, 0, 0, 1}) }), "n and e"},
		"modulus missing":           {rsa(func(j *jwk) { j.N = "" }), "n is missing"},
		"exponent missing":          {rsa(func(j *jwk) { j.E = "" }), "e is missing"},
		"P-384":                     {ec(func(j *jwk) { j.Crv, j.X, j.Y = "P-384", b64(other[1:49]), b64(other[49:]) }), "crv is not P-256"},
		"x of 33 bytes":             {ec(func(j *jwk) { j.X = b64(make([]byte, 33)) }), "x has 33 bytes"},
		"y missing":                 {ec(func(j *jwk) { j.Y = "" }), "y is missing"},
		"not on the curve":          {ec(func(j *jwk) { j.Y = j.X }), "x and y are not a point"},
		"zero point":                {ec(func(j *jwk) { j.X, j.Y = b64(make([]byte, 32)), b64(make([]byte, 32)) }), "x and y are not a point"},
		"unknown use":               {oct(func(j *jwk) { j.Use = "tls" }), "use is not sig"},
		"operations for encryption": {oct(func(j *jwk) { j.Ops = []string{"encrypt"} }), "key_ops"},
		"duplicate kid":             {[]jwk{octKey(), rsaKey().with(func(j *jwk) { j.Kid = "h" })}, "key 1: its kid"},
		"bad second key":            {[]jwk{octKey(), ecKey().with(func(j *jwk) { j.X = "" })}, "key 1: x is missing"},
		"only encryption":           {oct(func(j *jwk) { j.Use = "enc" }), "no key for signatures"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseKeys(jwksOf(tt.keys...))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("ParseKeys = %v, want an error with %q", err, tt.want)
			}
			checkHidden(t, err, tt.keys)
		})
	}
}

// checkHidden fails the test if an error contains any of the keys' values.
func checkHidden(t *testing.T, err error, keys []jwk) {
	t.Helper()
	for _, j := range keys {
		for _, v := range []string{j.K, j.N, j.X, j.Y, j.D, j.P, j.Q} {
			if len(v) >= 6 && strings.Contains(err.Error(), v[:6]) {
				t.Errorf("the error contains the key: %v", err)
			}
		}
	}
}

func TestParseKeysRejectsOtherTexts(t *testing.T) {
	t.Parallel()
	whole := must(json.Marshal(octKey()))
	texts := map[string]string{
		"": "not a JWKS", "null": "no keys", "[]": "not a JWKS", "{}": "no keys", `{"keys":[]}`: "no keys",
		`{"keys":null}`: "no keys", `{"keys":{}}`: "no keys", `{"KEYS":[{}]}`: "no keys", `{"keys":["abcdef"]}`: "key 0: not a JWK",
		`{"keys":[null]}`: "key 0: not a JWK", `{"keys":[{"KTY":"oct"}]}`: "key 0: kty",
		`{"keys":[{"kty":"oct","kid":7}]}`: "key 0: not a JWK", `{"keys":[{"kty":"oct","key_ops":"sign"}]}`: "key 0: not a JWK", `{"keys":[{"kty":"oct","k":12345}]}`: "key 0: not a JWK",
		string(whole): "no keys", `{"keys":[`: "not a JWKS", "-----BEGIN PUBLIC KEY-----": "not a JWKS",
	}
	for _, text := range slices.Sorted(maps.Keys(texts)) {
		if _, err := ParseKeys([]byte(text)); err == nil || !strings.Contains(err.Error(), texts[text]) {
			t.Errorf("ParseKeys(%q) = %v, want an error with %q", text, err, texts[text])
		}
	}
}

// The shortest and the longest modulus and exponent are accepted, and nothing beyond.
func TestLimitsOfRSA(t *testing.T) {
	t.Parallel()
	odd := func(bits uint) *big.Int {
		n := new(big.Int).Lsh(big.NewInt(1), bits-1)
		return n.SetBit(n, 0, 1)
	}
	const longest = 1<<maxExponent - 1
	for _, c := range []struct {
		bits  uint
		e     int64
		valid bool
	}{
		{minRSA, 3, true},
		{maxRSA, longest, true},
		{minRSA - 1, 3, false},
		{maxRSA + 1, 3, false},
		{minRSA, 1, false},
		{minRSA, 4, false},
		{minRSA, longest + 2, false},
	} {
		j := jwk{Kty: "RSA", N: b64(odd(c.bits).Bytes()), E: b64(big.NewInt(c.e).Bytes())}
		if _, err := j.rsa(); (err == nil) != c.valid {
			t.Errorf("a modulus of %d bits with the exponent %d: %v, want valid: %t", c.bits, c.e, err, c.valid)
		}
		if err := checkRSA(odd(c.bits), int(c.e)); (err == nil) != c.valid {
			t.Errorf("checkRSA(%d bits, %d) = %v, want valid: %t", c.bits, c.e, err, c.valid)
		}
	}
}
