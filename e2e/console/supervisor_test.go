//go:build e2e

package console

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// testSupervisor follows a supervisor through a whole session: log in by the link,
// filter, play, seek, tag, note, delete, upload, log out.
func testSupervisor(t *testing.T, s *site) {
	a := s.newTenant(t)
	complaint := a.add(fields{"direction": "inbound", "from": "+15550161@pbx.example.com", "to": "1003@pbx.example.com", "caller_id_name": "R. Castellanos", "caller_id_number": "+15550161", "callee_id_number": "1003", "start": 63956000000}, "audio/mpeg", demo(t, "11-complaint.mp3"))
	a.add(fields{"direction": "outbound", "from": "1001@pbx.example.com", "to": "+15550100@pbx.example.com", "caller_id_number": "1001", "callee_id_name": "Taxi", "callee_id_number": "+15550100", "start": 63956000100}, "audio/mpeg", demo(t, "09-taxi.mp3"))
	b := s.newTab(t)

	start := time.Now()
	b.do(chromedp.Navigate(b.link(a, "")))
	b.until(`document.querySelectorAll("recording-list .rows .row").length === 2`)
	t.Logf("first row after %s", time.Since(start).Round(time.Millisecond))
	if at := eval[string](b, `location.href`); strings.Contains(at, a.token) {
		t.Error("the token is still in the address bar")
	}

	b.choose("Direction", "inbound")
	b.until(`document.querySelectorAll("recording-list .rows .row").length === 1`)
	if at := eval[string](b, `location.search`); !strings.Contains(at, "direction=inbound") {
		t.Errorf("the address is %s, want the filter in it", at)
	}

	start = time.Now()
	b.do(chromedp.Click(`#row-0 button.play`))
	b.playing()
	t.Logf("first sound after %s", time.Since(start).Round(time.Millisecond))
	b.until(`document.querySelector("wave-form").duration > 1`)
	testSeek(b)
	testTagAndNote(t, b, a, complaint)
	testDelete(t, b, complaint)
	testUpload(t, b)

	eval[bool](b, `(document.getElementById("menu").showPopover(), document.getElementById("logout").click(), true)`)
	b.until(`document.querySelector("#login input[type=password]")`)
	if kept := eval[string](b, `JSON.stringify([{...sessionStorage}, {...localStorage}])`); kept != "[{},{}]" {
		t.Errorf("after logging out, the browser keeps %s", kept)
	}
}

// testSeek clicks into the waveform.
func testSeek(b *tab) {
	b.t.Helper()
	b.until(`document.querySelector("wave-form").peaks`)
	box := eval[[]float64](b, `(({ left, top, width, height }) => [left, top, width, height])(document.querySelector("wave-form").getBoundingClientRect())`)
	b.do(chromedp.MouseClickXY(box[0]+box[2]/2, box[1]+box[3]/2))
	b.until(`(({ currentTime, duration }) => currentTime > duration * 0.4)(document.querySelector("audio"))`)
}

// testTagAndNote adds a tag and a note at the player's position and reads them from the
// API.
func testTagAndNote(t *testing.T, b *tab, a *tenant, id string) {
	t.Helper()
	b.do(chromedp.SendKeys(`recording-details form input[placeholder]`, "complaint\r"))
	b.until(`document.querySelector("recording-details .tags li")`)
	b.do(chromedp.SendKeys(`recording-details textarea`, "asks for a refund"))
	b.do(chromedp.Click(`recording-details form:has(textarea) button`))
	b.until(`document.querySelector("recording-details .notes li")`)
	got := a.get(id)
	if _, ok := got.UserMetadata.Tags["complaint"]; !ok || len(got.UserMetadata.Notes) != 1 {
		t.Errorf("user_metadata = %+v, want a tag and a note", got.UserMetadata)
	}
	for _, note := range got.UserMetadata.Notes {
		if at, ok := note["at"].(float64); note["text"] != "asks for a refund" || !ok || at <= 0 {
			t.Errorf("the note is %v, want its text and a place", note)
		}
	}
	b.until(`document.getElementById("row-0").textContent.includes("complaint")`)
}

// testDelete deletes the open recording. The dialog counts what goes.
func testDelete(t *testing.T, b *tab, id string) {
	t.Helper()
	b.do(chromedp.Click(`recording-details button.danger`))
	b.until(`document.querySelector("dialog[open] .danger")`)
	if text := eval[string](b, `document.querySelector("dialog[open]").textContent`); !strings.Contains(text, "1 tag") || !strings.Contains(text, "1 note") {
		t.Errorf("the dialog says %q, want the tag and the note in it", text)
	}
	b.do(chromedp.Click(`dialog[open] .danger`))
	b.until(`document.querySelectorAll("recording-list .rows .row").length === 0`)
	if n := b.gate.count("DELETE", id); n != 1 {
		t.Errorf("%d DELETE, want 1", n)
	}
	b.choose("Direction", "")
	b.until(`document.querySelectorAll("recording-list .rows .row").length === 1`)
}

// testUpload uploads a file and follows its state.
func testUpload(t *testing.T, b *tab) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "voicemail.wav")
	if err := os.WriteFile(file, demo(t, "05-voicemail.wav"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.SetUploadFiles(`recording-upload input[type=file]`, []string{file}))
	b.until(`document.querySelector("recording-upload li.ended")`)
	if text := eval[string](b, `document.querySelector("recording-upload li").textContent`); !strings.Contains(text, "Ready") {
		t.Errorf("the upload says %q, want Ready", text)
	}
	b.until(`document.querySelectorAll("recording-list .rows .row").length === 2`)
	b.do(chromedp.Click(fmt.Sprintf(`#row-%d button.play`, 0)))
	b.playing()
}
