//go:build e2e

package console

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// stereo returns three seconds of WAV with a tone on the left and silence on the right.
func stereo() []byte {
	const rate, seconds = 8000, 3
	audio := make([]byte, 44+rate*seconds*4)
	copy(audio, "RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00\x40\x1f\x00\x00\x00\x7d\x00\x00\x04\x00\x10\x00data")
	binary.LittleEndian.PutUint32(audio[4:], uint32(len(audio)-8))
	binary.LittleEndian.PutUint32(audio[40:], uint32(len(audio)-44))
	for i := range rate * seconds {
		binary.LittleEndian.PutUint16(audio[44+4*i:], uint16(int16(20000*math.Sin(float64(i)/3))))
	}
	return audio
}

// testStereo shows two lanes, named by side, with the peaks of each.
func testStereo(t *testing.T, s *site) {
	a := s.newTenant(t)
	a.add(fields{"start": 63956000000}, "audio/wav", stereo())
	b := s.newTab(t)
	b.visit(a, "")
	b.openRow(0)
	b.until(`document.querySelector("wave-form .lanes")?.textContent === "LeftRight"`)
	b.until(`document.querySelector("wave-form").peaks.length * document.querySelector("wave-form").peaks.bucket > 2.9`)
	highest := eval[[]float64](b, `document.querySelector("wave-form").peaks.channels.map((channel) => Math.max(...channel))`)
	if len(highest) != 2 || highest[0] < 0.5 || highest[1] > 0.01 {
		t.Errorf("the highest peaks are %v, want about 0.6 and 0", highest)
	}
}

// testLinks opens a link to a second of a recording in a filtered view, in German.
func testLinks(t *testing.T, s *site) {
	a := s.newTenant(t)
	id := a.add(fields{"direction": "outbound", "start": 63956000000}, "audio/mpeg", demo(t, "11-complaint.mp3"))
	b := s.newTab(t)
	b.zone("Asia/Tokyo", "de-DE")
	b.do(chromedp.Navigate(b.gate.url + "/console/?direction=outbound&recording=" + id + "#t=7&token=" + a.token))
	b.until(`Math.abs(document.querySelector("audio").currentTime - 7) < 0.5`)
	b.until(rows(1))
	text := eval[string](b, `document.body.innerText`)
	for _, want := range []string{"Aufnahmen", "Ausgehend", "Asia/Tokyo", "20:33"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not show %q: %q", want, b.shown())
		}
	}
	if at := eval[string](b, `location.href`); strings.Contains(at, "token") {
		t.Errorf("the address is %s, want no token in it", at)
	}
}

// testExport exports the filtered list as CSV.
func testExport(t *testing.T, s *site) {
	a := s.newTenant(t)
	for i := range 3 {
		a.add(fields{"direction": []string{"inbound", "outbound"}[i%2], "caller_id_number": fmt.Sprintf("+1555010%d", i), "start": 63956000000}, "", nil)
	}
	b := s.newTab(t)
	b.visit(a, "?direction=inbound")
	b.until(rows(2))
	// The page hands the file to the browser by a link to a blob.
	eval[bool](b, `(URL.createObjectURL = ((make) => (blob) => ((globalThis.exported = blob.text()), make.call(URL, blob)))(URL.createObjectURL), true)`)
	b.do(chromedp.Click(`#export`))
	b.until(`globalThis.exported`)
	text := eval[string](b, `globalThis.exported`)
	if lines := strings.Count(strings.TrimSpace(text), "\n"); lines != 2 || !strings.Contains(text, "+15550102") || strings.Contains(text, "+15550101") {
		t.Errorf("the export is %q, want a head and the two inbound recordings", text)
	}
}

// testUndo restores a deleted recording.
func testUndo(t *testing.T, s *site) {
	a := s.newTenant(t)
	a.add(fields{"start": 63956000000}, "audio/mpeg", demo(t, "09-taxi.mp3"))
	b := s.newTab(t)
	b.visit(a, "")
	b.openRow(0)
	b.do(chromedp.Click(`recording-details button.danger`))
	b.until(`document.querySelector("dialog[open]")?.textContent.includes("undone")`)
	b.do(chromedp.Click(`dialog[open] .danger`))
	b.until(rows(0))
	b.do(chromedp.Click(`.toast button`))
	b.until(`document.body.textContent.includes("Restored")`)
	b.until(rows(1))
	if n := b.gate.count("POST", "/restore"); n != 1 {
		t.Errorf("%d requests to restore, want 1", n)
	}
}

// testGuard checks that a tab notices what would fail its test: an inline style, a request
// to another origin, and an error.
func testGuard(t *testing.T, s *site) {
	b := s.newTab(t)
	b.do(chromedp.Navigate(b.gate.url + "/console/"))
	b.until(`document.querySelector("#login input")`)
	for _, c := range []struct{ misdeed, fault string }{
		{`document.body.setAttribute("style", "color: red")`, "violation: "},
		{`fetch("http://127.0.0.2:9/").catch(() => {})`, "violation: "},
		{`setTimeout(() => { throw new Error("on purpose") })`, "the page threw "},
	} {
		eval[bool](b, "("+c.misdeed+", true)")
		found := false
		for range 100 {
			b.mu.Lock()
			found = slices.ContainsFunc(b.faults, func(fault string) bool { return strings.HasPrefix(fault, c.fault) })
			b.mu.Unlock()
			if found {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if !found {
			t.Errorf("%s is no fault", c.misdeed)
		}
		b.mu.Lock()
		b.faults = nil
		b.mu.Unlock()
	}
	if b.foreign("https://example.com/x") == "" || b.foreign(b.gate.url+"/v2/x") != "" || b.foreign(s.box.S3+"/x") != "" {
		t.Error("foreign does not tell the page's own origins from others")
	}
}
