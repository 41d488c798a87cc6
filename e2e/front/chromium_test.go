//go:build e2e

package front

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestChromium plays a recording through nginx over TLS and HTTP/2: once with the
// audio in the gateway's answer, once with a redirect.
func TestChromium(t *testing.T) {
	chromium := os.Getenv("CHROMIUM")
	if chromium == "" {
		t.Fatal("set CHROMIUM to the path of a Chromium browser")
	}
	f := start(t)
	for _, delivery := range []string{"inline", "redirect"} {
		f.gateway.take()
		cmd := exec.CommandContext(t.Context(), "go", "run", "./e2e/browser", "-chromium", chromium, "-any-certificate", "-delivery", delivery)
		cmd.Dir = "../.."
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+f.file(certFile), "URL="+f.url, "TOKEN="+f.demo["TOKEN"], "ACCOUNT_ID="+f.demo["ACCOUNT_ID"])
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", delivery, err, out)
		}
		t.Logf("%s: %s", delivery, out)
		requests := map[string]int{}
		for _, r := range f.gateway.take() {
			if strings.Contains(r.URL.Path, "/recordings/") && r.Method == http.MethodGet {
				requests[r.URL.Query().Get("delivery")]++
			}
		}
		// One redirect is for the audio element, one for fetch.
		if requests[delivery] < 2 {
			t.Errorf("%s: the gateway got requests %v, want at least 2", delivery, requests)
		}
	}
	log, err := os.ReadFile(f.file("recordings-front.log"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(log), "HTTP/2.0") || strings.Contains(string(log), "auth_token") {
		t.Errorf("the access log:\n%s", log)
	}
}
