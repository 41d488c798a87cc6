package main

import (
	"encoding/json"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// inRoot runs the test in the root of the repository, where the program runs.
func inRoot(t *testing.T) {
	t.Helper()
	t.Chdir("..")
}

func TestBundledLinks(t *testing.T) {
	inRoot(t)
	all := map[string]string{"release/README.md": "README.md", "docs/contract.md": "docs/contract.md", "docs/how-to/front.md": "docs/how-to/front.md"}
	const source = "https://github.com/callrecordings/api/blob/v1.2.3/"
	for _, c := range []struct{ page, text, want string }{
		{"release/README.md", "[a](../docs/contract.md#list)", "[a](docs/contract.md#list)"},
		{"docs/how-to/front.md", "[a](../contract.md) and [b](../../template.yaml)", "[a](../contract.md) and [b](" + source + "template.yaml)"},
		{"docs/contract.md", "[a](../README.md#three-doors) [b](adr)", "[a](" + source + "README.md#three-doors) [b](" + source + "docs/adr)"},
		{"docs/contract.md", "[a](#list) [b](https://example.com/x.md) [c](none.md)", "[a](#list) [b](https://example.com/x.md) [c](none.md)"},
	} {
		if got := bundled(c.page, c.text, "1.2.3", all); got != c.want {
			t.Errorf("bundled(%s, %s) = %s, want %s", c.page, c.text, got, c.want)
		}
	}
}

// Every link in the documents of an archive leads to a file of the archive or to a URL.
func TestArchivesHaveWhatTheirDocumentsLinkTo(t *testing.T) {
	inRoot(t)
	dir := t.TempDir()
	files, err := writeDocuments(dir, "top", "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range files {
		names[strings.TrimPrefix(f.name, "top/")] = true
		for folder := path.Dir(f.name); folder != "top"; folder = path.Dir(folder) {
			names[strings.TrimPrefix(folder, "top/")] = true
		}
	}
	for _, want := range []string{"README.md", "LICENSE", "CHANGELOG.md", "docs/contract.md", "docs/how-to/run-on-one-machine.md"} {
		if !names[want] {
			t.Errorf("the archive lacks %s", want)
		}
	}
	links := 0
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if path.Ext(name) != ".md" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range inlineLink.FindAllStringSubmatch(string(text), -1) {
			if links++; !strings.Contains(m[1], ":") && !names[path.Join(path.Dir(name), m[1])] {
				t.Errorf("%s links to %s, which is not in the archive", name, m[1])
			}
		}
	}
	if links < 100 {
		t.Errorf("the documents have %d links, want those of the whole documentation", links)
	}
}

// LICENSE, the API's definition, the image and the bills of materials name the same license,
// and the module path leads to the source.
func TestLicenseAndSource(t *testing.T) {
	inRoot(t)
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var definition struct {
		Info struct{ License struct{ Identifier string } }
	}
	if err := yaml.Unmarshal([]byte(read("shared/openapi/openapi.yaml")), &definition); err != nil || definition.Info.License.Identifier != licenseID {
		t.Errorf("the definition has the license %q, %v, want %s", definition.Info.License.Identifier, err, licenseID)
	}
	if first, _, _ := strings.Cut(read("LICENSE"), "\n"); first != "SPDX-License-Identifier: "+licenseID {
		t.Errorf("LICENSE begins with %q", first)
	}
	if !strings.Contains(read("Dockerfile"), `licenses="`+licenseID+`"`) {
		t.Errorf("the image does not name %s", licenseID)
	}
	if first, _, _ := strings.Cut(read("go.mod"), "\n"); "https://"+strings.TrimPrefix(first, "module ")+"/blob/v" != sourceURL {
		t.Errorf("%s has another path than sourceURL, %s", first, sourceURL)
	}
}

func TestBillsOfMaterialsHaveTheLicense(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "bill.json")
	if err := os.WriteFile(name, []byte(`{"version":1,"metadata":{"component":{"name":"a&b"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := license(name); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var bill struct {
		Version  int
		Metadata struct {
			Component struct {
				Name     string
				Licenses []struct{ Expression string }
			}
		}
	}
	if err := json.Unmarshal(text, &bill); err != nil {
		t.Fatal(err)
	}
	if c := bill.Metadata.Component; bill.Version != 1 || c.Name != "a&b" || len(c.Licenses) != 1 || c.Licenses[0].Expression != licenseID {
		t.Errorf("the bill is %s", text)
	}
	if err := os.WriteFile(name, []byte(`{"metadata":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := license(name); err == nil {
		t.Error("a bill without a program is accepted")
	}
}
