package access

import "slices"

// Role determines the rights of a bearer within the account of its token.
type Role string

// The roles.
const (
	// Admin may do everything, as every Kazoo token may.
	Admin Role = "admin"
	// Auditor listens to everything and reads the audit trail.
	Auditor Role = "auditor"
	// Supervisor has its own recordings and those of the groups that it leads.
	Supervisor Role = "supervisor"
	// User has its own recordings.
	User Role = "user"
	// Service is an API key: a token without an owner.
	Service Role = "service"
)

// Roles are all roles, in the order of the guide.
var Roles = []Role{Admin, Auditor, Supervisor, User, Service}

// Valid reports whether r is one of Roles.
func (r Role) Valid() bool { return slices.Contains(Roles, r) }

// Action is an operation on recordings, or on who may use them.
type Action string

// The actions. Clients see their names in data.cause of a 403.
const (
	// List reads pages of documents.
	List Action = "list"
	// Read reads one document.
	Read Action = "read"
	// Listen reads the audio.
	Listen Action = "listen"
	// Tag patches a document.
	Tag Action = "tag"
	// Create creates a recording.
	Create Action = "create"
	// Delete deletes a recording.
	Delete Action = "delete"
	// Restore brings a deleted recording back.
	Restore Action = "restore"
	// Share makes, lists and revokes links.
	Share Action = "share"
	// Hold places legal holds.
	Hold Action = "hold"
	// Release releases legal holds.
	Release Action = "release"
	// Retention changes how long recordings are kept.
	Retention Action = "retention"
	// Audit reads the audit trail.
	Audit Action = "audit"
	// Manage changes roles and groups.
	Manage Action = "manage"
)

// Actions are all actions, in the order of the guide.
var Actions = []Action{List, Read, Listen, Tag, Create, Delete, Restore, Share, Hold, Release, Retention, Audit, Manage}

// Reasons returns the set of the actions with these names, for the setting
// REQUIRE_REASON.
func Reasons(names []string) map[Action]bool {
	set := make(map[Action]bool, len(names))
	for _, name := range names {
		set[Action(name)] = true
	}
	return set
}

// Scope is the set of recordings that a right covers.
type Scope int

// The scopes, each with more recordings than the one before.
const (
	// Nothing covers no recording: the role lacks the right.
	Nothing Scope = iota
	// Own covers the recordings that the bearer owns.
	Own
	// OwnAndGroups also covers those of members of the groups that the bearer leads.
	OwnAndGroups
	// All covers the account and every account below it.
	All
)

// Policy has the scope of each right; a missing entry is Nothing. docs/access.md
// prints it, and a test compares the two.
var Policy = map[Role]map[Action]Scope{
	Admin: {
		List: All, Read: All, Listen: All, Tag: All, Create: All, Delete: All, Restore: All, Share: All,
		Hold: All, Release: All, Retention: All, Audit: All, Manage: All,
	},
	Auditor: {List: All, Read: All, Listen: All, Audit: All},
	Supervisor: {
		List: OwnAndGroups, Read: OwnAndGroups, Listen: OwnAndGroups, Tag: OwnAndGroups,
		Create: Own, Share: OwnAndGroups,
	},
	User:    {List: Own, Read: Own, Listen: Own, Tag: Own, Create: Own, Share: Own},
	Service: {List: All, Read: All, Listen: All, Tag: All, Create: All, Delete: All, Restore: All},
}
