package api

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"callrecordings/shared/openapi/openapitest"
	"callrecordings/shared/recording"
)

// The query parameters that the definition gives a list are those that its
// code reads.
func TestDefinitionHasTheListParameters(t *testing.T) {
	doc, err := openapitest.Load()
	if err != nil {
		t.Fatal(err)
	}
	read := []string{"accept", "paginate", "pretty_print", "file_name"}
	for _, p := range listParameters {
		read = append(read, p.name)
	}
	for _, name := range []string{"has_key", "key_missing", "has_value", "value_missing", "missing_value", "modified_from", "modified_to"} {
		if !isFilter(t, name) {
			t.Errorf("%s is no filter any more", name)
		}
		read = append(read, name)
	}
	for _, route := range Routes {
		if route.Op != OpList {
			continue
		}
		var defined []string
		for _, p := range doc.Paths.Value(route.Path).GetOperation(route.Method).Parameters {
			switch name := p.Value.Name; {
			case p.Value.In != openapi3.ParameterInQuery:
			case strings.HasPrefix(name, "filter_"):
				if !isFilter(t, name) {
					t.Errorf("%s is defined and no filter", name)
				}
			default:
				defined = append(defined, name)
			}
		}
		slices.Sort(defined)
		slices.Sort(read)
		if !slices.Equal(defined, read) {
			t.Errorf("%s: defined %q\n read %q", route.Path, defined, read)
		}
	}
}

func isFilter(t *testing.T, name string) bool {
	t.Helper()
	f, err := recording.ParseFilter([][2]string{{name, "63934790400"}})
	if err != nil {
		t.Errorf("ParseFilter(%s): %v", name, err)
	}
	return f.Canonical() != ""
}

// codes finds the machine codes of errors in the source of this package.
var codes = regexp.MustCompile(`(?:code: |plain\(http\.\w+, )"([^"]+)"`)

// The machine codes that the definition has are those of the source.
func TestDefinitionHasTheErrorCodes(t *testing.T) {
	doc, err := openapitest.Load()
	if err != nil {
		t.Fatal(err)
	}
	var defined []string
	for _, code := range doc.Components.Schemas["Error"].Value.Properties["message"].Value.Enum {
		if text, ok := code.(string); ok {
			defined = append(defined, text)
		}
	}
	used := []string{"too_many_requests"} // the gateway's own
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range codes.FindAllSubmatch(text, -1) {
			used = append(used, string(m[1]))
		}
	}
	slices.Sort(defined)
	slices.Sort(used)
	if used = slices.Compact(used); !slices.Equal(defined, used) {
		t.Errorf("defined %q\n   used %q", defined, used)
	}
}
