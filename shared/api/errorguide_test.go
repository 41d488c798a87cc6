package api

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// The page of errors explains every code that the package and the gateway answer with.
func TestErrorGuideIsComplete(t *testing.T) {
	t.Parallel()
	var explained []string
	for _, e := range errorGuide {
		explained = append(explained, e.code)
		for _, text := range []string{e.status, e.meaning, e.remedy} {
			if text == "" {
				t.Errorf("%s: a field is empty", e.code)
			}
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var used []string
	literal := regexp.MustCompile(`code: "([^"]+)"|fixed\(http\.\w+, "([^"]+)"`)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range literal.FindAllStringSubmatch(string(text), -1) {
			used = append(used, m[1]+m[2])
		}
	}
	template, err := os.ReadFile("../../template.yaml") // errors that the gateway generates
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"doc":"/v2/errors#(\w+)"\},"error":"\d+","message":"(\w+)"`).FindAllSubmatch(template, -1) {
		if string(m[1]) != string(m[2]) {
			t.Errorf("template.yaml links %s to the explanation of %s", m[2], m[1])
		}
		used = append(used, string(m[2]))
	}
	slices.Sort(used)
	slices.Sort(explained)
	if diff := cmp.Diff(slices.Compact(used), explained); diff != "" {
		t.Errorf("codes in the code and in errorGuide (-code +guide):\n%s", diff)
	}
}

// docs/errors.md has the text of the page.
func TestErrorGuideInTheDocs(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Errors\n\nEach error links to its explanation, as `data.doc` or, for invalid fields, in each rule. The service itself\n" +
		"shows this page at `/v2/errors`. `go test ./shared/api -update` makes it from the code.\n")
	for _, e := range errorGuide {
		fmt.Fprintf(&b, "\n## %s %s\n\n%s\n\n%s\n", e.status, e.code, wrap(e.meaning), wrap(e.remedy))
	}
	matchFile(t, "../../docs/errors.md", b.String())
}

// wrap breaks text into lines of at most 100 characters.
func wrap(text string) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		switch n := utf8.RuneCountInString(word); {
		case column == 0:
			column = n
		case column+1+n > 100:
			b.WriteByte('\n')
			column = n
		default:
			b.WriteByte(' ')
			column += 1 + n
		}
		b.WriteString(word)
	}
	return b.String()
}

// Anyone may read the page, in a browser.
func TestErrorPage(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	g := s.askHandler(t, Fallback(s.env, nil), "GET", "/v2/errors")
	if g.Code != http.StatusOK || g.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("GET /v2/errors = %d %v", g.Code, g.Header())
	}
	if want := `<h2 id="validation_error">400 validation error</h2>`; !strings.Contains(string(g.body), want) {
		t.Errorf("the page lacks %s", want)
	}
	if strings.Contains(string(g.body), "{…}}</p>") && !strings.Contains(string(g.body), "&#34;data&#34;") {
		t.Error("the page is not escaped")
	}
}
