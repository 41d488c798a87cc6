package protocol_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/callrecordings/api/model/explore"
	"github.com/callrecordings/api/model/protocol"
)

// limit is the maximum number of states of a small configuration.
const limit = 1_000_000

func TestProtocolKeepsItsInvariants(t *testing.T) {
	t.Parallel()
	for _, g := range protocol.Small() {
		for _, g.Unversioned = range []bool{false, true} {
			if g.Unversioned && g.Import == 0 {
				break // only an import replaces an object
			}
			c := g.Config
			t.Run(fmt.Sprintf("%s, unversioned %v", g.Name, c.Unversioned), func(t *testing.T) {
				t.Parallel()
				if r := explore.Check(c.Model(), limit); r.Violation != "" {
					t.Error(r)
				}
			})
		}
	}
}

// A model that finds nothing in a wrong protocol proves nothing about the right one.
func TestModelFindsEveryMistake(t *testing.T) {
	t.Parallel()
	groups := map[string]protocol.Config{}
	for _, g := range protocol.Small() {
		groups[g.Name] = g.Config
	}
	tried := map[string]bool{}
	for _, m := range protocol.Mistakes() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			c, ok := groups[m.Group]
			if !ok {
				t.Fatalf("there is no configuration %q", m.Group)
			}
			c.Faults = m.Faults
			if r := explore.Check(c.Model(), limit); r.Violation != m.Finds || len(r.Trace) < 2 {
				t.Errorf("Check = %v, want a trace to: %s", r, m.Finds)
			}
		})
		for i := range reflect.TypeFor[protocol.Faults]().NumField() {
			if reflect.ValueOf(m.Faults).Field(i).Bool() {
				tried[reflect.TypeFor[protocol.Faults]().Field(i).Name] = true
			}
		}
	}
	for i := range reflect.TypeFor[protocol.Faults]().NumField() {
		if name := reflect.TypeFor[protocol.Faults]().Field(i).Name; !tried[name] {
			t.Errorf("no mistake has the fault %s", name)
		}
	}
}

// The key of a revived recording may be that of the deleted one, because a purge removes
// only the versions that it listed before it read the tombstone again.
func TestRevivedRecordingMayHaveTheOldKey(t *testing.T) {
	t.Parallel()
	for _, g := range protocol.Small() {
		if g.Name == "revive" {
			g.ReviveSameKey = true
			if r := explore.Check(g.Model(), limit); r.Violation != "" {
				t.Error(r)
			}
		}
	}
}
