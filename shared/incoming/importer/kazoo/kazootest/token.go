package kazootest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// tokens holds the tokens that api_auth has issued.
type tokens struct {
	o      Options
	mu     sync.Mutex
	issued map[string]*token
}

// token is an issued token.
type token struct {
	account string
	expires time.Time
	// left is the number of requests that the token still allows, if uses are limited.
	left int
}

// issue creates a token. It has the form of Kazoo's tokens (6.3), but its signature
// is only a hash.
func (t *tokens) issue(account string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	expires := t.o.Now().Add(t.o.TokenTTL)
	claims := fmt.Sprintf(`{"iss":"kazoo","account_id":%q,"method":"cb_api_auth","exp":%d}`, account, expires.Unix())
	sum := sha256.Sum256(fmt.Append(nil, t.o.Seed, claims, len(t.issued)))
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"typ":"JWT","alg":"RS256","kid":"kazootest"}`)) + "." + encode([]byte(claims)) + "." + encode(sum[:])
	t.issued[text] = &token{account: account, expires: expires, left: t.o.TokenUses}
	return text
}

// use returns the account of a token, or "" if the token is unknown or has expired.
// It counts the use.
func (t *tokens) use(text string) string {
	if account := t.o.Tokens[text]; account != "" {
		return account
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	got := t.issued[text]
	switch {
	case got == nil,
		t.o.TokenTTL > 0 && !t.o.Now().Before(got.expires),
		t.o.TokenUses > 0 && got.left == 0:
		return ""
	}
	got.left--
	return got.account
}

// reaches reports whether a token of the account bearer may access t. A token may
// access its own account and all descendants (6.4).
func (s *Server) reaches(bearer string, t *tenant) bool {
	return bearer == t.ID || slices.Contains(t.tree, bearer)
}

// maxBody is the maximum size in bytes of a request body that is read.
const maxBody = 1 << 16

// authenticate answers PUT /v2/api_auth (6.2).
func (x *exchange) authenticate() *failure {
	x.s.counts.renew()
	var body struct {
		Data struct {
			Key string `json:"api_key"`
		} `json:"data"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(x.w, x.r.Body, maxBody)).Decode(&body); err != nil {
		return system("parse_error", nil)
	}
	account := x.s.o.APIKeys[body.Data.Key]
	if body.Data.Key == "" || account == "" {
		return system("invalid_credentials", nil)
	}
	t := x.s.tenant(account)
	x.token = x.s.tokens.issue(account)
	return x.succeed(http.StatusCreated, map[string]any{
		"account_id": account, "account_name": t.Name, "reseller_id": append(t.tree, account)[0],
		"is_reseller": len(t.Children) > 0, "language": "en-us", "apps": []string{},
	}, nil)
}
