package functions_test

import (
	"encoding/json"
	"slices"
	"testing"
)

// matches reports whether an event source's pattern matches a value
// (docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html). It supports the
// rules in the template: equality and exists.
func matches(pattern, value any) bool {
	switch p := pattern.(type) {
	case map[string]any:
		object, _ := value.(map[string]any)
		for name, inner := range p {
			if !matches(inner, object[name]) {
				return false
			}
		}
		return true
	case []any:
		return slices.ContainsFunc(p, func(one any) bool {
			if rule, ok := one.(map[string]any); ok {
				return rule["exists"] == true && value != nil
			}
			return one == value
		})
	}
	return false
}

// The stream of the table wakes publish and purge for the items that they handle, and for
// no others: the audit trail and access rules are in the same table.
func TestStreamFilters(t *testing.T) {
	t.Parallel()
	const (
		alive   = `{"a":{"S":"A"},"id":{"S":"202601-1"},"c":{"S":"63934830000#202601-1"},"rev":{"S":"1"}}`
		pending = `{"a":{"S":"A"},"id":{"S":"202601-1"},"deleted":{"N":"63934833600"},"purge_pending":{"BOOL":true}}`
		purged  = `{"a":{"S":"A"},"id":{"S":"202601-1"},"deleted":{"N":"63934833600"},"expires":{"N":"1800000000"}}`
		entry   = `{"a":{"S":"#account/A"},"id":{"S":"account"},"entry":{"S":"{}"},"rev":{"S":"1"},"expires":{"N":"1800000000"}}`
		claim   = `{"a":{"S":"A"},"id":{"S":"key#0123"},"recording":{"S":"202601-1"},"rev":{"S":"1"}}`
		secret  = `{"a":{"S":"A"},"id":{"S":"secret#0123"},"sha256":{"S":"aa"},"created":{"N":"63934830000"},"rev":{"S":"1"}}`
	)
	functions := properties(t, "AWS::Serverless::Function")
	for _, c := range []struct {
		name, before, after string
		publish, purge      bool
	}{
		{"a new recording", "null", alive, true, false},
		{"a changed recording", alive, alive, true, false},
		{"a deleted recording", alive, pending, true, true},
		{"a purged recording", pending, purged, true, false},
		{"a restored recording", purged, alive, true, false},
		{"a tombstone without its recording", "null", pending, true, true},
		{"an expired tombstone", purged, "null", false, false},
		{"a new entry", "null", entry, false, false},
		{"a changed entry", entry, entry, false, false},
		{"an expired entry", entry, "null", false, false},
		{"a claim", "null", claim, false, false},
		{"a storage secret", "null", secret, false, false},
	} {
		var event any
		if err := json.Unmarshal([]byte(`{"dynamodb":{"OldImage":`+c.before+`,"NewImage":`+c.after+`}}`), &event); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]bool{"PublishFunction": c.publish, "PurgeFunction": c.purge} {
			if got := wakes(t, functions[name], event); got != want {
				t.Errorf("%s wakes %s: %v, want %v", c.name, name, got, want)
			}
		}
	}
}

// wakes reports whether one of the filters of a function's stream matches an event.
func wakes(t *testing.T, function values, event any) bool {
	t.Helper()
	found := false
	for _, e := range function["Events"].(values) {
		criteria, _ := e.(values)["Properties"].(values)["FilterCriteria"].(values)
		filters, _ := criteria["Filters"].([]any)
		if len(filters) == 0 || len(filters) > 5 { // AWS's limit
			t.Errorf("%d filters of an event source, want 1 to 5", len(filters))
		}
		for _, f := range filters {
			var pattern any
			if err := json.Unmarshal([]byte(f.(values)["Pattern"].(string)), &pattern); err != nil {
				t.Fatal(err)
			}
			found = found || matches(pattern, event)
		}
	}
	return found
}
