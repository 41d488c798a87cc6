package access

import (
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/config"
)

// The table of rights, as the guide prints it: the columns are the actions in order.
func TestPolicy(t *testing.T) {
	t.Parallel()
	const none, own, groups, all = Nothing, Own, OwnAndGroups, All
	for role, want := range map[Role][13]Scope{
		//          list    read    listen  tag     create del   rest. share   hold  rel.  reten. audit manage
		Admin:      {all, all, all, all, all, all, all, all, all, all, all, all, all},
		Auditor:    {all, all, all, none, none, none, none, none, none, none, none, all, none},
		Supervisor: {groups, groups, groups, groups, own, none, none, groups, none, none, none, none, none},
		User:       {own, own, own, own, own, none, none, own, none, none, none, none, none},
		Service:    {all, all, all, all, all, all, all, none, none, none, none, none, none},
		"unknown":  {},
	} {
		g := Grant{Role: role, Owner: "me", Members: []string{"member"}}
		for i, action := range Actions {
			for owner, least := range map[string]Scope{"me": own, "member": groups, "other": all, "": all} {
				if got, want := g.May(action, owner), want[i] >= least; got != want {
					t.Errorf("%s may %s of owner %q: %v, want %v", role, action, owner, got, want)
				}
			}
		}
	}
}

func TestOwners(t *testing.T) {
	t.Parallel()
	supervisor := Grant{Role: Supervisor, Owner: "m", Members: []string{"a", "z"}}
	if got, all := supervisor.Owners(List); all || len(got) != 3 || got[0] != "a" || got[1] != "m" || got[2] != "z" {
		t.Errorf("owners of a supervisor: %q, %v", got, all)
	}
	if got, all := (Grant{Role: User}).Owners(List); all || len(got) != 0 {
		t.Errorf("owners of a user without an owner: %q, %v, want no one's", got, all)
	}
	if _, all := Full.Owners(Delete); !all {
		t.Error("the full grant has a limit")
	}
}

// The setting REQUIRE_REASON accepts the names of all actions.
func TestReasons(t *testing.T) {
	t.Parallel()
	var names []string
	for _, a := range Actions {
		names = append(names, string(a))
	}
	settings, err := config.Load(func(name string) string {
		return map[string]string{"REQUIRE_REASON": strings.Join(names, ",")}[name]
	}, config.Local)
	if err != nil {
		t.Fatal(err)
	}
	set := Reasons(settings.RequireReason)
	for _, a := range Actions {
		if !set[a] {
			t.Errorf("REQUIRE_REASON=%s does not demand a reason for it", a)
		}
	}
}
