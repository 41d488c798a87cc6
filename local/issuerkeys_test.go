package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/issuer"
)

// The server fetches the keys of issuers when it starts, accepts their tokens without
// any static key, and keeps the keys when the provider is down.
func TestServerFetchesIssuerKeys(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var down atomic.Bool
	provider := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Use: "sig"}}})
	}))
	t.Cleanup(provider.Close)
	certificate := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: provider.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "data")
	inBook(t, path, func(b issuer.Book) error {
		return b.Put(t.Context(), issuer.Record{Name: "login", Definition: issuer.Definition{
			Iss: "login", Algorithms: []string{"ES256"}, AccountClaim: "account_id", URL: provider.URL + "/jwks",
		}}, false)
	})
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{"iss": "login", "account_id": "acc", "exp": time.Now().Add(time.Hour).Unix()})
	token.Header["kid"] = "k"
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	vars := []string{"TOKEN_KEYS=" + auth.NoKeys, "ISSUER_PRIVATE_HOSTS=127.0.0.1", "SSL_CERT_FILE=" + certificate}
	for _, state := range []string{"up", "down"} {
		p := launchWith(t, path, vars, "--empty")
		v := map[string]string{"URL": p.vars["URL"], "ACCOUNT_ID": "acc", "TOKEN": text}
		awaitKeys(t, path, "login")
		status := call(t, v, http.MethodGet, "/recordings", "").status
		if status != http.StatusOK {
			t.Errorf("with a provider that is %s: %d, want 200: %s", state, status, p.stderr)
		}
		if state == "down" {
			for end := time.Now().Add(10 * time.Second); !strings.Contains(p.stderr.String(), "issuer login: the answer is an error (503)") && time.Now().Before(end); {
				time.Sleep(50 * time.Millisecond)
			}
			if !strings.Contains(p.stderr.String(), "issuer login: the answer is an error (503)") {
				t.Errorf("the log does not report the provider: %s", p.stderr)
			}
		}
		stop(t, p, syscall.SIGINT)
		down.Store(true)
	}
}

// inBook opens the issuers of a data folder, as the command line does.
func inBook(t *testing.T, path string, do func(issuer.Book) error) {
	t.Helper()
	dir, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	store, err := dir.OpenStore(t.Context(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(do(issuer.Book{Entries: store}), store.Close()); err != nil {
		t.Fatal(err)
	}
}

// awaitKeys waits until the server has stored the keys of an issuer.
func awaitKeys(t *testing.T, path, name string) {
	t.Helper()
	keys := 0
	for end := time.Now().Add(30 * time.Second); keys == 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		inBook(t, path, func(b issuer.Book) error {
			r, err := b.Get(t.Context(), name)
			keys = len(r.List)
			return err
		})
	}
	if keys == 0 {
		t.Fatal("the server has not stored the keys of the issuer")
	}
}
