package client

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each error that docs/errors.md explains has a meaning, and no other has one.
func TestMeaningsAreComplete(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	var explained []string
	for _, m := range regexp.MustCompile(`(?m)^## \d{3} (.+)$`).FindAllStringSubmatch(string(text), -1) {
		explained = append(explained, m[1])
	}
	slices.Sort(explained)
	if diff := cmp.Diff(explained, slices.Sorted(maps.Keys(meanings))); diff != "" {
		t.Errorf("codes in docs/errors.md and in meanings (-page +meanings):\n%s", diff)
	}
	for code, meaning := range meanings {
		if meaning == "" {
			t.Errorf("%s has no meaning", code)
		}
	}
}
