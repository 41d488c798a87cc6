package issuer

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/auth"
)

// Limits of an issuer. Together they keep an entry far below store.MaxEntry, and a read
// of all issuers cheap.
const (
	// MaxIssuers is the maximum number of issuers.
	MaxIssuers = 100
	// MaxSame is the maximum number of issuers that share one iss: each costs a token
	// one verification.
	MaxSame = 8
	// MaxKeys is the maximum number of keys of an issuer.
	MaxKeys = 100
	// maxList is the maximum number of audiences, roles, required claims and accounts.
	maxList = 1000
	// maxText is the maximum length of a claim's name, a value or a URL, in bytes.
	maxText = 1000
	// maxRestrictions is the maximum size of all token restrictions, in bytes.
	maxRestrictions = 100 << 10
)

// Defaults of a definition.
const (
	// DefaultAccountClaim is the claim with the account in Kazoo's tokens (kazoo.md, 6.3).
	DefaultAccountClaim = "account_id"
	// DefaultOwnerClaim is the claim with the user in Kazoo's tokens.
	DefaultOwnerClaim = "owner_id"
	// DefaultMaxTTL is how far in the future a token may expire.
	DefaultMaxTTL = 24 * time.Hour
)

// DefaultAlgorithms are the algorithms of an issuer if the operator names none.
var DefaultAlgorithms = []string{"RS256", "ES256"}

// Definition is what an operator decides about an issuer.
type Definition struct {
	// Iss is the value of the claim iss.
	Iss string `json:"iss"`
	// Audiences are the values of the claim aud that are accepted.
	Audiences []string `json:"audiences,omitempty"`
	// Algorithms are those of auth.Algorithms that its keys may be used with.
	Algorithms []string `json:"algorithms"`
	// AccountClaim, OwnerClaim, RoleClaim and GroupsClaim name claims; "" means that the
	// issuer is not trusted for the claim. AccountClaim is required.
	AccountClaim string `json:"account_claim"`
	OwnerClaim   string `json:"owner_claim,omitempty"`
	RoleClaim    string `json:"role_claim,omitempty"`
	GroupsClaim  string `json:"groups_claim,omitempty"`
	// Roles maps values of the role claim to roles; nil means that they are the same.
	Roles map[string]string `json:"roles,omitempty"`
	// Accounts are the accounts that it may issue tokens for; nil means all.
	Accounts []string `json:"accounts,omitempty"`
	// Require has claims and the text that each must have.
	Require map[string]string `json:"require,omitempty"`
	// MaxTTL is how many seconds in the future a token may expire; 0 means no limit.
	MaxTTL int64 `json:"max_ttl,omitempty"`
	// URL is where its keys are fetched: a JWKS, or an OpenID configuration. Without it
	// the operator gives the keys.
	URL string `json:"url,omitempty"`
	// Restrictions are the token restrictions of Kazoo's system configuration, and
	// AccountRestrictions those of accounts; nil for none.
	Restrictions        json.RawMessage            `json:"restrictions,omitempty"`
	AccountRestrictions map[string]json.RawMessage `json:"account_restrictions,omitempty"`
}

// Check returns an error that names the first problem of a definition.
func (d *Definition) Check() error {
	for _, check := range []func(*Definition) error{
		(*Definition).checkIss, (*Definition).checkAlgorithms, (*Definition).checkClaims, (*Definition).checkRoles,
		(*Definition).checkLists, (*Definition).checkURL, (*Definition).checkRestrictions,
	} {
		if err := check(d); err != nil {
			return err
		}
	}
	return nil
}

func (d *Definition) checkIss() error {
	if !plain(d.Iss) {
		return fmt.Errorf("iss: want 1 to %d printable characters", maxText)
	}
	if d.MaxTTL < 0 {
		return errors.New("the longest lifetime of a token must not be negative")
	}
	return nil
}

func (d *Definition) checkAlgorithms() error {
	if len(d.Algorithms) == 0 {
		return errors.New("want at least one algorithm")
	}
	for _, alg := range d.Algorithms {
		if !slices.Contains(auth.Algorithms, alg) {
			return fmt.Errorf("algorithm %q: want one of %s", alg, strings.Join(auth.Algorithms, ", "))
		}
	}
	return nil
}

func (d *Definition) checkClaims() error {
	if d.AccountClaim == "" {
		return errors.New("the claim with the account is missing")
	}
	for _, name := range []string{d.AccountClaim, d.OwnerClaim, d.RoleClaim, d.GroupsClaim} {
		if name != "" && !plain(name) {
			return fmt.Errorf("name of a claim: want up to %d printable characters", maxText)
		}
	}
	return nil
}

func (d *Definition) checkRoles() error {
	if len(d.Roles) > 0 && d.RoleClaim == "" {
		return errors.New("roles are mapped, but no claim has the role")
	}
	for value, role := range d.Roles {
		if !access.Role(role).Valid() {
			return fmt.Errorf("role %q: want one of %v", role, access.Roles)
		}
		if !plain(value) {
			return fmt.Errorf("value of the role claim: want 1 to %d printable characters", maxText)
		}
	}
	return nil
}

func (d *Definition) checkLists() error {
	if len(d.Audiences) > maxList || len(d.Roles) > maxList || len(d.Accounts) > maxList || len(d.Require) > maxList {
		return fmt.Errorf("want at most %d audiences, roles, accounts and required claims", maxList)
	}
	for _, account := range d.Accounts {
		if !auth.ValidName(account) {
			return fmt.Errorf("account %q: want 1 to %d of A-Z, a-z, 0-9, _ -", account, auth.MaxName)
		}
	}
	for name, value := range d.Require {
		if !plain(name) || !plain(value) {
			return fmt.Errorf("required claim: want a name and a value of 1 to %d printable characters", maxText)
		}
	}
	if slices.ContainsFunc(d.Audiences, func(a string) bool { return !plain(a) }) {
		return fmt.Errorf("audience: want 1 to %d printable characters", maxText)
	}
	return nil
}

func (d *Definition) checkURL() error {
	if d.URL == "" {
		return nil
	}
	return CheckURL(d.URL)
}

// CheckURL returns an error unless text is a URL that keys may be fetched from: https, a
// host, and no password.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || !plain(text) || u.Hostname() == "":
		return errors.New("the URL of the keys: want https://HOST/PATH")
	case u.Scheme != "https":
		return errors.New("the URL of the keys must begin with https://")
	case u.User != nil:
		return errors.New("the URL of the keys must not contain a password")
	}
	return nil
}

func (d *Definition) checkRestrictions() error {
	size := len(d.Restrictions)
	for account, text := range d.AccountRestrictions {
		if !auth.ValidName(account) {
			return fmt.Errorf("account %q: want 1 to %d of A-Z, a-z, 0-9, _ -", account, auth.MaxName)
		}
		size += len(text)
	}
	if size > maxRestrictions {
		return fmt.Errorf("the token restrictions have %d bytes, the limit is %d", size, maxRestrictions)
	}
	_, err := d.restrictions()
	return err
}

// restrictions parses the token restrictions; nil if there are none.
func (d *Definition) restrictions() (*auth.RestrictionSet, error) {
	if len(d.Restrictions) == 0 && len(d.AccountRestrictions) == 0 {
		return nil, nil //nolint:nilnil // nil restricts nothing
	}
	return auth.ParseRestrictions(d.Restrictions, d.AccountRestrictions)
}

// plain reports whether s is 1 to maxText printable ASCII characters.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= maxText
}

// roles returns the mapping of the role claim.
func (d *Definition) roles() map[string]string {
	if len(d.Roles) > 0 || d.RoleClaim == "" {
		return d.Roles
	}
	same := make(map[string]string, len(access.Roles))
	for _, r := range access.Roles {
		same[string(r)] = string(r)
	}
	return same
}
