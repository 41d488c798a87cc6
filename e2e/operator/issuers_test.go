//go:build e2e

package operator_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/callrecordings/api/e2e/given"
)

// signer is a key of a provider.
type signer struct {
	kid string
	key *rsa.PrivateKey
}

func newSigner(t *testing.T, kid string) signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return signer{kid, key}
}

// jwk returns the public key as a provider publishes it.
func (s signer) jwk(alg, use string) map[string]any {
	text := base64.RawURLEncoding.EncodeToString
	return map[string]any{
		"kid": s.kid, "kty": "RSA", "alg": alg, "use": use, "n": text(s.key.N.Bytes()), "e": text(big.NewInt(int64(s.key.E)).Bytes()),
	}
}

// certified adds a certificate of the key, as Keycloak does.
func (s signer) certified(t *testing.T, alg, use string) map[string]any {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pbx"}, NotBefore: time.Now(), NotAfter: time.Now().AddDate(10, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, s.key.Public(), s.key)
	if err != nil {
		t.Fatal(err)
	}
	k := s.jwk(alg, use)
	k["x5c"] = []string{base64.StdEncoding.EncodeToString(der)}
	return k
}

// token signs claims. Names of claims alternate with values.
func (s signer) token(t *testing.T, typ string, claims jwt.MapClaims) string {
	t.Helper()
	if claims["exp"] == nil {
		claims["exp"] = time.Now().Add(5 * time.Minute).Unix()
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = s.kid
	if typ == "" {
		delete(token.Header, "typ") // Cognito's tokens have none
	}
	text, err := token.SignedString(s.key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// providers is a server with a Keycloak realm for the PBX, one for a customer, and a
// Cognito user pool. Its documents have the members that those send.
func providers(t *testing.T, realm, shop, encryption, pool signer) *httptest.Server {
	t.Helper()
	documents := map[string]any{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		document, ok := documents[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(document)
	}))
	t.Cleanup(server.Close)
	for name, key := range map[string]signer{"pbx": realm, "shop": shop} {
		base := "/realms/" + name
		documents[base+"/.well-known/openid-configuration"] = map[string]any{
			"issuer": server.URL + base, "jwks_uri": server.URL + base + "/protocol/openid-connect/certs",
			"authorization_endpoint": server.URL + base + "/protocol/openid-connect/auth", "id_token_signing_alg_values_supported": []string{"PS384", "RS256", "EdDSA"},
		}
		documents[base+"/protocol/openid-connect/certs"] = map[string]any{
			"keys": []any{encryption.certified(t, "RSA-OAEP", "enc"), key.certified(t, "RS256", "sig")},
		}
	}
	documents["/eu-central-1_Example/.well-known/openid-configuration"] = map[string]any{
		"issuer": server.URL + "/eu-central-1_Example", "jwks_uri": server.URL + "/eu-central-1_Example/.well-known/jwks.json",
	}
	documents["/eu-central-1_Example/.well-known/jwks.json"] = map[string]any{"keys": []any{pool.jwk("RS256", "sig"), newSigner(t, "access=").jwk("RS256", "sig")}}
	return server
}

// The guide's commands add a Kazoo, a Keycloak realm and a Cognito user pool to a server
// that runs, and it then accepts their tokens and no others.
func TestIssuersGuide(t *testing.T) {
	programs := given.Programs(t, "github.com/callrecordings/api/cmd/recordings", "github.com/callrecordings/api/local")
	kazoo, realm, shop, pool := newSigner(t, "0b54aa6ec2d9b8d9a1d9e5b1d3a1ab21"), newSigner(t, "FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE"), newSigner(t, "shop"), newSigner(t, "1234example=")
	server := providers(t, realm, shop, newSigner(t, "enc"), pool)
	dir := t.TempDir()
	certificate := filepath.Join(dir, "ca.pem")
	write(t, certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	if err := os.MkdirAll(filepath.Join(dir, ".deploy"), 0o700); err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(map[string]any{"keys": []any{kazoo.jwk("RS256", "sig")}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, ".deploy/kazoo.jwks"), set)
	reach := []string{"ISSUER_PRIVATE_HOSTS=127.0.0.1", "SSL_CERT_FILE=" + certificate}
	data := filepath.Join(dir, "data")
	box := given.StartBox(t, filepath.Join(programs, "local"), data, given.Ports(t), reach...)

	text, err := os.ReadFile("../../docs/how-to/issuers.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, m := range commands.FindAllStringSubmatch(string(text), -1) {
		script.WriteString(m[1])
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script.String())
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append(reach, "PATH="+programs+":"+os.Getenv("PATH"), "DATA_DIR="+data,
		"KEYCLOAK="+server.URL, "COGNITO="+server.URL, "CLIENT_ID=4qexample")...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.Contains(string(out), "cognito: 2 keys") || !strings.Contains(string(out), "issuer keycloak added with 1 key") {
		t.Errorf("the commands printed %s", out)
	}

	keycloak := func(pairs ...any) jwt.MapClaims {
		return with(jwt.MapClaims{"iss": server.URL + "/realms/pbx", "aud": []string{"recordings", "account"}, "typ": "Bearer", "azp": "app", "sub": "5a2d9c1e-0000-4000-8000-00000000000a", "account_id": "A", "realm_access": map[string]any{"roles": []string{"offline_access", "recordings-admin"}}}, pairs...)
	}
	cognito := func(pairs ...any) jwt.MapClaims {
		return with(jwt.MapClaims{"iss": server.URL + "/eu-central-1_Example", "aud": "4qexample", "token_use": "id", "sub": "u", "custom:account_id": "A", "custom:owner_id": "u1", "cognito:groups": []string{"recordings-auditors"}}, pairs...)
	}
	customer := func(pairs ...any) jwt.MapClaims {
		return with(jwt.MapClaims{"iss": server.URL + "/realms/shop", "aud": "recordings"}, pairs...)
	}
	for _, tt := range []struct {
		name, token, account string
		want                 int
	}{
		{"Kazoo", signed(t, kazoo.key, kazoo.kid), "A", http.StatusOK},
		{"Kazoo's key under another name", realm.token(t, "JWT", jwt.MapClaims{"iss": "kazoo", "account_id": "A"}), "A", http.StatusUnauthorized},
		{"Keycloak", realm.token(t, "JWT", keycloak()), "A", http.StatusOK},
		{"Keycloak, another account", realm.token(t, "JWT", keycloak()), "B", http.StatusForbidden},
		{"Keycloak's ID token", realm.token(t, "JWT", keycloak("typ", "ID")), "A", http.StatusUnauthorized},
		{"Keycloak, another audience", realm.token(t, "JWT", keycloak("aud", "account")), "A", http.StatusUnauthorized},
		{"Keycloak, expired", realm.token(t, "JWT", keycloak("exp", time.Now().Add(-2*time.Minute).Unix())), "A", http.StatusUnauthorized},
		{"Cognito", pool.token(t, "", cognito()), "A", http.StatusOK},
		{"Cognito's access token", pool.token(t, "", cognito("token_use", "access", "aud", nil)), "A", http.StatusUnauthorized},
		{"Cognito's key with Keycloak's iss", pool.token(t, "", keycloak()), "A", http.StatusUnauthorized},
		{"the customer", shop.token(t, "JWT", customer()), "shop", http.StatusOK},
		{"the customer for another account", shop.token(t, "JWT", customer("account_id", "A")), "A", http.StatusUnauthorized},
	} {
		if status := list(t, box.URL, tt.account, tt.token); status != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, status, tt.want)
		}
	}
}

// with changes claims. Names alternate with values, and nil removes a claim.
func with(claims jwt.MapClaims, pairs ...any) jwt.MapClaims {
	for i := 0; i < len(pairs); i += 2 {
		claims[pairs[i].(string)] = pairs[i+1]
		if pairs[i+1] == nil {
			delete(claims, pairs[i].(string))
		}
	}
	return claims
}

// list returns the status of a list of recordings.
func list(t *testing.T, url, account, token string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v2/accounts/"+account+"/recordings", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
