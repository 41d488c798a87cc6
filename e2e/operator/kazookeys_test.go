//go:build e2e

package operator_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/callrecordings/api/shared/auth"
)

// commands matches the blocks of a guide that this suite runs.
var commands = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// The guide for Kazoo's keys makes a JWKS that accepts Kazoo's tokens, from both forms
// of a public key.
func TestKazooKeys(t *testing.T) {
	text, err := os.ReadFile("../../docs/how-to/kazoo-keys.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, m := range commands.FindAllStringSubmatch(string(text), -1) {
		script.WriteString(m[1])
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pkix, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range []*pem.Block{
		{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&key.PublicKey)}, // Erlang's public_key:pem_entry_encode
		{Type: "PUBLIC KEY", Bytes: pkix},
	} {
		// Padding of base64 depends on the length of the header.
		for _, kid := range []string{"0b54aa6ec2d9b8d9a1d9e5b1d3a1ab21", "key-1", "key-12", "key-123"} {
			token := signed(t, key, kid)
			kazoo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v2/auth/keys/"+kid || r.Header.Get("X-Auth-Token") != token {
					http.NotFound(w, r)
					return
				}
				_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]string{"public_key_pem": string(pem.EncodeToMemory(block))}})
			}))
			dir := t.TempDir()
			cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script.String())
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "KAZOO_URL="+kazoo.URL, "KAZOO_TOKEN="+token)
			out, err := cmd.CombinedOutput()
			kazoo.Close()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			set, err := os.ReadFile(filepath.Join(dir, ".deploy/kazoo.jwks"))
			if err != nil {
				t.Fatal(err)
			}
			keys, err := auth.ParseKeys(set)
			if err != nil {
				t.Fatalf("%v: %s", err, set)
			}
			if bearer, err := auth.NewVerifier(keys, time.Now).Verify(t.Context(), token); err != nil || bearer.Account != "A" {
				t.Errorf("%s, kid %s: account %q, %v", block.Type, kid, bearer.Account, err)
			}
		}
	}
}

// signed returns a token as Kazoo makes it (kazoo.md 6.3).
func signed(t *testing.T, key *rsa.PrivateKey, kid string) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": "kazoo", "account_id": "A", "owner_id": "u", "method": "cb_user_auth", "exp": time.Now().Add(time.Hour).Unix(), "identity_sig": "c2ln",
	})
	token.Header["kid"] = kid
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
