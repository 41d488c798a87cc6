package auth

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"
)

func TestVerifyAccepts(t *testing.T) {
	t.Parallel()
	exp := now.Add(time.Hour).Unix()
	plain := Bearer{Account: account, Expires: now.Add(time.Hour)}
	owned := Bearer{Account: account, Owner: owner, Subject: owner, Expires: now.Add(time.Hour)}
	set := func(pairs ...any) jwt.MapClaims {
		c := goodClaims()
		for i := 0; i < len(pairs); i += 2 {
			c[pairs[i].(string)] = pairs[i+1]
		}
		return c
	}
	for name, tt := range map[string]struct {
		token string
		want  Bearer
	}{
		"HS256":           {hs256(header(), goodClaims()), plain},
		"RS256":           {mint(header("alg", "RS256", "kid", "r"), goodClaims(), jwt.SigningMethodRS256, rsaPair()), plain},
		"ES256":           {mint(header("alg", "ES256", "kid", "e"), goodClaims(), jwt.SigningMethodES256, ecPair()), plain},
		"no kid":          {hs256(header("kid", nil), goodClaims()), plain},
		"no kid, RS256":   {mint(header("alg", "RS256", "kid", nil), goodClaims(), jwt.SigningMethodRS256, rsaPair()), plain},
		"owner":           {hs256(header(), set("owner_id", owner)), owned},
		"owner null":      {hs256(header(), set("owner_id", nil)), plain},
		"nested":          {rawHS256(`{"alg":"HS256","kid":"h","x":{"y":[{"z":":"}]}}`, `{"account_id":"a","exp":1900000000,"a:\"b":{"c":{"d":1},"e":2},"f":[":",{"g":1}]}`), Bearer{Account: "a", Expires: time.Unix(1900000000, 0).UTC()}},
		"no typ":          {hs256(header("typ", nil), goodClaims()), plain},
		"typ in any case": {hs256(header("typ", "jwt"), goodClaims()), plain},
		"access token":    {hs256(header("typ", "application/at+jwt"), goodClaims()), plain},
		"exp a fraction":  {hs256(header(), set("exp", float64(exp)+0.5)), plain},
		"nbf now":         {hs256(header(), set("nbf", now.Unix())), plain},
		"nbf null":        {hs256(header(), set("nbf", nil)), plain},
		"Kazoo's claims":  {hs256(header(), set("iss", "kazoo", "method", "cb_user_auth", "identity_sig", "x", "owner_id", owner)), owned},
		"exp far":         {hs256(header(), set("exp", 1e300)), Bearer{Account: account, Expires: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}},
		"a name of 64":    {hs256(header(), set("account_id", strings.Repeat("Z", 64))), Bearer{Account: strings.Repeat("Z", 64), Expires: now.Add(time.Hour)}},
		"other case too":  {hs256(header(), set("Account_ID", "foreign", "EXP", 1)), plain},
		"foreign headers": {hs256(header("jku", "https://evil.example/jwks", "jwk", map[string]any{"kty": "oct", "k": "AAAA"}, "x5u", "x"), goodClaims()), plain},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := NewVerifier(allKeys(t), clock).Verify(t.Context(), tt.token)
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Verify = %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestVerifyRejects(t *testing.T) {
	t.Parallel()
	good := hs256(header(), goodClaims())
	parts := strings.Split(good, ".")
	set := func(name string, value any) string {
		c := goodClaims()
		c[name] = value
		return hs256(header(), c)
	}
	without := func(name string) string {
		c := goodClaims()
		delete(c, name)
		return hs256(header(), c)
	}
	pem := rsaPair().N.Bytes()
	for name, tt := range map[string]struct {
		token string
		want  reasonError
	}{
		"no token":            {"", errAbsent},
		"one part":            {"opaque0123456789", errMalformed},
		"two parts":           {parts[0] + "." + parts[1], errMalformed},
		"four parts":          {good + ".x", errMalformed},
		"JWE":                 {good + ".x.y", errMalformed},
		"dots":                {"..", errMalformed},
		"too long":            {good + strings.Repeat("A", MaxToken), errTooLong},
		"line break inside":   {parts[0] + "\n." + parts[1] + "." + parts[2], errMalformed},
		"trailing space":      {good + " ", errMalformed},
		"padding":             {good + "=", errMalformed},
		"not ASCII":           {good + "é", errMalformed},
		"header not JSON":     {b64([]byte("alg")) + "." + parts[1] + "." + parts[2], errMalformed},
		"header a list":       {b64([]byte("[]")) + "." + parts[1] + "." + parts[2], errMalformed},
		"header null":         {b64([]byte("null")) + "." + parts[1] + "." + parts[2], errWrongAlgorithm},
		"claims not JSON":     {mint(header(), "x", jwt.SigningMethodHS256, secret), errMalformed},
		"claims a list":       {hs256(header(), []int{1}), errMalformed},
		"claims null":         {hs256(header(), nil), errNoExpiry},
		"no alg":              {hs256(header("alg", nil), goodClaims()), errWrongAlgorithm},
		"alg a number":        {hs256(header("alg", 256), goodClaims()), errWrongAlgorithm},
		"alg none":            {headerPart("none") + "." + parts[1] + ".", errWrongAlgorithm},
		"alg None":            {headerPart("None") + "." + parts[1] + ".", errWrongAlgorithm},
		"alg none, signed":    {headerPart("none") + "." + parts[1] + "." + parts[2], errWrongAlgorithm},
		"HS512":               {mint(header("alg", "HS512"), goodClaims(), jwt.SigningMethodHS512, secret), errWrongAlgorithm},
		"HS256 with modulus":  {mint(header("kid", "r"), goodClaims(), jwt.SigningMethodHS256, pem), errWrongAlgorithm},
		"RS256 with secret":   {mint(header("alg", "RS256", "kid", "h"), goodClaims(), jwt.SigningMethodHS256, secret), errWrongAlgorithm},
		"RS512":               {mint(header("alg", "RS512", "kid", "r"), goodClaims(), jwt.SigningMethodRS512, rsaPair()), errWrongAlgorithm},
		"PS256":               {mint(header("alg", "PS256", "kid", "r"), goodClaims(), jwt.SigningMethodPS256, rsaPair()), errWrongAlgorithm},
		"kid unknown":         {hs256(header("kid", "x"), goodClaims()), errUnknownKey},
		"kid empty":           {hs256(header("kid", ""), goodClaims()), errUnknownKey},
		"kid a number":        {hs256(header("kid", 1), goodClaims()), errUnknownKey},
		"kid a path":          {hs256(header("kid", "../../dev/null"), goodClaims()), errUnknownKey},
		"kid of another kind": {hs256(header("kid", "e"), goodClaims()), errWrongAlgorithm},
		"claim twice":         {rawHS256(`{"alg":"HS256","kid":"h"}`, `{"account_id":"a","exp":1900000000,"account_id":"b"}`), errDuplicate},
		"exp twice, escaped":  {rawHS256(`{"alg":"HS256","kid":"h"}`, `{"account_id":"a","exp":1900000000,"\u0065xp":2000000000}`), errDuplicate},
		"kid twice":           {rawHS256(`{"alg":"HS256","kid":"e","kid":"h"}`, `{"account_id":"a","exp":1900000000}`), errDuplicate},
		"alg none, then HS":   {rawHS256(`{"alg":"none","kid":"h","alg":"HS256"}`, `{"account_id":"a","exp":1900000000}`), errDuplicate},
		"crit":                {hs256(header("crit", []string{"exp"}), goodClaims()), errCritical},
		"crit empty":          {hs256(header("crit", []string{}), goodClaims()), errCritical},
		"typ of another use":  {hs256(header("typ", "logout+jwt"), goodClaims()), errForeignType},
		"typ a number":        {hs256(header("typ", 1), goodClaims()), errForeignType},
		"foreign secret":      {mint(header(), goodClaims(), jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32))), errBadSignature},
		"no signature":        {parts[0] + "." + parts[1] + ".", errBadSignature},
		"claims swapped":      {parts[0] + "." + strings.Split(set("account_id", "other"), ".")[1] + "." + parts[2], errBadSignature},
		"ES256 of zeros":      {headerPartES256() + "." + parts[1] + "." + b64(make([]byte, 64)), errBadSignature},
		"no exp":              {without("exp"), errNoExpiry},
		"exp null":            {set("exp", nil), errNoExpiry},
		"exp a text":          {set("exp", "1900000000"), errBadClaims},
		"exp now":             {set("exp", now.Unix()), errExpired},
		"exp past":            {set("exp", 1), errExpired},
		"exp negative":        {set("exp", -1e300), errExpired},
		"nbf ahead":           {set("nbf", now.Unix()+1), errTooEarly},
		"nbf a text":          {set("nbf", "x"), errBadClaims},
		"no account":          {without("account_id"), errBadAccount},
		"account null":        {set("account_id", nil), errBadAccount},
		"account empty":       {set("account_id", ""), errBadAccount},
		"account a number":    {set("account_id", 7), errBadClaims},
		"account of 65":       {set("account_id", strings.Repeat("a", 65)), errBadAccount},
		"account with slash":  {set("account_id", "a/b"), errBadAccount},
		"account with hash":   {set("account_id", account+"#"+owner), errBadAccount},
		"account a list":      {set("account_id", []string{account}), errBadClaims},
		"owner empty":         {set("owner_id", ""), errBadOwner},
		"owner with dots":     {set("owner_id", ".."), errBadOwner},
		"owner a number":      {set("owner_id", 7), errBadClaims},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := NewVerifier(allKeys(t), clock).Verify(t.Context(), tt.token)
			var r reasonError
			if !errors.Is(err, ErrInvalid) || !errors.As(err, &r) || r != tt.want || !isZero(got) {
				t.Errorf("Verify = %+v, %v, want %v: %v", got, err, ErrInvalid, tt.want)
			}
		})
	}
}

// headerPart returns the first part of a token with an algorithm and the kid of the
// oct key.
func headerPart(alg string) string {
	return strings.Split(hs256(header("alg", alg), goodClaims()), ".")[0]
}

func headerPartES256() string {
	return strings.Split(hs256(header("alg", "ES256", "kid", "e"), goodClaims()), ".")[0]
}

// A token without kid is accepted only if exactly one key has its algorithm.
func TestNoKidNeedsOneKey(t *testing.T) {
	t.Parallel()
	token := hs256(header("kid", nil), goodClaims())
	second := octKey().with(func(j *jwk) { j.Kid, j.K = "h2", b64([]byte("another secret of 32 random bytes")) })
	for name, tt := range map[string]struct {
		keys []jwk
		want bool
	}{
		"one":              {[]jwk{octKey()}, true},
		"one of each kind": {[]jwk{octKey(), ecKey()}, true},
		"two":              {[]jwk{octKey(), second}, false},
		"none":             {[]jwk{ecKey()}, false},
	} {
		if _, err := NewVerifier(keysOf(t, tt.keys...), clock).Verify(t.Context(), token); (err == nil) != tt.want {
			t.Errorf("%s: Verify = %v, want accepted %t", name, err, tt.want)
		}
	}
	named := hs256(header("kid", "h2"), goodClaims())
	if _, err := NewVerifier(keysOf(t, octKey(), second), clock).Verify(t.Context(), named); !errors.Is(err, errBadSignature) {
		t.Errorf("kid of one key, signature of another: Verify = %v, want %v", err, errBadSignature)
	}
}

// The examples of RFC 7515, appendix A.1 to A.3, come from another implementation.
// Their signatures are valid, but they lack an account.
func TestVerifyAcceptsTheRFCsSignatures(t *testing.T) {
	t.Parallel()
	const payload = ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
	keys := keysOf(t,
		jwk{Kty: "oct", K: "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"},
		jwk{Kty: "RSA", E: "AQAB", N: "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"},
		jwk{Kty: "EC", Crv: "P-256", X: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", Y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
	)
	v := NewVerifier(keys, func() time.Time { return time.Unix(1300819379, 0) })
	for alg, token := range map[string]string{
		"HS256": "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9" + payload + "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
		"RS256": "eyJhbGciOiJSUzI1NiJ9" + payload + "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
		"ES256": "eyJhbGciOiJFUzI1NiJ9" + payload + "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
	} {
		if _, err := v.Verify(t.Context(), token); !errors.Is(err, errBadAccount) {
			t.Errorf("%s: Verify = %v, want %v", alg, err, errBadAccount)
		}
	}
}

// A token with any one character changed is invalid.
func TestEveryCharacterCounts(t *testing.T) {
	t.Parallel()
	v := NewVerifier(allKeys(t), clock)
	tokens := []string{
		hs256(header(), goodClaims()),
		mint(header("alg", "RS256", "kid", "r"), goodClaims(), jwt.SigningMethodRS256, rsaPair()),
		mint(header("alg", "ES256", "kid", "e"), goodClaims(), jwt.SigningMethodES256, ecPair()),
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	rapid.Check(t, func(t *rapid.T) {
		token := []byte(rapid.SampledFrom(tokens).Draw(t, "token"))
		at := rapid.IntRange(0, len(token)-1).Draw(t, "at")
		to := rapid.SampledFrom([]byte(alphabet)).Filter(func(c byte) bool { return c != token[at] }).Draw(t, "to")
		token[at] = to
		if b, err := v.Verify(context.Background(), string(token)); !errors.Is(err, ErrInvalid) {
			t.Fatalf("Verify(%s) = %+v, %v, want ErrInvalid", token, b, err)
		}
	})
}

// An ES256 signature (r, s) has a twin (r, n-s), which is also valid. That is
// harmless: it has the same claims, and tokens do not serve as identifiers.
func TestTwinSignatureIsHarmless(t *testing.T) {
	t.Parallel()
	token := mint(header("alg", "ES256", "kid", "e"), goodClaims(), jwt.SigningMethodES256, ecPair())
	cut := strings.LastIndex(token, ".")
	sig := must(number(token[cut+1:]))
	s := new(big.Int).Sub(ecPair().Params().N, new(big.Int).SetBytes(sig[32:]))
	twin := token[:cut+1] + b64(append(sig[:32:32], s.FillBytes(make([]byte, 32))...))
	b, err := NewVerifier(allKeys(t), clock).Verify(t.Context(), twin)
	if err != nil || b.Account != account {
		t.Errorf("Verify = %+v, %v, want the token's account", b, err)
	}
}

// Errors are logged, so they must not contain any part of a token.
func TestErrorsHideTheToken(t *testing.T) {
	t.Parallel()
	const canary = "canary-7f3a"
	v := NewVerifier(allKeys(t), clock)
	for _, token := range []string{
		canary, canary + ".x.y", hs256(header("alg", canary), goodClaims()), hs256(header("kid", canary), goodClaims()),
		hs256(header("typ", canary), goodClaims()), hs256(header("crit", canary), goodClaims()),
		hs256(header(), jwt.MapClaims{"exp": canary}), hs256(header(), jwt.MapClaims{"exp": 9e9, "account_id": canary + "!"}),
		b64([]byte(canary)) + "." + canary + "." + canary, hs256(header(), canary),
	} {
		_, err := v.Verify(t.Context(), token)
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); !errors.Is(err, ErrInvalid) || strings.Contains(text, "canary") {
			t.Errorf("Verify(%q) = %s, want an error without the token", token, text)
		}
	}
}

func TestMaxTTL(t *testing.T) {
	t.Parallel()
	token := hs256(header("kid", "h"), goodClaims())
	v := NewVerifier(keysOf(t, octKey()), clock)
	b, err := v.Verify(t.Context(), token)
	if err != nil {
		t.Fatalf("Verify without a limit = %v", err)
	}
	left := b.Expires.Sub(clock())
	for limit, want := range map[time.Duration]error{left: nil, left + time.Hour: nil, left - time.Second: errLateExpiry} {
		v := NewVerifier(keysOf(t, octKey()), clock)
		v.MaxTTL = limit
		if _, err := v.Verify(t.Context(), token); !errors.Is(err, want) || want != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("Verify of a token valid for %v with a limit of %v = %v, want %v", left, limit, err, want)
		}
	}
}

// The client learns why its token was rejected, but no part of the token.
func TestReason(t *testing.T) {
	t.Parallel()
	expired := goodClaims()
	expired["exp"] = time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC).Unix()
	foreign := []byte(strings.Repeat("x", 32))
	for name, tt := range map[string]struct {
		token, want string
		ok          bool
	}{
		"no token":                {"", "", false},
		"malformed":               {"a.b", "malformed", true},
		"expired":                 {hs256(header(), expired), "expired at 2026-01-31T09:30:00Z", true},
		"expired, wrongly signed": {mint(header(), expired, jwt.SigningMethodHS256, foreign), "bad signature", true},
		"unknown key":             {hs256(header("kid", "private-name"), goodClaims()), "unknown key", true},
	} {
		_, err := NewVerifier(allKeys(t), func() time.Time { return time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC) }).Verify(t.Context(), tt.token)
		if text, ok := Reason(err); text != tt.want || ok != tt.ok {
			t.Errorf("%s: Reason = %q, %t, want %q, %t", name, text, ok, tt.want, tt.ok)
		}
	}
	for _, err := range []error{nil, ErrInvalid, errors.New("of another package")} {
		if text, ok := Reason(err); ok {
			t.Errorf("Reason(%v) = %q, want none", err, text)
		}
	}
}
