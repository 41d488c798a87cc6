package access

import "slices"

// Grant is what a bearer may do in one account. The zero Grant allows nothing.
type Grant struct {
	// Role is the bearer's role.
	Role Role
	// Owner is the bearer's user ID, "" for a token of the whole account.
	Owner string
	// Members are the users in the groups that a supervisor leads, sorted, without
	// Owner.
	Members []string
}

// Full is the grant of a deployment without access rules: everything.
var Full = Grant{Role: Admin}

// Scope returns the scope of a: the recordings with which the bearer may do it.
func (g Grant) Scope(a Action) Scope { return Policy[g.Role][a] }

// Has reports whether the bearer may do a with any recording at all.
func (g Grant) Has(a Action) bool { return g.Scope(a) != Nothing }

// May reports whether the bearer may do a with a recording of owner.
func (g Grant) May(a Action, owner string) bool {
	switch g.Scope(a) {
	case All:
		return true
	case OwnAndGroups:
		return g.owns(owner) || owner != "" && contains(g.Members, owner)
	case Own:
		return g.owns(owner)
	}
	return false
}

// owns reports whether owner is the bearer. A recording without an owner belongs to no bearer, and
// a token without an owner owns no recording.
func (g Grant) owns(owner string) bool { return owner != "" && owner == g.Owner }

// Owners returns the owners of the recordings with which the bearer may do a, sorted. all is true
// if these are the recordings of every owner.
func (g Grant) Owners(a Action) (owners []string, all bool) {
	switch g.Scope(a) {
	case All:
		return nil, true
	case OwnAndGroups:
		owners = append(owners, g.Members...)
	case Nothing:
		return nil, false
	}
	if g.Owner != "" {
		owners = append(owners, g.Owner)
	}
	slices.Sort(owners)
	return slices.Compact(owners), false
}

func contains(sorted []string, s string) bool {
	_, ok := slices.BinarySearch(sorted, s)
	return ok
}
