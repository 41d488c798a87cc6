package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/auth"
)

// ecKeys returns a JWKS with a new EC key, with and without its private part.
func ecKeys(t *testing.T) (private, public string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := k.PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	d, err := k.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString
	parts := fmt.Sprintf(`"kty":"EC","kid":"login","crv":"P-256","alg":"ES256","x":%q,"y":%q`, text(point[1:33]), text(point[33:]))
	return `{"keys":[{` + parts + fmt.Sprintf(`,"d":%q}]}`, text(d)), `{"keys":[{` + parts + `}]}`
}

// With TOKEN_KEYS, tokens of the login service are accepted, and those of the data
// folder's own key are not.
func TestTokenKeysFromTheEnvironment(t *testing.T) {
	t.Parallel()
	private, public := ecKeys(t)
	path := filepath.Join(t.TempDir(), "data")
	for _, keys := range []string{private, public} {
		p := launchWith(t, path, []string{"TOKEN_KEYS=" + keys}, "--empty", "--token")
		if _, made := p.vars["TOKEN"]; made != (keys == private) {
			t.Errorf("demo.env has a token: %t, want one only with a private key", made)
		}
		if made := strings.Contains(p.greeting, "  token  "); made != (keys == private) {
			t.Errorf("the greeting has a token: %t, want one only with a private key: %s", made, p.greeting)
		}
		dir, err := datadir.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name, keys string
			want       int
		}{{"the login service", private, http.StatusOK}, {"the data folder", string(dir.Keys.Token), http.StatusUnauthorized}} {
			token, err := auth.Sign([]byte(c.keys), auth.Claims{Account: "acc", Expires: time.Now().Add(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			vars := map[string]string{"URL": p.vars["URL"], "ACCOUNT_ID": "acc", "TOKEN": token}
			if a := call(t, vars, http.MethodGet, "/recordings", ""); a.status != c.want {
				t.Errorf("a token of %s: %d, want %d", c.name, a.status, c.want)
			}
		}
		stop(t, p, syscall.SIGINT)
	}
}
