//go:build e2e

package console

import (
	"encoding/base64"
	"fmt"
	"net/http"
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

// testShare makes a link to a recording where the API can do that. The gate plays the part
// of such an API.
func testShare(t *testing.T, s *site) {
	a := s.newTenant(t)
	a.add(fields{"start": 63956000000}, "audio/mpeg", demo(t, "09-taxi.mp3"))
	b := s.newTab(t)
	b.visit(a, "")
	b.openRow(0)
	b.until(`document.querySelector("recording-details")`)
	if hidden := eval[bool](b, `[...document.querySelectorAll("recording-details button")].find((button) => button.textContent === "Share…").hidden`); !hidden {
		t.Error("the page offers links, which the API lacks")
	}
	b.gate.handle(linking())
	b.visit(a, "?")
	b.openRow(0)
	b.until(`[...document.querySelectorAll("recording-details button")].some((button) => button.textContent === "Share…" && !button.hidden)`)
	eval[bool](b, `(document.querySelector("recording-details").share(), true)`)
	b.do(chromedp.Click(`dialog[open] .primary`))
	b.until(`document.querySelector("dialog[open] input[readonly]")?.value.endsWith("/v2/links/secret")`)
	b.until(`document.querySelector("dialog[open] .links li")`)
}

// linking lets the API appear to have links.
func linking() func(*http.Request) http.HandlerFunc {
	made := `{"id":"l1","url":"/v2/links/secret","expires":"2026-12-01T00:00:00Z"}`
	list := "[]"
	return func(r *http.Request) http.HandlerFunc {
		body := ""
		switch {
		case r.URL.Path == "/v2/openapi.json":
			body = `{"paths":{"/v2/accounts/{account_id}/recordings/{recording_id}/links":{"post":{}}}}`
		case strings.HasSuffix(r.URL.Path, "/links") && r.Method == http.MethodPost:
			body, list = `{"data":`+made+`}`, "["+made+"]"
		case strings.HasSuffix(r.URL.Path, "/links"):
			body = `{"data":` + list + `}`
		default:
			return nil
		}
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		}
	}
}

// testPlayOn plays one recording after the other, and names each for the keys of a headset
// and the lock screen.
func testPlayOn(t *testing.T, s *site) {
	a := s.newTenant(t)
	for i, name := range []string{"09-taxi.mp3", "11-complaint.mp3"} {
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
