package access

import (
	"encoding/json"
	"fmt"

	"github.com/callrecordings/api/shared/store"
)

// The kinds of entries in the partition of an account; see the package comment.
const (
	// UserPrefix starts the key of a user's entry; the user's ID follows.
	UserPrefix = "user/"
	// GroupPrefix starts the key of a group's entry; the group's ID follows.
	GroupPrefix  = "group/"
	memberPrefix = "member/"
)

// Limits of users and groups. [Directory] returns [ErrLimit] for more.
const (
	// MaxMembers is the maximum number of members of a group, and of all groups
	// together that one user leads.
	MaxMembers = 10_000
	// MaxLeaders is the maximum number of leaders of a group, and of groups that one
	// user leads.
	MaxLeaders = 40
	// MaxName is the maximum length of the name of a user or a group, in bytes.
	MaxName = 200
)

// UserEntry is the entry of a user of an account. A user without an entry counts as the
// zero UserEntry: the default decides about the role.
type UserEntry struct {
	// Role is the user's role; "" leaves it to the default.
	Role Role `json:"role,omitempty"`
	// Name is a label for people, not unique, maybe empty.
	Name string `json:"name,omitempty"`
	// Leads are the groups that the user leads, sorted. They count only for a
	// Supervisor.
	Leads []string `json:"leads,omitempty"`
	// Source is the import that wrote the role, such as "kazoo"; "" if a person chose
	// it. An import does not replace the choice of a person.
	Source string `json:"source,omitempty"`
}

// UserKey returns the key of a user's entry.
func UserKey(account, user string) store.EntryKey {
	return store.EntryKey{Partition: Partition(account), Key: UserPrefix + user}
}

// ParseUser reads the value of a user's entry.
func ParseUser(value []byte) (UserEntry, error) {
	var u UserEntry
	if err := json.Unmarshal(value, &u); err != nil {
		return UserEntry{}, fmt.Errorf("read the entry of a user: %w", err)
	}
	return u, nil
}

// Group is the entry of a group of an account. Its members have entries of
// their own, because there may be many of them.
type Group struct {
	// Name is a label for people, not unique, maybe empty.
	Name string `json:"name,omitempty"`
	// Leaders are the users who lead the group, sorted. Each has the group among the
	// Leads of its own entry.
	Leaders []string `json:"leaders,omitempty"`
	// Source is as in [UserEntry].
	Source string `json:"source,omitempty"`
	// Removing is true while the group is being removed. It then takes no members.
	Removing bool `json:"removing,omitempty"`
}

// GroupKey returns the key of a group's entry.
func GroupKey(account, group string) store.EntryKey {
	return store.EntryKey{Partition: Partition(account), Key: GroupPrefix + group}
}

// ParseGroup reads the value of a group's entry.
func ParseGroup(value []byte) (Group, error) {
	var g Group
	if err := json.Unmarshal(value, &g); err != nil {
		return Group{}, fmt.Errorf("read the entry of a group: %w", err)
	}
	return g, nil
}

// MemberKey returns the key of the entry that makes a user a member of a group.
func MemberKey(account, group, user string) store.EntryKey {
	return store.EntryKey{Partition: Partition(account), Key: MemberPrefix(group) + user}
}

// MemberPrefix starts the keys of a group's members; a user's ID follows.
func MemberPrefix(group string) string { return memberPrefix + group + "/" }
