//go:build e2e

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/local/datadir"
)

// life is how long the presigned URLs of this test are valid.
const life = 4 * time.Second

// TestExpiredURL seeks after the presigned URL has expired. Without help, Chromium never
// plays on. With the script of docs/how-to/play.md, it does. If a later Chromium plays on by
// itself, remove the script and its description.
//
// The player asks for a redirect, because make run streams long audio by default.
//
// A presigned URL is valid for at least ten minutes (docs/contract.md, Delivery). So a
// server between the browser and the API replaces each by one that is valid for life.
func TestExpiredURL(t *testing.T) {
	base := given.Variable(t, "URL") + "/v2/accounts/" + given.Variable(t, "ACCOUNT_ID") + "/recordings"
	id := longRecording(t, base)
	for _, c := range []struct {
		name, script string
		played       bool
	}{
		{"without a script", "function keepPlaying() {}", false},
		{"with the script of docs/how-to/play.md", script(t), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			api, asked := shortLived(t)
			src := strings.Replace(base, given.Variable(t, "URL"), api, 1) + "/" + id + "?accept=audio/wav&inline=true&delivery=redirect&auth_token=" + given.Variable(t, "TOKEN")
			got := seek(t, c.script, src)
			t.Logf("%+v, %d redirects", got, asked.Load())
			if got.Played != c.played {
				t.Errorf("plays on after the seek: %v, want %v", got.Played, c.played)
			}
			if want := int64(2); c.played && asked.Load() != want {
				t.Errorf("the API was asked %d times, want %d", asked.Load(), want)
			}
		})
	}
}

// script returns the script in docs/how-to/play.md.
func script(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/how-to/play.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n```js\n")
	code, _, end := strings.Cut(rest, "\n```\n")
	if !ok || !end || !strings.Contains(code, "function keepPlaying(") {
		t.Fatal("docs/how-to/play.md has no script keepPlaying")
	}
	return code
}

// seekPage defines run, which plays src, pauses until the presigned URL has expired, and
// seeks to the end.
const seekPage = `<!doctype html><title>seek</title><audio id="a" preload="metadata"></audio><script>
%s
const sleep = (ms) => new Promise((ok) => setTimeout(ok, ms));
async function run(src, life) {
  const audio = document.getElementById("a");
  const events = [];
  for (const name of ["error", "stalled", "waiting", "seeking", "seeked", "playing", "emptied", "loadedmetadata"])
    audio.addEventListener(name, () => events.push(name));
  audio.muted = true;
  audio.src = src;
  keepPlaying(audio);
  await audio.play();
  await sleep(500);
  audio.pause();
  await sleep(life + 2000);
  const target = audio.duration - 60;
  audio.currentTime = target;
  audio.play().catch(() => {});
  for (let i = 0; i < 150 && !(audio.currentTime > target + 1); i++) await sleep(100);
  return JSON.stringify({
    Played: audio.currentTime > target + 1, Position: audio.currentTime - target, Events: events.join(" "),
    Error: audio.error ? audio.error.message : "",
  });
}
</script>`

// seekResult is the JSON that run returns.
type seekResult struct {
	Played   bool
	Position float64 // seconds from the target of the seek
	Events   string
	Error    string
}

// seek opens seekPage with a script in Chromium and runs it.
func seek(t *testing.T, script, src string) (got seekResult) {
	t.Helper()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, seekPage, script)
	}))
	defer site.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	ctx, cancel = chromedp.NewExecAllocator(ctx, options(cmp.Or(os.Getenv("CHROMIUM"), "chromium"), false)...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(site.URL)); err != nil {
		t.Fatal(err)
	}
	call := fmt.Sprintf("run(%q, %d)", src, life.Milliseconds())
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](call, chromedp.EvalAwaitPromise))
	if err == nil {
		err = json.Unmarshal([]byte(text), &got)
	}
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// shortLived returns the URL of a server in front of the API that replaces each presigned
// URL by one that is valid for life, and counts them.
func shortLived(t *testing.T) (string, *atomic.Int64) {
	t.Helper()
	to, err := url.Parse(given.Variable(t, "URL"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := datadir.Open(given.Variable(t, "DATA_DIR"))
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(resp *http.Response) error {
			if resp.StatusCode != http.StatusFound {
				return nil
			}
			asked.Add(1)
			return given.Shorten(dir, resp, life)
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL, &asked
}

// longRecording adds a WAV file of four minutes and 40 MB, more than a browser loads
// ahead, and returns its ID.
func longRecording(t *testing.T, base string) string {
	t.Helper()
	const second = 44100 * 4
	audio := make([]byte, 44+240*second)
	copy(audio, "RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00\x44\xac\x00\x00\x10\xb1\x02\x00\x04\x00\x10\x00data")
	binary.LittleEndian.PutUint32(audio[4:], uint32(len(audio)-8))
	binary.LittleEndian.PutUint32(audio[40:], uint32(len(audio)-44))
	var made struct {
		Data struct {
			ID       string
			ReadOnly struct {
				State  string
				Upload struct {
					URL     string
					Headers map[string]string
				}
			} `json:"_read_only"`
		}
	}
	token := map[string]string{"X-Auth-Token": given.Variable(t, "TOKEN")}
	send := func(method, to string, header map[string]string, body []byte) []byte {
		r, err := http.NewRequestWithContext(t.Context(), method, to, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range header {
			r.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() //nolint:errcheck // read to its end
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode/100 != 2 {
			t.Fatalf("%s %s = %d %s %v", method, to, resp.StatusCode, text, err)
		}
		return text
	}
	if err := json.Unmarshal(send(http.MethodPut, base, token, []byte(`{"data":{},"upload":{"content_type":"audio/wav"}}`)), &made); err != nil {
		t.Fatal(err)
	}
	send(http.MethodPut, made.Data.ReadOnly.Upload.URL, made.Data.ReadOnly.Upload.Headers, audio)
	for deadline := time.Now().Add(time.Minute); made.Data.ReadOnly.State != "ready"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the recording is %s, want ready", made.Data.ReadOnly.State)
		}
		if err := json.Unmarshal(send(http.MethodGet, base+"/"+made.Data.ID, token, nil), &made); err != nil {
			t.Fatal(err)
		}
	}
	return made.Data.ID
}
