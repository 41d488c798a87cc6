//go:build e2e

package console

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var update = flag.Bool("update", false, "rewrite the pictures")

const (
	// shade is the difference of a color, of 255, from which two pixels count as different.
	shade = 24
	// tolerated is the share of pixels that may differ.
	tolerated = 0.005
)

// shown are the pictures that documents show, in full size, with their names in docs/images.
var shown = map[string]string{
	"list-wide-light.png": "console-list.png", "player-wide-light.png": "console-player.png", "player-phone-dark.png": "console-phone.png",
}

// frozen sets the clock of a page, so that pictures show the same times every day.
const frozen = `{
	const now = Date.UTC(2026, 8, 9, 10, 0, 0);
	globalThis.Date = class extends Date {
		constructor(...args) { super(...(args.length ? args : [now])); }
		static now() { return now; }
	};
}`

// calls are the recordings in the pictures. The first one is open.
var calls = []struct {
	audio string
	fields
}{
	{"11-complaint.mp3", fields{"direction": "inbound", "caller_id_name": "R. Castellanos", "caller_id_number": "+15550161", "callee_id_name": "Help desk", "callee_id_number": "1003", "owner_id": "anna", "user_metadata": fields{
		"tags": fields{"complaint": true, "callback": fields{"at": 9}}, "notes": fields{"n1": fields{"at": 4, "text": "asks for a refund"}},
	}}},
	{"02-order.mp3", fields{"direction": "inbound", "caller_id_name": "Ola Brandt", "caller_id_number": "+15550178", "callee_id_name": "Sales", "callee_id_number": "1002", "owner_id": "omar", "user_metadata": fields{"tags": fields{"order": true}}}},
	{"09-taxi.mp3", fields{"direction": "outbound", "caller_id_name": "Front desk", "caller_id_number": "1001", "callee_id_name": "Taxi", "callee_id_number": "+15550100", "owner_id": "mia"}},
	{"07-interview.mp3", fields{"direction": "outbound", "caller_id_name": "Meeting room", "caller_id_number": "1004", "callee_id_name": "Kim Osei", "callee_id_number": "+15550123"}},
	{"", fields{"direction": "inbound", "caller_id_number": "+15550190", "callee_id_name": "Front desk", "callee_id_number": "1001", "owner_id": "mia"}},
	{"08-invoice.ogg", fields{"direction": "inbound", "caller_id_name": "Zoë Ngũgĩ", "caller_id_number": "+15550155", "callee_id_name": "Sales", "callee_id_number": "1002", "owner_id": "omar", "user_metadata": fields{"tags": fields{"invoice": true}}}},
	{"01-appointment.mp3", fields{"direction": "inbound", "caller_id_name": "Dana Reyes", "caller_id_number": "+15550142", "callee_id_name": "Front desk", "callee_id_number": "1001", "owner_id": "mia"}},
}

// showroom returns an account with the recordings of the pictures.
func (s *site) showroom(t *testing.T) *tenant {
	t.Helper()
	a := s.tenantOf(t, "showroom", "")
	for i := len(calls) - 1; i >= 0; i-- {
		c := calls[i]
		c.fields["id"] = fmt.Sprintf("202609-call-%02d", len(calls)-i)
		c.fields["start"] = 63956003000 - 7000*i
		kind := map[string]string{".mp3": "audio/mpeg", ".ogg": "audio/ogg"}[filepath.Ext(c.audio)]
		var audio []byte
		if c.audio != "" {
			audio = demo(t, c.audio)
		}
		a.add(c.fields, kind, audio)
	}
	return a
}

// testPictures compares list and player with their pictures, in three sizes and both
// themes. No view may be wider than the window, from left to right nor from right to left.
func testPictures(t *testing.T, s *site) {
	a := s.showroom(t)
	for _, size := range widths {
		b := s.newTab(t)
		b.command(func() error {
			_, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: frozen})
			return err
		})
		b.viewport(size.width, size.height)
		b.media("light")
		b.visit(a, "")
		b.until(rows(len(calls)))
		b.inAllThemes("list", size.name)
		b.openRow(0)
		b.until(`(({ peaks, duration }) => peaks && duration && peaks.length * peaks.bucket > 0.98 * duration)(document.querySelector("wave-form"))`)
		b.until(`document.querySelector("audio").readyState > 0`)
		eval[bool](b, `(document.querySelector("recording-player").seekTo(5), document.activeElement.blur(), true)`)
		b.until(`document.querySelector("recording-player").textContent.includes("0:05")`)
		b.inAllThemes("player", size.name)
	}
}

// inAllThemes compares pictures of a view, and checks its width in both directions.
func (b *tab) inAllThemes(view, size string) {
	b.t.Helper()
	for _, direction := range []string{"rtl", "ltr"} {
		eval[bool](b, fmt.Sprintf(`(document.documentElement.dir = %q, true)`, direction))
		if wide := eval[[]int](b, `[document.documentElement.scrollWidth, innerWidth]`); wide[0] > wide[1] {
			b.t.Errorf("%s, %s, %s: the page is %d pixels wide in a window of %d", view, size, direction, wide[0], wide[1])
		}
	}
	for _, theme := range []string{"light", "dark"} {
		b.media(theme)
		// Two frames, so that the canvas has the colors of the theme.
		eval[bool](b, `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(true), 50))))`)
		b.compare(name(view, size, theme))
	}
	b.media("light")
}

// compare compares the page with a picture in testdata.
func (b *tab) compare(name string) {
	b.t.Helper()
	shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		b.t.Fatal(err)
	}
	golden := filepath.Join("testdata", name)
	if *update && shown[name] != "" {
		write(b.t, filepath.Join("../../docs/images", shown[name]), paletted(got))
	}
	got = half(got)
	if *update {
		write(b.t, golden, got)
		return
	}
	text, err := os.ReadFile(golden)
	if err != nil {
		b.t.Fatalf("%v; -update writes it", err)
	}
	want, err := png.Decode(bytes.NewReader(text))
	if err != nil {
		b.t.Fatal(err)
	}
	if share := difference(want, got); share > tolerated {
		failed := filepath.Join(os.TempDir(), "console-"+name)
		write(b.t, failed, got)
		b.t.Errorf("%s: %.2f %% of the pixels differ, want at most %.2f %%; see %s", name, 100*share, 100*tolerated, failed)
	}
}

// half returns a picture of half the width and height. It is a quarter as long as a file,
// and forgives a shift of an edge by less than a pixel.
func half(picture image.Image) image.Image {
	to := image.NewNRGBA(image.Rect(0, 0, picture.Bounds().Dx()/2, picture.Bounds().Dy()/2))
	for y := range to.Bounds().Dy() {
		for x := range to.Bounds().Dx() {
			var r, g, b uint32
			for i := range 4 {
				red, green, blue, _ := picture.At(2*x+i%2, 2*y+i/2).RGBA()
				r, g, b = r+red, g+green, b+blue
			}
			to.SetNRGBA(x, y, color.NRGBA{R: uint8(r >> 10), G: uint8(g >> 10), B: uint8(b >> 10), A: 0xff})
		}
	}
	return to
}

// paletted returns a picture with the 256 colors that occur most often, of those with 5
// bits for each part. The file is a third as long.
func paletted(picture image.Image) image.Image {
	coarse := func(x, y int) color.NRGBA {
		r, g, b, _ := picture.At(x, y).RGBA()
		wide := func(part uint32) uint8 { return uint8(part>>11<<3 | part>>13) }
		return color.NRGBA{R: wide(r), G: wide(g), B: wide(b), A: 0xff}
	}
	times := map[color.NRGBA]int{}
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			times[coarse(x, y)]++
		}
	}
	colors := slices.SortedFunc(maps.Keys(times), func(a, b color.NRGBA) int { return times[b] - times[a] })
	palette := color.Palette{}
	for _, c := range colors[:min(256, len(colors))] {
		palette = append(palette, c)
	}
	to := image.NewPaletted(picture.Bounds(), palette)
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			to.Set(x, y, coarse(x, y))
		}
	}
	return to
}

// write writes a picture as a PNG.
func write(t *testing.T, file string, picture image.Image) {
	t.Helper()
	var text bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&text, picture); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// difference returns the share of pixels that differ; 1 if the sizes differ.
func difference(a, b image.Image) float64 {
	if a.Bounds() != b.Bounds() {
		return 1
	}
	different := 0
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			p, q := color.NRGBAModel.Convert(a.At(x, y)).(color.NRGBA), color.NRGBAModel.Convert(b.At(x, y)).(color.NRGBA)
			if far(p.R, q.R) || far(p.G, q.G) || far(p.B, q.B) {
				different++
			}
		}
	}
	return float64(different) / float64(a.Bounds().Dx()*a.Bounds().Dy())
}

// far reports whether two values of a color differ by at least shade.
func far(a, b uint8) bool { return max(a, b)-min(a, b) >= shade }

// viewport sets the size of the page in CSS pixels.
func (b *tab) viewport(width, height int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height))
}

// media emulates the theme of the system, and a viewer who wants little motion.
func (b *tab) media(theme string) {
	b.t.Helper()
	b.command(func() error {
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
		return err
	})
}

// widths are the sizes of the pictures: a laptop, a tablet and a phone.
var widths = []struct {
	name          string
	width, height int64
}{{"wide", 1280, 800}, {"tablet", 820, 1100}, {"phone", 390, 844}}

// name returns the name of a picture.
func name(view, size, theme string) string { return fmt.Sprintf("%s-%s-%s.png", view, size, theme) }
