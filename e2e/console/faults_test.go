//go:build e2e

package console

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// rows is true once the list has that many rows.
func rows(n int) string {
	return fmt.Sprintf(`document.querySelectorAll("recording-list .rows .row").length === %d`, n)
}

// state is true while the list shows a text instead of rows, or below them.
func state(text string) string {
	return fmt.Sprintf(`document.querySelector("recording-list > .state:not([hidden])")?.textContent.includes(%q)`, text)
}

// testExpiredToken lets a token expire in the middle of a session. The login appears, and
// leads back to the same view.
func testExpiredToken(t *testing.T, s *site) {
	a := s.newTenant(t)
	a.add(fields{"direction": "inbound", "start": 63956000000}, "", nil)
	b := s.newTab(t)
	b.visit(a, "?direction=inbound")
	b.until(rows(1))
	b.gate.handle(refuse(http.MethodGet, -1, http.StatusUnauthorized))
	b.choose("State", "pending")
	b.until(`!document.getElementById("login").hidden && document.querySelector("#login").textContent.includes("no longer valid")`)
	b.gate.handle(nil)
	b.do(chromedp.SendKeys(`#login input[type=password]`, a.token+"\r"))
	b.until(rows(1))
	if at := eval[string](b, `location.search`); !strings.Contains(at, "direction=inbound") || !strings.Contains(at, "state=pending") {
		t.Errorf("after the login, the address is %s, want both filters in it", at)
	}
}

// testLogin enters text that is not a token, a forged token and a valid one.
func testLogin(t *testing.T, s *site) {
	a := s.newTenant(t)
	a.add(fields{"start": 63956000000}, "", nil)
	b := s.newTab(t)
	b.do(chromedp.Navigate(b.gate.url + "/"))
	b.until(`location.pathname === "/console/" && document.querySelector("#login input[type=password]")`)
	b.submit(`#login input[type=password]`, "hello")
	b.until(`document.querySelector("#login [role=alert]").textContent.includes("does not accept")`)
	b.until(`!document.querySelector("#login button").disabled`)
	b.submit(`#login input[type=password]`, a.token[:len(a.token)-4]+"AAAA")
	b.until(`!document.querySelector("#login button").disabled`)
	if n := b.count("recording-list .rows .row"); n != 0 {
		t.Errorf("a forged token lists %d recordings", n)
	}
	b.submit(`#login input[type=password]`, a.token)
	b.until(rows(1))
	b.do(chromedp.Reload())
	b.until(rows(1)) // the tab keeps the session
}

// testForbidden opens an account that the token does not reach, and a recording that the
// token may not change.
func testForbidden(t *testing.T, s *site) {
	a := s.newTenant(t)
	a.add(fields{"start": 63956000000}, "", nil)
	b := s.newTab(t)
	b.visit(a, "?account="+randomID())
	b.until(state("403"))
	b.do(chromedp.Click(`recording-list > .state button`))
	b.until(rows(1))
	b.openRow(0)
	b.gate.handle(refuse(http.MethodPatch, -1, http.StatusForbidden))
	b.do(chromedp.SendKeys(`recording-details form input[placeholder]`, "vip\r"))
	b.until(`document.querySelector("recording-details").textContent.includes("may not change")`)
	b.until(`[...document.querySelectorAll("recording-details form")].every((f) => f.hidden)`)
}

// testBusy lets the service answer with 429 and 503. The page retries, and then shows the reason.
func testBusy(t *testing.T, s *site) {
	a := s.newTenant(t)
	a.add(fields{"start": 63956000000}, "", nil)
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		b := s.newTab(t)
		b.gate.handle(refuse(http.MethodGet, 2, status, "Retry-After", "1"))
		b.visit(a, "")
		b.until(rows(1))
		if n := b.gate.count(http.MethodGet, "/recordings"); n != 3 {
			t.Errorf("after two %d, %d requests, want 3", status, n)
		}
		b.gate.handle(refuse(http.MethodGet, -1, status, "Retry-After", "60"))
		b.choose("Direction", "inbound")
		b.until(state("busy"))
		b.gate.handle(nil)
		b.choose("Direction", "")
		b.until(rows(1))
	}
}

// testOffline takes the network away. The page shows that it is offline, and continues
// when the network is back.
func testOffline(t *testing.T, s *site) {
	a := s.newTenant(t)
	a.add(fields{"direction": "inbound", "start": 63956000000}, "", nil)
	b := s.newTab(t)
	b.visit(a, "")
	b.until(rows(1))
	b.offline(true)
	b.choose("Direction", "inbound")
	b.until(state("offline"))
	b.offline(false)
	b.until(rows(1))
}

// offline takes the network away from the tab, or gives it back.
func (b *tab) offline(off bool) {
	b.t.Helper()
	b.command(func() error {
		conditions := []*network.Conditions{{Offline: off, DownloadThroughput: -1, UploadThroughput: -1}}
		_, err := chromedp.Call(b.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: conditions})
		return err
	})
	b.command(func() error {
		_, err := chromedp.Call(b.ctx, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: off, DownloadThroughput: -1, UploadThroughput: -1})
		return err
	})
}

// testConflict lets another client change a recording while it is open. Neither change is
// lost, and a note that both changed is shown twice.
func testConflict(t *testing.T, s *site) {
	a := s.newTenant(t)
	id := a.add(fields{"start": 63956000000, "user_metadata": fields{"notes": fields{"n1": fields{"text": "first"}}}}, "audio/mpeg", demo(t, "01-appointment.mp3"))
	b := s.newTab(t)
	b.visit(a, "")
	b.openRow(0)
	b.until(`document.querySelector("recording-details .notes li")`)
	change := func(text string) {
		a.call(http.MethodPatch, a.recordings+"/"+id, map[string]string{"Content-Type": "application/json"}, []byte(text), nil)
	}
	change(`{"data":{"user_metadata":{"tags":{"theirs":true}}}}`)
	b.do(chromedp.SendKeys(`recording-details form input[placeholder]`, "mine\r"))
	b.until(`document.querySelectorAll("recording-details .tags li").length === 2`)

	change(`{"data":{"user_metadata":{"notes":{"n1":{"text":"their text"}}}}}`)
	b.do(chromedp.Click(`recording-details .notes button[aria-label^="Edit"]`), chromedp.SetValue(`recording-details .notes textarea`, "my text"),
		chromedp.Click(`recording-details .notes li > button`))
	b.until(`["my text", "their text"].every((text) => document.querySelector("recording-details .conflicts").textContent.includes(text))`)
	b.do(chromedp.Click(`recording-details .conflicts button`)) // keep both
	b.until(`document.querySelectorAll("recording-details .notes li").length === 2`)
	got := a.get(id)
	texts := map[any]bool{}
	for _, note := range got.UserMetadata.Notes {
		texts[note["text"]] = true
	}
	if len(got.UserMetadata.Tags) != 2 || !texts["my text"] || !texts["their text"] {
		t.Errorf("user_metadata = %+v, want both tags and both notes", got.UserMetadata)
	}
}
