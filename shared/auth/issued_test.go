package auth

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Every algorithm is accepted with a key of its kind, if the key may use it.
func TestIssuedAlgorithms(t *testing.T) {
	t.Parallel()
	private := map[string]crypto.Signer{
		"RS256": rsaIssuer(), "RS384": rsaIssuer(), "RS512": rsaIssuer(), "PS256": rsaIssuer(), "PS384": rsaIssuer(), "PS512": rsaIssuer(),
		"ES256": ecPair(), "ES384": p384Pair(), "ES512": p521Pair(), "EdDSA": edPair(),
	}
	for _, alg := range Algorithms {
		token := mint(header("alg", alg, "kid", "k"), issued(), jwt.GetSigningMethod(alg), private[alg])
		for _, other := range Algorithms {
			i := trusted(func(i *Issuer) { i.Keys = []IssuerKey{issuerKey("k", private[alg], other)} })
			b, err := issuedVerifier(t, &book{list: []*Issuer{i}}).Verify(t.Context(), token)
			if (err == nil) != (alg == other) || err == nil && (b.Account != account || b.Issuer != "acme") {
				t.Errorf("%s with a key for %s: Verify = %+v, %v", alg, other, b, err)
			}
		}
		// The key must be of the algorithm's kind even if the entry claims otherwise.
		foreign := crypto.Signer(rsaIssuer())
		if strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS") {
			foreign = edPair()
		}
		i := trusted(func(i *Issuer) { i.Keys = []IssuerKey{issuerKey("k", foreign, alg)} })
		b, err := issuedVerifier(t, &book{list: []*Issuer{i}}).Verify(t.Context(), token)
		checkReason(t, b, err, errWrongAlgorithm)
	}
}

func TestIssuedAccepts(t *testing.T) {
	t.Parallel()
	hour := now.Add(time.Hour)
	plain := Bearer{Account: account, Expires: hour, Issuer: "acme"}
	with := func(change func(*Bearer)) Bearer { b := plain; change(&b); return b }
	cognito := trusted(func(i *Issuer) {
		i.Claims = ClaimNames{Account: "custom:account_id", Owner: "sub", Role: "cognito:groups"}
		i.Roles = map[string]string{"auditors": "auditor"}
		i.Audiences = []string{"client"}
		i.Require = map[string]string{"token_use": "id"}
	})
	keycloak := trusted(func(i *Issuer) {
		i.Claims = ClaimNames{Account: "account_id", Owner: "sub", Role: "/realm_access/roles", Groups: "groups"}
		i.Roles = map[string]string{"recordings-supervisor": "supervisor", "user": "user"}
	})
	single := trusted(func(i *Issuer) { i.Accounts = []string{account} })
	brief := trusted(func(i *Issuer) { i.MaxTTL = 10 * time.Minute })
	null := json.RawMessage("null") // is as good as missing
	for name, tt := range map[string]struct {
		issuer *Issuer
		token  string
		want   Bearer
	}{
		"plain":         {trusted(nil), rs256(issued()), plain},
		"no kid":        {trusted(nil), rs256(issued(), "kid", nil), plain},
		"owner":         {trusted(nil), rs256(issued("owner_id", owner)), with(func(b *Bearer) { b.Owner, b.Subject = owner, owner })},
		"sub":           {trusted(nil), rs256(issued("sub", "4c9a")), with(func(b *Bearer) { b.Subject = "4c9a" })},
		"sub a person":  {trusted(nil), rs256(issued("sub", "ann@example.com")), plain},
		"sub a number":  {trusted(nil), rs256(issued("sub", 7)), plain},
		"role ignored":  {trusted(nil), rs256(issued("role", "admin", "groups", []string{"sales"})), plain},
		"expired 59 s":  {trusted(nil), rs256(issued("exp", now.Add(-59*time.Second).Unix())), with(func(b *Bearer) { b.Expires = now.Add(-59 * time.Second) })},
		"nbf in 60 s":   {trusted(nil), rs256(issued("nbf", now.Add(60*time.Second).Unix())), plain},
		"exp a float":   {trusted(nil), rs256(issued("exp", float64(hour.Unix())+0.5)), plain},
		"its account":   {single, rs256(issued()), plain},
		"no account":    {single, rs256(issued("account_id", nil)), plain},
		"Cognito":       {cognito, rs256(issued("account_id", nil, "custom:account_id", account, "sub", "u-1", "aud", "client", "token_use", "id", "cognito:groups", []string{"auditors", "x"})), with(func(b *Bearer) { b.Owner, b.Subject, b.Role = "u-1", "u-1", "auditor" })},
		"Keycloak":      {keycloak, rs256(issued("sub", "u-1", "realm_access", map[string]any{"roles": []string{"offline_access", "recordings-supervisor"}}, "groups", []string{"/sales", "/a/b"})), with(func(b *Bearer) { b.Owner, b.Subject, b.Role, b.Groups = "u-1", "u-1", "supervisor", []string{"sales"} })},
		"no role":       {keycloak, rs256(issued("sub", "u-1")), with(func(b *Bearer) { b.Owner, b.Subject = "u-1", "u-1" })},
		"other roles":   {keycloak, rs256(issued("sub", "u-1", "realm_access", map[string]any{"roles": []string{"x"}})), with(func(b *Bearer) { b.Owner, b.Subject, b.Unassigned = "u-1", "u-1", true })},
		"null":          {keycloak, rs256(issued("sub", null, "realm_access", map[string]any{"roles": null}, "groups", null, "nbf", null, "aud", null)), plain},
		"exp at limit":  {brief, rs256(issued("exp", now.Add(11*time.Minute).Unix())), with(func(b *Bearer) { b.Expires = now.Add(11 * time.Minute) })},
		"foreign hints": {trusted(nil), rs256(issued(), "jku", "https://evil.example/jwks", "x5u", "https://evil.example/x", "jwk", map[string]any{"kty": "oct", "k": "AAAA"}, "x5c", []string{"AAAA"}), plain},
	} {
		b, err := issuedVerifier(t, &book{list: []*Issuer{tt.issuer}}).Verify(t.Context(), tt.token)
		if err != nil || !reflect.DeepEqual(b, tt.want) {
			t.Errorf("%s: Verify = %+v, %v, want %+v", name, b, err, tt.want)
		}
	}
}

// The rules of RFC 8725, and some that it implies. The tokens carry valid signatures
// unless the case is about the signature.
func TestIssuedRejects(t *testing.T) {
	t.Parallel()
	raw := func(header, claims string) string {
		text := b64([]byte(header)) + "." + b64([]byte(claims))
		return text + "." + b64(must(jwt.SigningMethodRS256.Sign(text, rsaIssuer())))
	}
	good := `{"iss":"` + iss + `","account_id":"a","exp":1900000000}`
	der := must(x509.MarshalPKIXPublicKey(rsaIssuer().Public()))
	unsigned := strings.Split(rs256(issued(), "alg", "none"), ".")
	roles := func(i *Issuer) { i.Claims.Role, i.Roles = "role", map[string]string{"admin": "admin", "user": "user"} }
	weak := trusted(func(i *Issuer) { i.Keys = []IssuerKey{issuerKey("k", rsaWeak(), "RS256")} })
	broken := trusted(func(i *Issuer) { i.Keys[0].DER = []byte("x") })
	audience := trusted(func(i *Issuer) { i.Audiences = []string{"recordings"} })
	required := trusted(func(i *Issuer) { i.Require = map[string]string{"token_use": "access"} })
	brief := trusted(func(i *Issuer) { i.MaxTTL = 10 * time.Minute })
	mine := trusted(func(i *Issuer) { i.Accounts = []string{"b", "c"} })
	grouped := trusted(func(i *Issuer) { i.Claims.Groups = "groups" })
	twice := trusted(func(i *Issuer) { i.Keys = append(i.Keys, issuerKey("l", rsaOther(), "RS256")) })
	for name, tt := range map[string]struct {
		issuer *Issuer
		token  string
		want   reasonError
	}{
		"none":                    {nil, unsigned[0] + "." + unsigned[1] + ".", errWrongAlgorithm},
		"none with a signature":   {nil, strings.Join(unsigned, "."), errWrongAlgorithm},
		"HMAC of the public key":  {nil, mint(header("kid", "k"), issued(), jwt.SigningMethodHS256, der), errWrongAlgorithm},
		"PS256 of an RS256 key":   {nil, mint(header("alg", "PS256", "kid", "k"), issued(), jwt.SigningMethodPS256, rsaIssuer()), errWrongAlgorithm},
		"RS512 of an RS256 key":   {nil, mint(header("alg", "RS512", "kid", "k"), issued(), jwt.SigningMethodRS512, rsaIssuer()), errWrongAlgorithm},
		"another key":             {nil, mint(header("alg", "RS256", "kid", "k"), issued(), jwt.SigningMethodRS256, rsaOther()), errBadSignature},
		"a weak key":              {weak, mint(header("alg", "RS256", "kid", "k"), issued(), jwt.SigningMethodRS256, rsaWeak()), errWrongAlgorithm},
		"a broken entry":          {broken, rs256(issued()), errWrongAlgorithm},
		"unknown kid":             {nil, rs256(issued(), "kid", "x"), errUnknownKey},
		"empty kid":               {nil, rs256(issued(), "kid", ""), errUnknownKey},
		"kid a number":            {nil, rs256(issued(), "kid", 1), errUnknownKey},
		"no kid of two":           {twice, rs256(issued(), "kid", nil), errUnknownKey},
		"crit":                    {nil, rs256(issued(), "crit", []string{"exp"}), errCritical},
		"b64":                     {nil, rs256(issued(), "crit", []string{"b64"}, "b64", false), errCritical},
		"logout token":            {nil, rs256(issued(), "typ", "logout+jwt"), errForeignType},
		"no issuer":               {nil, rs256(issued("iss", nil)), errUnknownKey},
		"issuer a list":           {nil, rs256(issued("iss", []string{iss})), errUnknownKey},
		"another issuer":          {nil, rs256(issued("iss", iss+"/")), errUnknownKey},
		"header member twice":     {nil, raw(`{"alg":"RS256","kid":"k","kid":"k"}`, good), errDuplicate},
		"alg twice":               {nil, raw(`{"alg":"none","alg":"RS256","kid":"k"}`, good), errDuplicate},
		"claim twice":             {nil, raw(`{"alg":"RS256","kid":"k"}`, `{"account_id":"b",`+good[1:]), errDuplicate},
		"nested claim twice":      {nil, raw(`{"alg":"RS256","kid":"k"}`, `{"x":{"y":1,"y":2},`+good[1:]), errDuplicate},
		"deep claims":             {nil, raw(`{"alg":"RS256","kid":"k"}`, `{"x":`+strings.Repeat("[", 30)+strings.Repeat("]", 30)+`,`+good[1:]), errMalformed},
		"no exp":                  {nil, rs256(issued("exp", nil)), errNoExpiry},
		"exp a text":              {nil, rs256(issued("exp", "1900000000")), errBadClaims},
		"exp negative":            {nil, rs256(issued("exp", -1)), errExpired},
		"exp 1e400":               {nil, raw(`{"alg":"RS256","kid":"k"}`, `{"iss":"`+iss+`","account_id":"a","exp":1e400}`), errBadClaims},
		"exp far away":            {brief, rs256(issued("exp", 1e300)), errLateExpiry},
		"exp after the limit":     {brief, rs256(issued("exp", now.Add(11*time.Minute+time.Second).Unix())), errLateExpiry},
		"expired 60 s ago":        {nil, rs256(issued("exp", now.Add(-60*time.Second).Unix())), errExpired},
		"nbf in 61 s":             {nil, rs256(issued("nbf", now.Add(61*time.Second).Unix())), errTooEarly},
		"nbf a text":              {nil, rs256(issued("nbf", "1")), errBadClaims},
		"audience not expected":   {nil, rs256(issued("aud", "recordings")), errBadAudience},
		"audience missing":        {audience, rs256(issued()), errBadAudience},
		"another audience":        {audience, rs256(issued("aud", []string{"other", "recordings2"})), errBadAudience},
		"audience a number":       {audience, rs256(issued("aud", 1)), errBadClaims},
		"required claim missing":  {required, rs256(issued()), errRequired},
		"required claim differs":  {required, rs256(issued("token_use", "id")), errRequired},
		"no account":              {nil, rs256(issued("account_id", nil)), errBadAccount},
		"account malformed":       {nil, rs256(issued("account_id", "a/b")), errBadAccount},
		"account a number":        {nil, rs256(issued("account_id", 1)), errBadClaims},
		"no account of two":       {mine, rs256(issued("account_id", nil)), errBadAccount},
		"account of another":      {mine, rs256(issued()), errForeignAccount},
		"owner malformed":         {nil, rs256(issued("owner_id", "..")), errBadOwner},
		"owner empty":             {nil, rs256(issued("owner_id", "")), errBadOwner},
		"owner a list":            {nil, rs256(issued("owner_id", []string{owner})), errBadClaims},
		"role unknown":            {trusted(roles), rs256(issued("role", "root")), errBadRole},
		"role in another case":    {trusted(roles), rs256(issued("role", "Admin")), errBadRole},
		"role a number":           {trusted(roles), rs256(issued("role", 1)), errBadClaims},
		"two roles":               {trusted(roles), rs256(issued("role", []string{"admin", "user"})), errSeveralRoles},
		"groups a number":         {grouped, rs256(issued("groups", 1)), errBadClaims},
		"over 8 KiB":              {nil, rs256(issued("x", strings.Repeat("x", MaxToken))), errTooLong},
		"the signature truncated": {nil, strings.TrimSuffix(rs256(issued()), rs256(issued())[len(rs256(issued()))-2:]), errBadSignature},
	} {
		i := tt.issuer
		if i == nil {
			i = trusted(nil)
		}
		b, err := issuedVerifier(t, &book{list: []*Issuer{i}}).Verify(t.Context(), tt.token)
		var r reasonError
		if !errors.Is(err, ErrInvalid) || !errors.As(err, &r) || r != tt.want || !isZero(b) {
			t.Errorf("%s: Verify = %+v, %v, want %v", name, b, err, tt.want)
		}
	}
}

// Verify rejects such tokens even before it looks for their issuer. The check of the issuer's
// claims does not rely on that.
func TestValidityNeedsNumbers(t *testing.T) {
	t.Parallel()
	hour := now.Add(time.Hour)
	number, text := json.RawMessage(strconv.FormatInt(hour.Unix(), 10)), json.RawMessage(`"1900000000"`)
	for _, c := range []struct {
		claims map[string]json.RawMessage
		want   error
	}{
		{map[string]json.RawMessage{"exp": number}, nil},
		{map[string]json.RawMessage{"exp": text}, errBadClaims},
		{map[string]json.RawMessage{"exp": number, "nbf": text}, errBadClaims},
		{map[string]json.RawMessage{"exp": text, "nbf": text}, errBadClaims},
	} {
		claims := issuedClaims{all: c.claims}
		got, err := claims.validity(trusted(nil), now, 0)
		if !errors.Is(err, c.want) || err == nil && !got.Equal(hour) {
			t.Errorf("validity of %s = %v, %v, want %v", c.claims, got, err, c.want)
		}
	}
}

// The limit of the service applies to issuers, too.
func TestIssuedMaxTTL(t *testing.T) {
	t.Parallel()
	v := issuedVerifier(t, &book{list: []*Issuer{trusted(nil)}})
	v.MaxTTL = 10 * time.Minute
	b, err := v.Verify(t.Context(), rs256(issued()))
	checkReason(t, b, err, errLateExpiry)
}

// A token of a user in more groups is accepted, without those beyond the limit.
func TestGroupsHaveALimit(t *testing.T) {
	t.Parallel()
	groups := make([]string, maxGroups+1)
	for n := range groups {
		groups[n] = "g" + strconv.Itoa(n)
	}
	i := trusted(func(i *Issuer) { i.Claims.Groups = "groups" })
	for _, n := range []int{maxGroups, maxGroups + 1} {
		b, err := issuedVerifier(t, &book{list: []*Issuer{i}}).Verify(t.Context(), rs256(issued("groups", groups[:n])))
		if err != nil || !slices.Equal(b.Groups, groups[:maxGroups]) {
			t.Errorf("Verify of a token with %d groups = %d groups, %v, want the first %d", n, len(b.Groups), err, maxGroups)
		}
	}
}

// Two issuers may use one kid, and even one iss: the signature decides. A key of one
// issuer never verifies a token that names another.
func TestTwoIssuersWithOneKid(t *testing.T) {
	t.Parallel()
	sameKey := trusted(func(i *Issuer) { i.Name = "same key" })
	second := trusted(func(i *Issuer) { i.Name, i.Keys = "second", []IssuerKey{issuerKey("k", rsaOther(), "RS256")} })
	elsewhere := trusted(func(i *Issuer) {
		i.Name, i.Iss, i.Keys = "elsewhere", "https://other.example", []IssuerKey{issuerKey("k", rsaOther(), "RS256")}
	})
	other := func(claims any) string {
		return mint(header("alg", "RS256", "kid", "k"), claims, jwt.SigningMethodRS256, rsaOther())
	}
	for name, tt := range map[string]struct {
		list  []*Issuer
		token string
		want  string // the issuer, "" if the token is invalid
	}{
		"same iss, first":       {[]*Issuer{trusted(nil), second}, rs256(issued()), "acme"},
		"same iss, second":      {[]*Issuer{trusted(nil), second}, other(issued()), "second"},
		"another iss":           {[]*Issuer{trusted(nil), elsewhere}, other(issued("iss", "https://other.example")), "elsewhere"},
		"the key of another":    {[]*Issuer{trusted(nil), elsewhere}, other(issued()), ""},
		"one key, two accounts": {[]*Issuer{trusted(func(i *Issuer) { i.Accounts = []string{"b"} }), sameKey}, rs256(issued()), "same key"},
		"the account of others": {[]*Issuer{trusted(func(i *Issuer) { i.Accounts = []string{"b"} }), second}, rs256(issued()), ""},
	} {
		b, err := issuedVerifier(t, &book{list: tt.list}).Verify(t.Context(), tt.token)
		if b.Issuer != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: Verify = %+v, %v, want issuer %q", name, b, err, tt.want)
		}
	}
}

// A token that a static key has signed needs no look at the issuers, valid or not.
func TestStaticKeysNeedNoIssuers(t *testing.T) {
	t.Parallel()
	expired := goodClaims()
	expired["exp"] = 1
	for name, token := range map[string]string{
		"valid": hs256(header(), goodClaims()), "of an issuer": hs256(header(), issued()), "expired": hs256(header(), expired),
		"of an issuer, expired": hs256(header(), issued("exp", 1)),
		"malformed":             "a.b.c", "none": "", "crit": hs256(header("crit", []string{}), goodClaims()), "without iss": rs256(goodClaims(), "kid", "x"),
	} {
		b := &book{err: errors.New("read")}
		_, err := issuedVerifier(t, b).Verify(t.Context(), token)
		if b.finds+b.rereads > 0 || errors.Is(err, b.err) {
			t.Errorf("%s: Verify = %v after %d looks at the issuers, want none", name, err, b.finds+b.rereads)
		}
	}
}

// A deployment may have no static keys at all.
func TestNoStaticKeys(t *testing.T) {
	t.Parallel()
	keys, err := ParseKeys([]byte(NoKeys))
	if err != nil {
		t.Fatal(err)
	}
	v := NewVerifier(keys, clock)
	b, err := v.Verify(t.Context(), hs256(header(), goodClaims()))
	checkReason(t, b, err, errUnknownKey)
	b, err = v.Verify(t.Context(), rs256(issued())) // without issuers, its iss counts for nothing
	checkReason(t, b, err, errUnknownKey)
	v.Issuers = &book{list: []*Issuer{trusted(nil)}}
	if b, err := v.Verify(t.Context(), rs256(issued())); err != nil || b.Issuer != "acme" {
		t.Errorf("Verify = %+v, %v, want the issuer's token accepted", b, err)
	}
}

// A kid that clashes with a static key's does not hide the issuer.
func TestStaticKidDoesNotHideAnIssuer(t *testing.T) {
	t.Parallel()
	i := trusted(func(i *Issuer) { i.Keys[0].ID = "h" }) // the static HS256 key
	b, err := issuedVerifier(t, &book{list: []*Issuer{i}}).Verify(t.Context(), rs256(issued(), "kid", "h"))
	if err != nil || b.Issuer != "acme" {
		t.Errorf("Verify = %+v, %v, want the issuer's token accepted", b, err)
	}
}

// An unknown kid makes the verifier read the issuer again, once.
func TestUnknownKidRereads(t *testing.T) {
	t.Parallel()
	old := trusted(func(i *Issuer) { i.Keys[0].ID = "old" })
	moved := trusted(func(i *Issuer) { i.Iss = "https://moved.example" })
	for name, tt := range map[string]struct {
		fresh *Issuer
		err   error
		want  error
	}{
		"rotated":     {fresh: trusted(nil)},
		"unchanged":   {fresh: old, want: errUnknownKey},
		"too soon":    {want: errUnknownKey},
		"renamed":     {fresh: moved, want: errUnknownKey},
		"unreachable": {err: errUnreachable, want: errUnreachable},
	} {
		b := &book{list: []*Issuer{old}, fresh: map[string]*Issuer{"acme": tt.fresh}, rereadErr: tt.err}
		_, err := issuedVerifier(t, b).Verify(t.Context(), rs256(issued()))
		if !errors.Is(err, tt.want) || b.rereads != 1 {
			t.Errorf("%s: Verify = %v after %d reads, want %v after 1", name, err, b.rereads, tt.want)
		}
	}
}

var errUnreachable = errors.New("the table is unreachable")

// If the issuers cannot be read, the token is not called invalid: the client must not
// log its user out.
func TestUnreadableIssuersAreNotInvalidTokens(t *testing.T) {
	t.Parallel()
	_, err := issuedVerifier(t, &book{err: errUnreachable}).Verify(t.Context(), rs256(issued()))
	if !errors.Is(err, errUnreachable) || errors.Is(err, ErrInvalid) {
		t.Errorf("Verify = %v, want %v only", err, errUnreachable)
	}
}

func TestCheckKeyRejectsWeakKeys(t *testing.T) {
	t.Parallel()
	even := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537}
	for name, tt := range map[string]struct {
		key  crypto.PublicKey
		want string
	}{
		"1024 bits":   {rsaWeak().Public(), "n has 1024 bits"},
		"even":        {even, "n and e"},
		"exponent 1":  {&rsa.PublicKey{N: rsaIssuer().N, E: 1}, "n and e"},
		"a secret":    {secret, "kty is not"},
		"nil":         {nil, "kty is not"},
		"a wrong alg": {ecPair().Public(), "the key is not for RS256"},
	} {
		if err := CheckKey(tt.key, "RS256"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: CheckKey = %v, want an error with %q", name, err, tt.want)
		}
	}
	if err := CheckKey(rsaIssuer().Public(), "HS256"); err == nil {
		t.Error("CheckKey accepts HS256")
	}
}
