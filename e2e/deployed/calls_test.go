//go:build e2e

package deployed_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"callrecordings/e2e/given"
	"callrecordings/e2e/stack"
	"callrecordings/shared/config"
)

// While the suite ran, each function made every call that the table of e2e/stack
// says it makes, on those resources, and no other. A call that the policy lacks
// is one that AWS would refuse; one that nobody makes should not be allowed.
func TestCallsAreTheTable(t *testing.T) {
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
		stack.Sort(seen[f])
		if diff := cmp.Diff(stack.Of(f, true), seen[f]); diff != "" {
			t.Errorf("what %s did against e2e/stack/allowed.go (-table +seen):\n%s", f, diff)
		}
		delete(seen, f)
	}
	for f, calls := range seen {
		t.Errorf("%s called AWS: %v", f, calls)
	}
}
