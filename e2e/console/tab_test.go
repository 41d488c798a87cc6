//go:build e2e

package console

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long a test waits for the page.
const patience = 15 * time.Second

// tab is a tab with a session of its own.
type tab struct {
	t    *testing.T
	ctx  context.Context //nolint:containedctx // of the tab
	gate *gate

	mu      sync.Mutex
	allowed []string // origins
	faults  []string
	urls    []string // of all requests
}

// newTab opens an empty tab. When the test ends, the tab closes, and the test fails if
// the page misbehaved.
func (s *site) newTab(t *testing.T) *tab {
	t.Helper()
	g := s.newGate(t)
	b := &tab{t: t, gate: g, allowed: []string{g.url, s.box.S3}}
	b.open(s.browser)
	return b
}

// open opens the tab in a browser.
func (b *tab) open(browser context.Context) {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	b.ctx = ctx
	b.t.Cleanup(func() {
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, fault := range b.faults {
			b.t.Error(fault)
		}
	})
	// The first step binds the tab to its context, so that must not be one with a timeout.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		b.t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.see); err != nil {
		b.t.Fatal(err)
	}
	b.command(func() error { _, err := chromedp.Call(ctx, cdplog.Enable, cdp.Empty{}); return err })
	b.command(func() error { _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); return err })
	b.zone("Europe/Berlin", "en-GB")
}

// zone sets the time zone and the locale.
func (b *tab) zone(zone, locale string) {
	b.t.Helper()
	b.command(func() error {
		_, err := chromedp.Call(b.ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: zone})
		return err
	})
	b.command(func() error {
		_, err := chromedp.Call(b.ctx, emulation.SetLocaleOverride, emulation.SetLocaleOverrideParams{Locale: locale})
		return err
	})
	b.command(func() error {
		agent := emulation.SetUserAgentOverrideParams{UserAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome Safari", AcceptLanguage: locale}
		_, err := chromedp.Call(b.ctx, emulation.SetUserAgentOverride, agent)
		return err
	})
}

// see records requests and faults of the page. It runs for each event of the tab.
func (b *tab) see(event any) {
	fault := ""
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		fault = "the page threw " + e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			fault += " " + e.ExceptionDetails.Exception.Description
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Source == cdplog.EntrySourceSecurity || strings.Contains(e.Entry.Text, "Content Security Policy") || strings.Contains(e.Entry.Text, "Content-Security-Policy") {
			fault = "violation: " + e.Entry.Text
		}
	case *network.EventRequestWillBeSent:
		b.urls = append(b.urls, e.Request.URL)
		fault = b.foreign(e.Request.URL)
	}
	if fault != "" {
		b.faults = append(b.faults, fault)
	}
}

// foreign returns a fault if a URL is neither on the page's origin nor on the bucket's.
func (b *tab) foreign(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return err.Error()
	case u.Scheme == "blob", u.Scheme == "data", u.Scheme == "about":
		return ""
	}
	for _, origin := range b.allowed {
		if u.Scheme+"://"+u.Host == origin {
			return ""
		}
	}
	return "the page sent a request to " + u.Scheme + "://" + u.Host
}

// command runs a command and fails the test on an error.
func (b *tab) command(run func() error) {
	b.t.Helper()
	if err := run(); err != nil {
		b.t.Fatal(err)
	}
}

// do runs steps.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 2*patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%v; the page shows %q", err, b.shown())
	}
}

// shown returns the visible text of the page, for failures.
func (b *tab) shown() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText.replace(/\s+/g, " ").slice(0, 1500)`))
	if err != nil {
		return err.Error()
	}
	return text
}

// eval evaluates an expression and waits for its value if it is a promise.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 2*patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v; the page shows %q", expression, err, b.shown())
	}
	return value
}

// until waits until an expression is true and returns how long that took.
func (b *tab) until(expression string) time.Duration {
	b.t.Helper()
	start := time.Now()
	for time.Since(start) < patience {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf("Boolean(%s)", expression)))
		cancel()
		if err == nil && ok {
			return time.Since(start)
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.t.Fatalf("not within %s: %s; the page shows %q", patience, expression, b.shown())
	return 0
}

// key presses a key. Special keys are in the package kb.
func (b *tab) key(key string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(key))
}

// link returns the address that opens the console and logs in.
func (b *tab) link(a *tenant, query string) string {
	return b.gate.url + "/console/" + query + "#token=" + a.token
}

// visit opens the console, logs in and waits for the list.
func (b *tab) visit(a *tenant, query string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.link(a, query)))
	b.until(`document.querySelector("recording-list .rows .row, recording-list > .state:not([hidden])")`)
}

// count returns the number of elements that match a selector.
func (b *tab) count(selector string) int {
	b.t.Helper()
	return eval[int](b, fmt.Sprintf("document.querySelectorAll(%q).length", selector))
}

// choose gives the filter with a label a value.
func (b *tab) choose(filter, value string) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`(() => {
		const label = [...document.querySelectorAll("recording-filters label")].find((l) => l.firstChild.textContent === %q);
		const field = label.querySelector("select, input");
		field.value = %q;
		field.dispatchEvent(new Event("input", { bubbles: true }));
		field.dispatchEvent(new Event("change", { bubbles: true }));
		return true;
	})()`, filter, value))
}

// submit fills in a field and submits its form.
func (b *tab) submit(selector, value string) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`((field) => {
		field.value = %q;
		field.form.requestSubmit();
		return true;
	})(document.querySelector(%q))`, value, selector))
}

// openRow opens the nth row, from 0, by a click, and waits for its details.
func (b *tab) openRow(n int) {
	b.t.Helper()
	b.do(chromedp.Click(fmt.Sprintf("#row-%d .from", n)))
	b.until(`!document.getElementById("details").hidden && document.querySelector("recording-details .fields dd")`)
}

// playing waits until the audio plays.
func (b *tab) playing() time.Duration {
	b.t.Helper()
	return b.until(`!document.querySelector("audio").paused && document.querySelector("audio").currentTime > 0.05`)
}

// escape is the key of that name.
const escape = kb.Escape
