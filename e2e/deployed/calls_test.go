//go:build e2e

package deployed_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/e2e/stack"
	"github.com/callrecordings/api/shared/config"
)

// While the suite ran, each function made exactly the calls that the table in
// e2e/stack lists, on the listed resources. AWS would deny a call that the policy
// does not allow; a permission that no call uses should be removed.
func TestCallsMatchTable(t *testing.T) {
	file, err := os.Open(given.Variable(t, "CALLS"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	seen := map[config.Function][]stack.Grant{}
	for d := json.NewDecoder(file); ; {
		var c struct {
			Function         config.Function
			Action, Resource string
		}
		if err := d.Decode(&c); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen[c.Function] = append(seen[c.Function], stack.Grant{Action: c.Action, Resource: c.Resource})
	}
	for _, f := range config.Lambdas() {
		required, allowed := stack.Of(f, true), stack.Of(f, false)
		seen[f] = slices.DeleteFunc(seen[f], func(g stack.Grant) bool {
			return slices.Contains(allowed, g) && !slices.Contains(required, g) // not every run needs it
		})
		stack.Sort(seen[f])
		if diff := cmp.Diff(required, seen[f], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("calls of %s and e2e/stack/allowed.go differ (-table +seen):\n%s", f, diff)
		}
		delete(seen, f)
	}
	for f, calls := range seen {
		t.Errorf("unexpected AWS calls of %s: %v", f, calls)
	}
}
