package version_test

import (
	"os"
	"regexp"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/callrecordings/api/shared/version"
)

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// semantic is a version as semver.org defines it, without build metadata.
var semantic = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$`)

func TestNumberIsASemanticVersion(t *testing.T) {
	t.Parallel()
	if !semantic.MatchString(version.Number) {
		t.Errorf("Number = %q, want a semantic version", version.Number)
	}
}

func TestOpenAPIHasTheSameVersion(t *testing.T) {
	t.Parallel()
	var definition struct {
		Info struct{ Version string }
	}
	if err := yaml.Unmarshal(read(t, "../openapi/openapi.yaml"), &definition); err != nil {
		t.Fatal(err)
	}
	if got := definition.Info.Version; got != version.Number {
		t.Errorf("info.version in openapi.yaml = %q, want %q", got, version.Number)
	}
}

// release is a heading such as "## 1.2.0" or "## 1.2.0 (unreleased)".
var release = regexp.MustCompile(`(?m)^## (\S+)`)

func TestChangelogBeginsWithTheSameVersion(t *testing.T) {
	t.Parallel()
	heading := release.FindSubmatch(read(t, "../../CHANGELOG.md"))
	if heading == nil {
		t.Fatal("CHANGELOG.md has no release heading")
	}
	if got := string(heading[1]); got != version.Number {
		t.Errorf("the top release in CHANGELOG.md is %q, want %q", got, version.Number)
	}
}

// envelopes are answers written by hand, by proxies that cannot read the constant.
var envelopes = []string{"../../template.yaml", "../../front/nginx/front.conf.template", "../../front/cloudfront.yaml"}

var inEnvelope = regexp.MustCompile(`"status":"error"[^}]*"version":"([^"]*)"`)

func TestStaticAnswersHaveTheSameVersion(t *testing.T) {
	t.Parallel()
	for _, path := range envelopes {
		found := inEnvelope.FindAllSubmatch(read(t, path), -1)
		if len(found) == 0 {
			t.Errorf("%s has no answers with a version", path)
		}
		for _, f := range found {
			if got := string(f[1]); got != version.Number {
				t.Errorf("%s has an answer with version %q, want %q: %s", path, got, version.Number, f[0])
			}
		}
	}
}
