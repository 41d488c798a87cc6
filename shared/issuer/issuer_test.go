package issuer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// newBook returns a book of an empty store.
func newBook(t testing.TB) Book {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return Book{Entries: s}
}

// pair is a key that signs tokens, and its public half.
type pair struct {
	private *ecdsa.PrivateKey
	public  Key
}

func newPair(t testing.TB, kid string) pair {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return pair{k, Key{ID: kid, Algorithms: []string{"ES256"}, DER: der}}
}

// sign returns a token of an hour for account "a".
func (p pair) sign(t testing.TB, iss string) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{"iss": iss, "account_id": "a", "exp": time.Now().Add(time.Hour).Unix()})
	token.Header["kid"] = p.public.ID
	text, err := token.SignedString(p.private)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// acme returns an issuer with some keys.
func acme(name string, keys ...Key) Record {
	return Record{
		Name:       name,
		Definition: Definition{Iss: "https://" + name + ".example", Algorithms: DefaultAlgorithms, AccountClaim: DefaultAccountClaim, OwnerClaim: DefaultOwnerClaim},
		Keys:       Keys{List: keys},
	}
}

func put(t testing.TB, b Book, r Record) {
	t.Helper()
	if err := b.Put(t.Context(), r, true); err != nil {
		t.Fatal(err)
	}
}

func TestBook(t *testing.T) {
	t.Parallel()
	b, ctx := newBook(t), t.Context()
	k := newPair(t, "k")
	full := acme("full", k.public)
	full.RoleClaim, full.Roles, full.Accounts, full.Require = "/r/x", map[string]string{"boss": "admin"}, []string{"a"}, map[string]string{"typ": "Bearer"}
	full.Restrictions = json.RawMessage(`{"_":{}}`)
	full.MaxTTL = 3600
	put(t, b, full)
	if err := b.Put(ctx, acme("full"), false); !errors.Is(err, ErrExists) {
		t.Errorf("Put of another of that name = %v, want %v", err, ErrExists)
	}
	got, err := b.Get(ctx, "full")
	got.revision = ""
	if fmt.Sprint(got) != fmt.Sprint(full) || err != nil {
		t.Errorf("Get = %+v, %v, want %+v", got, err, full)
	}
	put(t, b, acme("b"))
	if all, err := b.List(ctx); err != nil || len(all) != 2 || all[0].Name != "b" {
		t.Errorf("List = %+v, %v, want b and full", all, err)
	}
	if err := b.Remove(ctx, "full"); err != nil {
		t.Errorf("Remove = %v", err)
	}
	for name, err := range map[string]error{
		"Remove": b.Remove(ctx, "full"),
		"Update": b.Update(ctx, "full", func(*Record) bool { return true }),
	} {
		if !errors.Is(err, ErrUnknown) {
			t.Errorf("%s of a removed issuer = %v, want %v", name, err, ErrUnknown)
		}
	}
}

// An update of the keys neither undoes a change of the definition that came between nor
// brings a removed issuer back.
func TestUpdateMeetsOtherWrites(t *testing.T) {
	t.Parallel()
	b, ctx := newBook(t), t.Context()
	put(t, b, acme("x"))
	changes := 0
	err := b.Update(ctx, "x", func(r *Record) bool {
		if changes++; changes == 1 {
			changed := acme("x")
			changed.Audiences = []string{"new"}
			put(t, b, changed)
		}
		r.Fetched = 7
		return true
	})
	if got, _ := b.Get(ctx, "x"); err != nil || changes != 2 || got.Fetched != 7 || len(got.Audiences) != 1 {
		t.Errorf("Update = %v after %d tries, stored %+v", err, changes, got)
	}
	err = b.Update(ctx, "x", func(*Record) bool {
		_ = b.Remove(ctx, "x")
		return true
	})
	if _, gone := b.Get(ctx, "x"); !errors.Is(err, ErrUnknown) || !errors.Is(gone, ErrUnknown) {
		t.Errorf("Update of an issuer that was removed meanwhile = %v, and it is there: %v", err, gone)
	}
	if err := b.Update(ctx, "x", nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("Update = %v", err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	b, ctx := newBook(t), t.Context()
	for n := range MaxIssuers {
		r := acme(fmt.Sprint("n", n))
		if n < MaxSame {
			r.Iss = "kazoo"
		}
		put(t, b, r)
	}
	if err := b.Put(ctx, acme("more"), false); !errors.Is(err, ErrFull) {
		t.Errorf("Put of one too many = %v, want %v", err, ErrFull)
	}
	if err := b.Put(ctx, acme("n1"), true); err != nil {
		t.Errorf("replacing one of the last = %v", err)
	}
	put(t, b, func() Record { r := acme("n1"); r.Iss = "kazoo"; return r }())
	if err := b.Remove(ctx, "n99"); err != nil {
		t.Fatal(err)
	}
	ninth := acme("ninth")
	ninth.Iss = "kazoo"
	if err := b.Put(ctx, ninth, false); !errors.Is(err, ErrFull) {
		t.Errorf("Put of one too many with one iss = %v, want %v", err, ErrFull)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxText+1)
	for want, change := range map[string]func(*Record){
		"name":            func(r *Record) { r.Name = "a/b" },
		"iss":             func(r *Record) { r.Iss = "" },
		"iss:":            func(r *Record) { r.Iss = "a b" },
		"lifetime":        func(r *Record) { r.MaxTTL = -1 },
		"one algorithm":   func(r *Record) { r.Algorithms = nil },
		`"HS256"`:         func(r *Record) { r.Algorithms = []string{"HS256"} },
		`"none"`:          func(r *Record) { r.Algorithms = []string{"RS256", "none"} },
		"claim with":      func(r *Record) { r.AccountClaim = "" },
		"name of a claim": func(r *Record) { r.OwnerClaim = long },
		"no claim has":    func(r *Record) { r.Roles = map[string]string{"a": "admin"} },
		`role "root"`:     func(r *Record) { r.RoleClaim, r.Roles = "role", map[string]string{"a": "root"} },
		"value of the":    func(r *Record) { r.RoleClaim, r.Roles = "role", map[string]string{"": "user"} },
		`account "a#b"`:   func(r *Record) { r.Accounts = []string{"a#b"} },
		"required claim":  func(r *Record) { r.Require = map[string]string{"": "x"} },
		"audience":        func(r *Record) { r.Audiences = []string{""} },
		"at most":         func(r *Record) { r.Audiences = make([]string, maxList+1) },
		"https://HOST":    func(r *Record) { r.URL = "https:///x" },
		"begin with":      func(r *Record) { r.URL = "http://a.example/jwks" },
		"a password":      func(r *Record) { r.URL = "https://u:p@a.example/jwks" },
		"restrictions:":   func(r *Record) { r.Restrictions = json.RawMessage(`[]`) },
		"account A":       func(r *Record) { r.AccountRestrictions = map[string]json.RawMessage{"A": json.RawMessage(`1`)} },
		`account "/"`:     func(r *Record) { r.AccountRestrictions = map[string]json.RawMessage{"/": nil} },
		"have":            func(r *Record) { r.Restrictions = json.RawMessage(`"` + strings.Repeat("x", maxRestrictions) + `"`) },
	} {
		r := acme("x")
		change(&r)
		if err := (Book{}).Put(t.Context(), r, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Put = %v, want an error with %q", err, want)
		}
	}
}

// counting counts reads, and can hold them up and let them fail.
type counting struct {
	store.EntryReader
	lists, gets int
	err         error
	// hold, if not nil, delays each read until it is closed or ctx ends.
	hold chan struct{}
	// begun gets a value when a read begins.
	begun chan struct{}
}

func (c *counting) wait(ctx context.Context) error {
	if c.begun != nil {
		c.begun <- struct{}{}
	}
	if c.hold != nil {
		select {
		case <-c.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return c.err
}

func (c *counting) Entries(ctx context.Context, keys ...store.EntryKey) ([]store.Entry, error) {
	c.gets++
	if err := c.wait(ctx); err != nil {
		return nil, err
	}
	return c.EntryReader.Entries(ctx, keys...)
}

func (c *counting) PageEntries(ctx context.Context, q store.EntryQuery) (store.EntryPage, error) {
	c.lists++
	if err := c.wait(ctx); err != nil {
		return store.EntryPage{}, err
	}
	return c.EntryReader.PageEntries(ctx, q)
}

// verifierOf returns a verifier without static keys.
func verifierOf(t testing.TB, r *Registry) *auth.Verifier {
	t.Helper()
	keys, err := auth.ParseKeys([]byte(auth.NoKeys))
	if err != nil {
		t.Fatal(err)
	}
	v := auth.NewVerifier(keys, time.Now)
	v.Issuers = r
	return v
}
