package console

import (
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"
)

// maxBytes is the most that all assets together may take as they are sent, uncompressed.
const maxBytes = 120_000

// sources returns the embedded files by name.
func sources(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(embedded, folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(embedded, name)
		all[strings.TrimPrefix(name, folder+"/")] = string(body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAssetsAreSmall(t *testing.T) {
	t.Parallel()
	written, uncompressed, compressed := 0, 0, 0
	for name, body := range sources(t) {
		sent, err := smaller(path.Ext(name), []byte(body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		written += len(body)
		uncompressed += len(sent)
		compressed += len(zipped(sent))
		if lines := strings.Count(body, "\n"); lines > 400 {
			t.Errorf("%s has %d lines, want at most 400", name, lines)
		}
	}
	t.Logf("%d bytes as written, %d as sent, %d in gzip", written, uncompressed, compressed)
	if uncompressed >= maxBytes {
		t.Errorf("the assets have %d bytes, want less than %d", uncompressed, maxBytes)
	}
}

// Everything that the index, the modules and the style sheets refer to is embedded, and
// nothing is loaded from elsewhere.
func TestReferencesResolve(t *testing.T) {
	t.Parallel()
	all := sources(t)
	patterns := map[string][]*regexp.Regexp{
		".html": {regexp.MustCompile(`(?:src|href)="([^"#][^"]*)"`)},
		".css":  {regexp.MustCompile(`url\(["']?([^)"']+)`), regexp.MustCompile(`@import\s+["']([^"']+)`)},
		".js": {
			regexp.MustCompile(`(?:^|[;}\n])(?:import|export)\b[^"'` + "`" + `;()=]*"([^"]+)"`),
			regexp.MustCompile(`\bimport\("([^"]+)"\)`),
			regexp.MustCompile(`new URL\("([^"]+)",\s*import\.meta\.url\)`),
		},
	}
	found := map[string]bool{}
	for name, body := range all {
		sent, err := smaller(path.Ext(name), []byte(body)) // without comments, which name types
		if err != nil {
			t.Fatal(err)
		}
		for _, pattern := range patterns[path.Ext(name)] {
			for _, m := range pattern.FindAllStringSubmatch(string(sent), -1) {
				target := strings.TrimPrefix(m[1], "./")
				if strings.HasPrefix(target, "data:") {
					continue
				}
				found[target] = true
				if _, ok := all[target]; !ok {
					t.Errorf("%s refers to %s, which is not embedded", name, m[1])
				}
				if path.Ext(name) == ".js" && !strings.HasPrefix(m[1], "./") {
					t.Errorf("%s imports %s, want a relative name", name, m[1])
				}
			}
		}
	}
	for name := range all {
		// The page loads some modules by a name that it composes.
		composed := strings.Contains(all["app.js"], `"`+strings.TrimSuffix(name, ".js")+`"`)
		if name != indexName && !found[name] && !composed {
			t.Errorf("nothing refers to %s", name)
		}
	}
}

// The Content-Security-Policy allows no inline script and no inline style.
func TestNothingIsInline(t *testing.T) {
	t.Parallel()
	inline := regexp.MustCompile(`<script(?:\s[^>]*)?>[^<]|<style|\sstyle=|\son[a-z]+=|javascript:`)
	code := regexp.MustCompile(`\beval\(|new Function\(|\.innerHTML\b|\.outerHTML\b|insertAdjacentHTML|document\.write|setAttribute\(["']style["']`)
	for name, body := range sources(t) {
		pattern := code
		if path.Ext(name) == ".html" {
			pattern = inline
		}
		if m := pattern.FindString(body); m != "" && path.Ext(name) != ".css" {
			t.Errorf("%s contains %q", name, m)
		}
	}
}

// The embedded page can be served.
func TestTheEmbeddedPage(t *testing.T) {
	t.Parallel()
	c, err := New(Options{Origins: func(*http.Request) []string { return nil }, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	v := version(t, c)
	for name, body := range sources(t) {
		if name == indexName {
			continue
		}
		resp := get(t, c, "/console/"+v+"/"+name)
		want, err := smaller(path.Ext(name), []byte(body))
		if got := text(t, resp); err != nil || got != string(want) || resp.Header.Get("Content-Type") != kinds[path.Ext(name)] {
			t.Errorf("%s: %d, %q, %d bytes, want %d", name, resp.StatusCode, resp.Header.Get("Content-Type"), len(got), len(want))
		}
	}
}
