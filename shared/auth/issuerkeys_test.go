package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const iss = "https://login.example.com/realms/acme"

// The private keys of the issuers in these tests, generated once.
var (
	edPair    = sync.OnceValue(func() ed25519.PrivateKey { _, k, err := ed25519.GenerateKey(rand.Reader); return must(k, err) })
	p384Pair  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	p521Pair  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)) })
	rsaIssuer = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	rsaOther  = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	rsaWeak   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 1024)) })
)

// issuerKey returns the public half of a private key, for some algorithms.
func issuerKey(kid string, private crypto.Signer, algorithms ...string) IssuerKey {
	return IssuerKey{ID: kid, Algorithms: algorithms, DER: must(x509.MarshalPKIXPublicKey(private.Public()))}
}

// trusted returns an issuer that may use RS256 with one key, changed by change.
func trusted(change func(*Issuer)) *Issuer {
	i := &Issuer{
		Name: "acme", Iss: iss, Claims: ClaimNames{Account: "account_id", Owner: "owner_id"},
		Keys: []IssuerKey{issuerKey("k", rsaIssuer(), "RS256")},
	}
	if change != nil {
		change(i)
	}
	return i
}

// book is a fixed list of issuers.
type book struct {
	list []*Issuer
	// fresh has the result of Reread by the name of an issuer.
	fresh          map[string]*Issuer
	err, rereadErr error
	finds, rereads int
}

func (b *book) ByIss(_ context.Context, iss string) ([]*Issuer, error) {
	b.finds++
	var found []*Issuer
	for _, i := range b.list {
		if i.Iss == iss {
			found = append(found, i)
		}
	}
	return found, b.err
}

func (b *book) Named(_ context.Context, name string) (*Issuer, error) {
	for _, i := range b.list {
		if i.Name == name {
			return i, b.err
		}
	}
	return nil, b.err
}

func (b *book) Reread(_ context.Context, i *Issuer) (*Issuer, error) {
	b.rereads++
	return b.fresh[i.Name], b.rereadErr
}

// issuedVerifier returns a verifier with the static keys and a list of issuers.
func issuedVerifier(t testing.TB, b *book) *Verifier {
	t.Helper()
	v := NewVerifier(allKeys(t), clock)
	v.Issuers = b
	return v
}

// issued returns the claims of a token of the issuer, changed by pairs of names and
// values. A nil value removes a claim.
func issued(pairs ...any) jwt.MapClaims {
	c := jwt.MapClaims{"iss": iss, "account_id": account, "exp": now.Add(time.Hour).Unix()}
	for i := 0; i < len(pairs); i += 2 {
		c[pairs[i].(string)] = pairs[i+1]
		if pairs[i+1] == nil {
			delete(c, pairs[i].(string))
		}
	}
	return c
}

// rs256 signs with the key "k" of the issuer.
func rs256(claims any, pairs ...any) string {
	return mint(header(append([]any{"alg", "RS256", "kid", "k"}, pairs...)...), claims, jwt.SigningMethodRS256, rsaIssuer())
}

// checkReason fails the test unless err is ErrInvalid with a reason.
func checkReason(t *testing.T, b Bearer, err error, want reasonError) {
	t.Helper()
	var r reasonError
	if !errors.Is(err, ErrInvalid) || !errors.As(err, &r) || r != want || !isZero(b) {
		t.Errorf("Verify = %+v, %v, want %v: %v", b, err, ErrInvalid, want)
	}
}
