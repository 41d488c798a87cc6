//go:build e2e

package console

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// testDrop drops two files on the page. The first creation fails and is retried by hand;
// the other file is not audio.
func testDrop(t *testing.T, s *site) {
	a := s.newTenant(t)
	b := s.newTab(t)
	b.visit(a, "")
	b.until(state("No recordings"))
	b.gate.handle(refuse(http.MethodPut, 1, http.StatusInternalServerError))
	eval[bool](b, fmt.Sprintf(`((bytes) => {
		const dataTransfer = new DataTransfer();
		dataTransfer.items.add(new File([bytes], "voicemail.wav"));
		dataTransfer.items.add(new File(["hello"], "hello.txt"));
		for (const name of ["dragover", "drop"]) document.body.dispatchEvent(new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true }));
		return true;
	})(Uint8Array.from(atob(%q), (c) => c.charCodeAt(0)))`, base64.StdEncoding.EncodeToString(demo(t, "05-voicemail.wav"))))
	b.until(`document.querySelectorAll("recording-upload li.ended").length === 2`)
	b.until(`document.querySelectorAll("recording-upload li")[1].textContent.includes("Only MP3, WAV, Ogg and M4A")`)
	b.do(chromedp.Click(`recording-upload li button:not([hidden], .small)`))
	b.until(`document.querySelector("recording-upload li").textContent.includes("Ready")`)
	b.until(rows(1))
	if n := b.gate.count(http.MethodPut, "/recordings"); n != 2 {
		t.Errorf("%d requests to create, want 2", n)
	}
}

// testShare makes a link to a recording, plays it without a token, and revokes it.
func testShare(t *testing.T, s *site) {
	a := s.newTenant(t)
	audio := demo(t, "09-taxi.mp3")
	a.add(fields{"start": 63956000000}, "audio/mpeg", audio)
	b := s.newTab(t)
	b.visit(a, "")
	b.openRow(0)
	b.until(`[...document.querySelectorAll("recording-details button")].some((button) => button.textContent === "Share…" && !button.hidden)`)
	eval[bool](b, `(document.querySelector("recording-details").share(), true)`)
	b.do(chromedp.Click(`dialog[open] .primary`))
	b.until(`document.querySelector("dialog[open] .links li")`)
	link := eval[string](b, `document.querySelector("dialog[open] input[readonly]").value`)
	if status, body := fetch(t, link); status != http.StatusOK || !bytes.Equal(body, audio) {
		t.Errorf("the link answers %d with %d bytes, want the audio", status, len(body))
	}
	if text := eval[string](b, `document.querySelector("dialog[open] .links li").textContent`); strings.Contains(text, "Invalid") {
		t.Errorf("the dialog says %q, want when the link ends", text)
	}
	b.do(chromedp.Click(`dialog[open] .links li button`))
	b.until(`!document.querySelector("dialog[open] .links li")`)
	if status, _ := fetch(t, link); status != http.StatusNotFound {
		t.Errorf("the revoked link answers %d, want 404", status)
	}
}

// fetch returns the answer to a GET without a token.
func fetch(t *testing.T, url string) (status int, body []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	if body, err = io.ReadAll(got.Body); err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, body
}

// testPlayOn plays one recording after the other, and names each for the keys of a headset
// and the lock screen.
func testPlayOn(t *testing.T, s *site) {
	a := s.newTenant(t)
	// The first one on the page is created last, perhaps a second later.
	for i, name := range slices.Backward([]string{"09-taxi.mp3", "11-complaint.mp3"}) {
		a.add(fields{"id": fmt.Sprintf("202609-on-%d", 9-i), "start": 63956000000, "caller_id_name": name}, "audio/mpeg", demo(t, name))
	}
	b := s.newTab(t)
	b.visit(a, "")
	b.until(rows(2))
	b.do(chromedp.Click(`#row-0 button.play`))
	b.playing()
	b.until(`navigator.mediaSession.metadata.title.startsWith("09-taxi.mp3")`)
	eval[bool](b, `(document.querySelector("recording-player").togglePlayOn(), document.querySelector("recording-player").seekTo(document.querySelector("audio").duration - 0.3), true)`)
	b.until(`navigator.mediaSession.metadata.title.startsWith("11-complaint.mp3")`)
	b.playing()
}
