// Command browser plays a recording in headless Chromium in the two ways that
// web interfaces use: an <audio> element with everything in its URL, and fetch with
// the token in a header. Both are redirected to presigned URLs on another origin;
// with -delivery inline the API answers with the audio itself. The page is served
// from a third origin.
//
// Its tests, with the build tag e2e, seek after a presigned URL has expired, and play a
// recording in docs/tutorials/player.html. They need a running make run, with the
// variables of its demo.env and DATA_DIR.
//
//	URL=… TOKEN=… ACCOUNT_ID=… browser [-chromium PATH] [-delivery WAY] [-any-certificate]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"time"

	"github.com/chromedp/chromedp"
)

func main() {
	var b browser
	flag.StringVar(&b.chromium, "chromium", "chromium", "the browser's `path`")
	flag.StringVar(&b.delivery, "delivery", "redirect", "the `delivery` to request: redirect or inline")
	flag.BoolVar(&b.anyCertificate, "any-certificate", false, "let the browser accept any certificate (this program itself uses SSL_CERT_FILE)")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	err := b.run(ctx, os.Getenv("URL")+"/v2/accounts/"+os.Getenv("ACCOUNT_ID"), os.Getenv("TOKEN"))
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		os.Exit(1)
	}
}

// browser holds the command-line options.
type browser struct {
	chromium       string
	delivery       string
	anyCertificate bool
}

// page defines play, which plays src and then requests api with fetch. It returns
// a result as JSON.
const page = `<!doctype html><title>play</title><audio id="a" preload="auto"></audio><script>
async function play(src, api, token) {
  const audio = document.getElementById("a");
  audio.muted = true;
  const ended = new Promise((ok, bad) => {
    audio.onended = ok;
    audio.onerror = () => bad(new Error("audio: " + audio.error.message));
  });
  audio.src = src;
  audio.playbackRate = 4;
  await audio.play();
  await ended;
  const answer = await fetch(api, { headers: { "x-auth-token": token, accept: "audio/mpeg", range: "bytes=0-9" } });
  const bytes = (await answer.arrayBuffer()).byteLength;
  return JSON.stringify({
    duration: audio.duration, status: answer.status, redirected: answer.redirected, bytes,
    type: answer.headers.get("content-type"), range: answer.headers.get("content-range"),
  });
}
</script>`

// result is the JSON that play returns.
type result struct {
	Duration   float64 // seconds, as measured by the browser
	Status     int     // of the fetch, after any redirect
	Redirected bool
	Bytes      int
	Type       string
	Range      string
}

func (b browser) run(ctx context.Context, account, token string) error {
	path, err := exec.LookPath(b.chromium)
	if err != nil {
		return err
	}
	id, seconds, err := firstMP3(ctx, account, token)
	if err != nil {
		return err
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(page))
	}))
	defer site.Close()

	ctx, cancel := chromedp.NewExecAllocator(ctx, options(path, b.anyCertificate)...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()

	one := account + "/recordings/" + id + "?delivery=" + b.delivery
	src, _ := json.Marshal(one + "&accept=audio/mpeg&inline=true&auth_token=" + token)
	api, _ := json.Marshal(one)
	header, _ := json.Marshal(token)
	if err := chromedp.Do(ctx, chromedp.Navigate(site.URL)); err != nil {
		return fmt.Errorf("opening the page: %w", err)
	}
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](fmt.Sprintf("play(%s, %s, %s)", src, api, header), chromedp.EvalAwaitPromise))
	if err != nil {
		return fmt.Errorf("playing %s: %w", id, err)
	}
	var got result
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		return err
	}
	return got.check(id, seconds, b.delivery == "redirect")
}

// options starts the browser at path without a window. Pages may play without a click.
func options(path string, anyCertificate bool) []chromedp.ExecAllocatorOption {
	return append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"), chromedp.Flag("ignore-certificate-errors", anyCertificate))
}

func (r result) check(id string, seconds float64, redirected bool) error {
	switch {
	case r.Duration < seconds-0.2 || r.Duration > seconds+1.2:
		return fmt.Errorf("%s played for %.2f s, but its document has %.2f s", id, r.Duration, seconds)
	case r.Status != http.StatusPartialContent || r.Redirected != redirected || r.Bytes != 10:
		return fmt.Errorf("fetch of %s: %+v", id, r)
	case r.Type != "audio/mpeg" || r.Range == "":
		return fmt.Errorf("fetch of %s: headers are not exposed: %+v", id, r)
	}
	fmt.Fprintf(os.Stderr, "browser: played %s, %.2f s, redirected: %v; fetch got %d bytes (%s)\n", id, r.Duration, r.Redirected, r.Bytes, r.Range)
	return nil
}

// firstMP3 returns the ID and length in seconds of an mp3 recording of the
// account.
func firstMP3(ctx context.Context, account, token string) (string, float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, account+"/recordings?filter_content_type=audio/mpeg", http.NoBody) //nolint:gosec // the address is the caller's to choose
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("X-Auth-Token", token)
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req) //nolint:gosec // the address is the caller's to choose
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	var list struct {
		Data []struct {
			ID string  `json:"id"`
			MS float64 `json:"duration_ms"`
		} `json:"data"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		return "", 0, fmt.Errorf("reading the list (%s): %w", resp.Status, err)
	}
	if len(list.Data) == 0 {
		return "", 0, errors.New("the account has no mp3 recording")
	}
	return list.Data[0].ID, list.Data[0].MS / 1000, nil
}
