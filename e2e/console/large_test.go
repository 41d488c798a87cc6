//go:build e2e

package console

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// many is the number of recordings that the list must take.
const many = 100_000

// testManyRecordings lists 100,000 recordings. The document holds only the rows in sight,
// and scrolling stays smooth.
func testManyRecordings(t *testing.T, s *site) {
	a := s.newTenant(t)
	id := a.add(fields{"direction": "inbound", "caller_id_number": "+15550100", "callee_id_number": "1001", "duration": 75, "start": 63956000000}, "", nil)
	s.multiply(t, a.account, id)
	b := s.newTab(t)
	start := time.Now()
	b.visit(a, "")
	b.until(`document.querySelector("recording-list .rows .row")`)
	t.Logf("first row of %d after %s", many, time.Since(start).Round(time.Millisecond))
	start = time.Now()
	// Each time that the reader reaches the end, the list loads more.
	eval[bool](b, fmt.Sprintf(`(async (grid) => {
		while (grid.getAttribute("aria-rowcount") !== "%d") {
			grid.scrollTop = grid.scrollHeight;
			await new Promise(requestAnimationFrame);
		}
		return true;
	})(document.querySelector("recording-list [role=grid]"))`, many+1))
	t.Logf("all rows after %s", time.Since(start).Round(time.Millisecond))
	// 60 steps through the whole list. A step must not keep the page busy for long.
	got := eval[[]float64](b, `(async (grid) => {
		const frame = () => new Promise(requestAnimationFrame);
		const took = [];
		let most = 0;
		for (let i = 1; i <= 60; i++) {
			grid.scrollTop = (grid.scrollHeight - grid.clientHeight) * i / 60;
			const before = performance.now();
			await frame();
			await frame();
			took.push(performance.now() - before);
			most = Math.max(most, document.querySelectorAll("recording-list .rows .row").length);
		}
		return [took.sort((a, b) => a - b)[30], took[57], most];
	})(document.querySelector("recording-list [role=grid]"))`)
	t.Logf("two frames take %.0f ms, the slowest twentieth %.0f ms; %.0f rows in the document", got[0], got[1], got[2])
	if got[0] > 100 || got[2] > 100 {
		t.Errorf("scrolling takes %.0f ms for two frames with %.0f rows, want at most 100 ms and 100 rows", got[0], got[2])
	}
	b.until(fmt.Sprintf(`document.getElementById("row-%d")`, many-1))
}

// multiply copies a recording until the account has many.
func (s *site) multiply(t *testing.T, account, id string) {
	t.Helper()
	db, err := sql.Open("sqlite", s.dir.File("recordings.db")+"?_pragma=busy_timeout(20000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(t.Context(), `
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO recordings (account, id, owner, created, modified, revision, audio_place, audio_key, audio_type, audio_size, doc)
		SELECT account, printf('202601-%06d', i), owner, created - i, modified, revision, audio_place, audio_key, audio_type, audio_size,
			json_set(doc, '$.start', json_extract(doc, '$.start') - 60 * i)
		FROM recordings, n WHERE account = ? AND id = ?`, many-1, account, id)
	if err != nil {
		t.Fatal(err)
	}
}

// hour returns an mp3 of at least that length: a demo recording again and again.
func hour(t *testing.T, length time.Duration) []byte {
	t.Helper()
	once := demo(t, "12-conference.mp3")
	if bytes.HasPrefix(once, []byte("ID3")) { // the size has 7 bits in each byte (ID3v2, 3.1)
		once = once[10+(int(once[6])<<21|int(once[7])<<14|int(once[8])<<7|int(once[9])):]
	}
	frames := once[frameLength(once):] // without the first frame, which states the length
	var seconds float64
	for at := 0; at+4 <= len(frames); at += frameLength(frames[at:]) {
		seconds += samples / float64(hertz[frames[at+2]>>2&3])
	}
	return bytes.Repeat(frames, int(length.Seconds()/seconds)+1)
}

// samples is the number of samples of a frame, and hertz lists their rates (MPEG 2, layer
// III).
const samples = 576

var hertz = []int{22050, 24000, 16000}

// frameLength returns the length in bytes of the mp3 frame that text begins with.
func frameLength(text []byte) int {
	rates := []int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
	return samples/8*1000*rates[text[2]>>4]/hertz[text[2]>>2&3] + int(text[2]>>1&1)
}

// testHour opens an hour of audio. Its waveform appears soon, and longer audio has a plain
// seek bar.
func testHour(t *testing.T, s *site) {
	a := s.newTenant(t)
	audio := hour(t, 59*time.Minute)
	a.add(fields{"id": "202609-hour-1", "start": 63956000000}, "audio/mpeg", bytes.Repeat(audio, 2))
	a.add(fields{"id": "202609-hour-2", "start": 63956000000}, "audio/mpeg", audio)
	b := s.newTab(t)
	b.visit(a, "")
	b.until(rows(2))
	start := time.Now()
	b.openRow(0)
	b.until(`document.querySelector("wave-form").duration > 3000`)
	b.until(`document.querySelector("wave-form").peaks?.channels.length`)
	seen := time.Since(start)
	b.until(`(({ peaks, duration }) => peaks.length * peaks.bucket > 0.95 * duration)(document.querySelector("wave-form"))`)
	t.Logf("%d MB, %.0f min: the waveform begins after %s and is complete after %s", len(audio)>>20, eval[float64](b, `document.querySelector("wave-form").duration / 60`), seen.Round(time.Millisecond), time.Since(start).Round(time.Millisecond))
	if seen > 3*time.Second {
		t.Errorf("the waveform of an hour appears after %s, want 3 s", seen)
	}
	b.do(chromedp.Click(`#row-1 .from`))
	b.until(`document.querySelector("recording-player").textContent.includes("longer than an hour") && document.querySelector("wave-form.plain")`)
	b.do(chromedp.Click(`#row-1 button.play`))
	b.playing()
}

// testExpiredURL seeks long after the presigned URL has expired.
func testExpiredURL(t *testing.T, s *site) {
	a := s.newTenant(t)
	// 240 s and 40 MB: more than a browser loads ahead.
	const second = 44100 * 4
	audio := make([]byte, 44+240*second)
	copy(audio, "RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00\x44\xac\x00\x00\x10\xb1\x02\x00\x04\x00\x10\x00data")
	binary.LittleEndian.PutUint32(audio[4:], uint32(len(audio)-8))
	binary.LittleEndian.PutUint32(audio[40:], uint32(len(audio)-44))
	a.add(fields{"start": 63956000000}, "audio/wav", audio)
	b := s.newTab(t)
	b.gate.shortLived(2 * time.Second)
	b.visit(a, "")
	b.do(chromedp.Click(`#row-0 button.play`))
	b.playing()
	eval[bool](b, `(document.querySelector("audio").pause(), true)`)
	time.Sleep(4 * time.Second)
	before := b.gate.count(http.MethodGet, "/audio")
	eval[bool](b, `(document.querySelector("recording-player").seekTo(200), true)`)
	b.until(`document.querySelector("audio").currentTime === 200`)
	b.key(" ")
	b.until(`document.querySelector("audio").currentTime > 200.5`)
	if b.gate.count(http.MethodGet, "/audio") == before {
		t.Error("the page did not ask for a new URL")
	}
}
