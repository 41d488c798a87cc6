//go:build e2e

package isolation_test

import (
	_ "embed"
	"slices"
	"testing"

	"github.com/cedar-policy/cedar-go"

	"github.com/callrecordings/api/shared/access"
)

//go:embed policies.cedar
var policies []byte

// oracle decides what a bearer may do, by the Cedar policies.
type oracle struct {
	set      *cedar.PolicySet
	entities cedar.EntityMap
}

// newOracle describes the world to Cedar.
func newOracle(t *testing.T, w *world) *oracle {
	t.Helper()
	set, err := cedar.NewPolicySetFromBytes("policies.cedar", policies)
	must(t, err)
	o := &oracle{set: set, entities: cedar.EntityMap{}}
	for _, a := range tree {
		var above []cedar.EntityUID
		if a.parent != "" {
			above = append(above, account(a.parent))
		}
		o.add(account(a.account), cedar.RecordMap{"disabled": cedar.Boolean(w.disabled[a.account])}, above...)
	}
	for _, r := range w.recordings {
		attributes := cedar.RecordMap{"account": account(r.account), "disabled": cedar.Boolean(w.disabled[r.account])}
		if r.owner != "" {
			attributes["owner"] = cedar.String(r.owner)
		}
		o.add(r.uid(), attributes, account(r.account))
	}
	for _, b := range w.bearers {
		o.add(b.uid(), cedar.RecordMap{
			"account": account(b.account), "owner": cedar.String(b.owner), "role": cedar.String(b.role()), "members": cedar.NewSet(members(b.owner)...),
		})
	}
	return o
}

func (o *oracle) add(id cedar.EntityUID, attributes cedar.RecordMap, parents ...cedar.EntityUID) {
	o.entities[id] = cedar.Entity{UID: id, Attributes: cedar.NewRecord(attributes), Parents: cedar.NewEntityUIDSet(parents...)}
}

func account(id string) cedar.EntityUID { return cedar.NewEntityUID("Account", cedar.String(id)) }

func (r *one) uid() cedar.EntityUID {
	return cedar.NewEntityUID("Recording", cedar.String(r.account+"/"+r.id))
}

func (b *bearer) uid() cedar.EntityUID {
	return cedar.NewEntityUID("Bearer", cedar.String(b.account+"/"+b.owner))
}

// role returns the role that the guide promises a bearer where users without a role have
// their own recordings.
func (b *bearer) role() string {
	switch role := users[b.owner]; {
	case b.owner == "":
		return "service"
	case role != "":
		return string(role)
	}
	return "user"
}

// members returns the members of the groups that a user leads.
func members(user string) []cedar.Value {
	var all []cedar.Value
	for _, g := range groups {
		if slices.Contains(g.leaders, user) {
			for _, m := range g.members {
				all = append(all, cedar.String(m))
			}
		}
	}
	return all
}

// may reports whether b may do a with a recording or an account.
func (o *oracle) may(b bearer, a access.Action, resource cedar.EntityUID) bool {
	if b.account == "" {
		return false
	}
	decision, _ := cedar.Authorize(o.set, o.entities, cedar.Request{
		Principal: b.uid(), Action: cedar.NewEntityUID("Action", cedar.String(a)), Resource: resource, Context: cedar.NewRecord(nil),
	})
	return bool(decision)
}
