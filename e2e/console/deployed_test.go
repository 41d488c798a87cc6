//go:build e2e

package console

import (
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/shared/auth"
)

// TestDeployed opens the console of a deployed stack. make deploy writes the address and
// the keys of the stack. There is no gate: the page comes from the function console.
func TestDeployed(t *testing.T) {
	base := given.Variable(t, "URL")
	testRoot(t, base)
	a := deployedTenant(t, base)
	id := a.add(fields{"direction": "inbound", "caller_id_number": "+15550161", "start": 63956000000}, "audio/mpeg", demo(t, "11-complaint.mp3"))
	address, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	b := &tab{t: t, gate: &gate{url: base}, allowed: []string{address.Scheme + "://" + address.Host}}
	b.open(startBrowser(t))
	b.visit(a, "")
	b.until(rows(1))
	b.do(chromedp.Click(`#row-0 button.play`))
	b.playing()
	b.until(`document.querySelector("wave-form").peaks`)
	b.do(chromedp.SendKeys(`recording-details form input[placeholder]`, "complaint\r"))
	b.until(`document.querySelector("recording-details .tags li")`)
	if got := a.get(id); len(got.UserMetadata.Tags) != 1 {
		t.Errorf("user_metadata = %+v, want the tag", got.UserMetadata)
	}
	b.do(chromedp.Click(`recording-details button.danger`))
	b.until(`document.querySelector("dialog[open] .danger")`)
	b.do(chromedp.Click(`dialog[open] .danger`))
	b.until(rows(0))
}

// deployedTenant returns an account of a deployed stack.
func deployedTenant(t *testing.T, base string) *tenant {
	t.Helper()
	account := randomID()
	token, err := auth.Sign([]byte(given.Variable(t, "TOKEN_KEYS")), auth.Claims{Account: account, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return &tenant{t: t, account: account, token: token, recordings: base + "/v2/accounts/" + account + "/recordings"}
}

// testRoot asks for the service's own address as a browser and as a client of the API.
func testRoot(t *testing.T, base string) {
	t.Helper()
	for accept, want := range map[string]int{"text/html,*/*;q=0.8": http.StatusSeeOther, "*/*": http.StatusUnauthorized} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("GET / with Accept: %s = %d, want %d", accept, resp.StatusCode, want)
		}
	}
}
