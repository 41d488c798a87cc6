package auth_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/auth"
)

func TestStorageSecret(t *testing.T) {
	t.Parallel()
	secret, id, sum, err := auth.NewStorageSecret(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := auth.StorageSecretID(secret); !ok || got != id {
		t.Errorf("StorageSecretID(%s) = %q, %v, want %q", secret, got, ok, id)
	}
	if !auth.IsStorageSecret(secret, sum) || strings.Contains(secret, sum) {
		t.Errorf("IsStorageSecret(%s, %s) = false, or the secret contains the sum", secret, sum)
	}
	for _, wrong := range []string{"", sum, secret + "A", secret[:len(secret)-1] + "*", strings.ToUpper(secret)} {
		if auth.IsStorageSecret(wrong, sum) || auth.IsStorageSecret(secret, wrong) && wrong != sum {
			t.Errorf("%q is accepted in place of %s", wrong, secret)
		}
	}
	for _, malformed := range []string{"", "-", id, id + "-", id + "-x", "0123456-" + secret[9:], "g1234567-" + secret[9:], secret + "x", "../" + secret} {
		if got, ok := auth.StorageSecretID(malformed); ok {
			t.Errorf("StorageSecretID(%q) = %q, want none", malformed, got)
		}
	}
	if _, _, _, err := auth.NewStorageSecret(strings.NewReader("short")); err == nil {
		t.Error("NewStorageSecret with too little randomness returns no error")
	}
}
