//go:build e2e

package console

import (
	"fmt"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// testKeys presses every key of the list, the player and the details.
func testKeys(t *testing.T, s *site) {
	a := s.newTenant(t)
	// The first one on the page is created last, perhaps a second later than the others.
	for i, name := range slices.Backward([]string{"07-interview.mp3", "11-complaint.mp3", "12-conference.mp3"}) {
		a.add(fields{"id": fmt.Sprintf("202609-keys-%d", 9-i), "start": 63956000000 - 100*i, "caller_id_name": name}, "audio/mpeg", demo(t, name))
	}
	b := s.newTab(t)
	b.visit(a, "")
	b.until(rows(3))
	for _, step := range []struct{ name, before, key, want string }{
		// The list.
		{"down", `document.querySelector("[role=grid]").focus()`, kb.ArrowDown, active(1)},
		{"end", "", kb.End, active(2)},
		{"up", "", kb.ArrowUp, active(1)},
		{"home", "", kb.Home, active(0)},
		{"page down", "", kb.PageDown, active(2)},
		{"page up", "", kb.PageUp, active(0)},
		{"enter opens", "", kb.Enter, open("07-interview.mp3")},
		{"escape closes", "", kb.Escape, `document.getElementById("details").hidden && document.getElementById("player").hidden`},
		{"space plays", "", " ", open("07-interview.mp3") + ` && !audio.paused`},
		// The player.
		{"space pauses", blur, " ", `audio.paused`},
		{"space goes on", blur, " ", `!audio.paused`},
		{"forward", blur + `, player.pause(), audio.currentTime = 0`, kb.ArrowRight, `Math.abs(audio.currentTime - 5) < 0.3`},
		{"back", blur, kb.ArrowLeft, `audio.currentTime < 0.3`},
		{"faster", blur, ".", `audio.playbackRate === 1.25`},
		{"slower", blur, ",", `audio.playbackRate === 1`},
		{"slower still", blur, ",", `audio.playbackRate === 0.75 && audio.preservesPitch`},
		{"normal", blur, "=", `audio.playbackRate === 1`},
		{"quieter", blur, "-", `Math.abs(audio.volume - 0.9) < 0.01`},
		{"louder", blur, "+", `audio.volume === 1`},
		{"mute", blur, "m", `audio.muted`},
		{"sound again", blur, "m", `!audio.muted`},
		{"loop from here", `audio.currentTime = 2`, "i", `player.wave.loop?.from > 1.9`},
		{"loop to here", `audio.currentTime = 4`, "o", `Math.abs(player.wave.loop?.to - 4) < 0.2`},
		{"no loop", blur, "x", `player.wave.loop === null`},
		{"copy a link", blur, "c", `/clipboard|#t=4/.test(player.textContent)`},
		{"next", blur, "n", open("11-complaint.mp3")},
		{"previous", blur, "p", open("07-interview.mp3")},
		{"play on", blur, "r", `player.playOn`},
		{"play on no more", blur, "r", `!player.playOn`},
		// The slider.
		{"slider to its end", `document.querySelector("wave-form").focus()`, kb.End, `audio.currentTime > audio.duration - 0.5`},
		{"slider to its beginning", "", kb.Home, `audio.currentTime < 0.3`},
		{"slider up", "", kb.ArrowUp, `Math.abs(audio.currentTime - 5) < 0.3`},
		// The details.
		{"a tag", blur, "t", `document.activeElement.placeholder === "New tag"`},
		{"a note", blur, "a", `document.activeElement.placeholder === "New note"`},
		{"delete", blur, kb.Delete, `document.querySelector("dialog[open] .danger")`},
		{"not after all", "", kb.Escape, `!document.querySelector("dialog[open]")`},
		// The page.
		{"help", blur, "?", `document.querySelector("#help[open]")`},
		{"no help", "", kb.Escape, `!document.querySelector("#help[open]")`},
		{"search", blur, "/", `document.activeElement.type === "search"`},
	} {
		if step.before != "" {
			eval[bool](b, fmt.Sprintf("((player, audio) => (%s, true))(%s)", step.before, parts))
		}
		b.key(step.key)
		b.until(fmt.Sprintf("((player, audio) => %s)(%s)", step.want, parts))
		if t.Failed() {
			t.Fatal(step.name)
		}
	}
	// Keys in a field only type text.
	b.do(chromedp.KeyEvent("mnp "))
	b.until(`document.activeElement.value.includes("mnp") && !document.querySelector("audio").muted`)
	testHelpIsComplete(t, b)
}

// parts are the arguments of the expressions in the table.
const parts = `document.querySelector("recording-player"), document.querySelector("audio")`

// blur takes the focus from the controls.
const blur = `document.activeElement.blur()`

// active is true while a row is the active one.
func active(n int) string {
	return fmt.Sprintf(`document.querySelector("[role=grid]").getAttribute("aria-activedescendant") === "row-%d"`, n)
}

// open is true while the recording of a caller is open.
func open(caller string) string {
	return fmt.Sprintf(`!document.getElementById("player").hidden && player.textContent.includes(%q)`, caller)
}

// testHelpIsComplete compares the help with the table of keys.
func testHelpIsComplete(t *testing.T, b *tab) {
	t.Helper()
	eval[bool](b, `(document.activeElement.blur(), true)`)
	b.key("?")
	b.until(`document.querySelector("#help[open]")`)
	missing := eval[string](b, `import("/console/x/keys.js").then(({ shortcuts }) => {
		const shown = [...document.querySelectorAll("#help kbd")].map((k) => k.textContent);
		return shortcuts.filter(({ keys }) => !shown.includes(keys)).map(({ keys }) => keys).join(" ");
	})`)
	if missing != "" {
		t.Errorf("the help does not list %s", missing)
	}
	b.key(escape)
}
