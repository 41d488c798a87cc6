//go:build e2e

package console

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe returns the source of axe-core, which tools/npm pins.
func axe(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "../../tools/npm/install").Output()
	if err != nil {
		t.Fatalf("tools/npm/install: %v", err)
	}
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// testAxe runs axe-core on every view, in both themes and on a phone.
func testAxe(t *testing.T, s *site) {
	source := axe(t)
	a := s.newTenant(t)
	a.add(fields{"id": "202609-axe-1", "direction": "outbound", "start": 63955000000}, "", nil)
	a.add(fields{"id": "202609-axe-2", "direction": "inbound", "caller_id_name": "R. Castellanos", "caller_id_number": "+15550161", "callee_id_number": "1003", "start": 63956000000, "user_metadata": fields{"tags": fields{"complaint": fields{"at": 3}}, "notes": fields{"n1": fields{"at": 4, "text": "asks for a refund"}}}}, "audio/mpeg", demo(t, "11-complaint.mp3"))
	b := s.newTab(t)
	views, rules := 0, 0
	check := func(name string) {
		t.Helper()
		views++
		eval[bool](b, "("+"() => {"+source+"})(), typeof axe === 'object'")
		found := eval[struct {
			Rules int
			Text  string
		}](b, `axe.run({ resultTypes: ["violations"] }).then(({ violations, passes }) => ({ Rules: passes.length,
			Text: violations.map((v) => v.id + ": " + v.help + "\n" + v.nodes.map((n) => "  " + n.html.slice(0, 200) + "\n  " + (n.any[0]?.message ?? "")).join("\n")).join("\n") }))`)
		rules = max(rules, found.Rules)
		if found.Text != "" {
			t.Errorf("%s:\n%s", name, found.Text)
		}
	}
	both := func(name string) {
		b.until(rows(2))
		check(name + "the list")
		b.openRow(0)
		b.until(`document.querySelector("wave-form").peaks`)
		check(name + "the player and the details")
	}
	b.do(chromedp.Navigate(b.gate.url + "/console/"))
	b.until(`document.querySelector("#login input")`)
	check("the login")
	b.visit(a, "")
	both("")
	eval[bool](b, `(document.querySelector("recording-details").delete(), true)`)
	b.until(`document.querySelector("dialog[open]")`)
	check("the question before a delete")
	b.key(escape)
	b.until(`!document.querySelector("dialog[open]")`)
	eval[bool](b, `(document.activeElement.blur(), true)`)
	b.key("?")
	b.until(`document.querySelector("#help[open]")`)
	check("the help")
	b.key(escape)
	eval[bool](b, `(document.getElementById("menu").showPopover(), true)`)
	check("the menu")
	eval[bool](b, `(document.getElementById("theme").value = "dark", document.getElementById("theme").dispatchEvent(new Event("change")), document.getElementById("menu").hidePopover(), true)`)
	b.visit(a, "?") // another address, so that the page loads anew
	both("dark: ")
	b.viewport(390, 844)
	b.visit(a, "")
	both("dark, phone: ")
	b.visit(a, "?tag=none")
	b.until(state("No recording matches"))
	check("no matches")
	b.gate.handle(refuse(http.MethodGet, -1, http.StatusForbidden))
	b.visit(a, "?tag=other")
	b.until(state("403"))
	check("an error")
	t.Logf("%d views, up to %d rules passed", views, rules)
}
