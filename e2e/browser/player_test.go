//go:build e2e

package main

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/callrecordings/api/e2e/given"
)

// TestPlayer opens docs/tutorials/player.html from the disk, as the tutorial does,
// and plays the first recording. With SCREENSHOT=FILE it saves the picture that
// docs/how-to/play.md shows; for that, use a new data folder.
func TestPlayer(t *testing.T) {
	file, err := filepath.Abs("../../docs/tutorials/player.html")
	if err != nil {
		t.Fatal(err)
	}
	page := "file://" + file + "#url=" + given.Variable(t, "URL") + "&account=" + given.Variable(t, "ACCOUNT_ID") + "&token=" + given.Variable(t, "TOKEN")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	ctx, cancel = chromedp.NewExecAllocator(ctx, append(options(cmp.Or(os.Getenv("CHROMIUM"), "chromium"), false), chromedp.WindowSize(920, 710))...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(page), chromedp.WaitVisible("tbody tr"), chromedp.Click("tbody button:enabled")); err != nil {
		t.Fatal(err)
	}
	const played = `document.getElementById("player").currentTime > 1`
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](played, chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		message, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.getElementById("message").textContent`))
		t.Fatalf("the recording does not play: %v (the page shows %q)", err, message)
	}
	if to := os.Getenv("SCREENSHOT"); to != "" {
		picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err == nil {
			err = os.WriteFile(to, picture, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
