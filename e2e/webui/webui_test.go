//go:build e2e

package webui_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/callrecordings/api/e2e/given"
)

// TestTable checks that a strict table shows every recording, regardless of how it came in.
func TestTable(t *testing.T) {
	b := open(t)
	added := b.fill()
	page := serve(t, "/handlebars/", handlebars(t))
	got := render(t, page+"table.html", fmt.Sprintf("render(%q, %q, %q)", b.url+"/v2/", account, b.token))
	for id, way := range added {
		if !slices.Contains(got, id) {
			t.Errorf("%s (%s) is not a row", id, way)
		}
	}
	if len(got) != len(added) {
		t.Errorf("%d rows, want %d", len(got), len(added))
	}
}

// TestMonsterUI renders the same recordings with monster-ui and its recordings apps.
func TestMonsterUI(t *testing.T) {
	src := given.Variable(t, "MONSTER_UI")
	b := open(t)
	added := b.fill()
	for name := range strings.SplitSeq(given.Variable(t, "MONSTER_UI_APPS"), ",") {
		t.Run(name, func(t *testing.T) {
			page := serve(t, "/monster-ui/", src)
			got := render(t, page+"monster-ui.html", fmt.Sprintf("renderApp(%q, %q, %q, %q)", name, b.url+"/v2/", account, b.token))
			if len(got) != len(added) {
				t.Errorf("%d rows, want %d", len(got), len(added))
			}
			t.Logf("rows:\n%s", strings.Join(got, "\n"))
		})
	}
}

// handlebars installs the packages of package-lock.json and returns the folder with
// Handlebars for browsers.
func handlebars(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc"} {
		text, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--omit=optional")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return filepath.Join(dir, "node_modules", "handlebars", "dist")
}

// serve serves testdata and, below the path, a folder. It returns the URL of testdata.
func serve(t *testing.T, path, folder string) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir("testdata")))
	mux.Handle(path, http.StripPrefix(path, http.FileServer(http.Dir(folder))))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/"
}

// render opens the page in Chromium, evaluates the script and returns its result. The
// test fails if the script throws an error.
func render(t *testing.T, page, script string) (rows []string) {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(cmp.Or(os.Getenv("CHROMIUM"), "chromium")),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(page)); err != nil {
		t.Fatal(err)
	}
	rows, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](script, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", page, err)
	}
	return rows
}
