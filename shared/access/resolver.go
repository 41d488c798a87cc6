package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Errors of [Resolver.Grant], besides [store.ErrUnavailable].
var (
	// ErrOutOfReach means that the token does not reach the account.
	ErrOutOfReach = errors.New("the token does not reach the account")
	// ErrDisabled means that the account, or one above it, is disabled.
	ErrDisabled = errors.New("the account is disabled")
	// ErrTooMany means that a limit of users and groups is exceeded: a group has more
	// than MaxMembers members, or a user leads groups with more than that together.
	ErrTooMany = errors.New("too many members or leaders")
)

// Default decides the role of a user without one (setting USER_ACCESS).
type Default string

// The defaults.
const (
	// WholeAccount makes every token of an account an Admin, as in Kazoo.
	WholeAccount Default = "account"
	// OwnOnly makes a token with an owner a User, and one without a Service.
	OwnOnly Default = "own"
)

// role returns the role of a bearer without one.
func (d Default) role(owner string) Role {
	switch {
	case d != OwnOnly:
		return Admin
	case owner == "":
		return Service
	}
	return User
}

// defaultTTL is the default lifetime of a cached entry.
const defaultTTL = 60 * time.Second

// Options configure a Resolver.
type Options struct {
	// Default decides the role of a user without one; "" means WholeAccount.
	Default Default
	// Now is the clock; required.
	Now func() time.Time
	// TTL is the lifetime of a cached entry; 0 means 60 s. A change of roles, groups or
	// the tree takes at most that long to take effect.
	TTL time.Duration
}

// Resolver finds the rights of the bearer of a token in an account. It is safe for
// concurrent use.
type Resolver struct {
	entries store.EntryReader
	Options
	cache cache
}

// NewResolver returns a resolver that reads entries.
func NewResolver(entries store.EntryReader, o Options) *Resolver {
	if o.TTL == 0 {
		o.TTL = defaultTTL
	}
	return &Resolver{entries: entries, Options: o}
}

// Grant returns the rights of b in account. The role is that of a claim that the token's
// issuer is trusted for, or else the one stored for the user in the token's account, or
// else the default. Below the token's account only roles that cover whole accounts have
// rights: a user ID means another user there.
//
// The first request of an account in 60 s reads its entry and that of the user in one
// call, and the groups of a supervisor in one or more calls each.
// Errors: ErrOutOfReach, ErrDisabled, ErrTooMany, store.ErrUnavailable.
func (r *Resolver) Grant(ctx context.Context, b auth.Bearer, account string) (Grant, error) {
	if b.Account == "" || !auth.ValidName(account) {
		return Grant{}, ErrOutOfReach
	}
	place, user, err := r.read(ctx, b, account)
	if err != nil {
		return Grant{}, err
	}
	own := account == b.Account
	if !own && !place.Below(b.Account) {
		return Grant{}, ErrOutOfReach
	}
	if !place.Enabled() {
		return Grant{}, ErrDisabled
	}
	g := Grant{Role: r.role(b, user), Owner: b.Owner}
	switch {
	case !own && g.Scope(List) != All:
		return Grant{}, ErrOutOfReach
	case !own:
		g.Owner = "" // the ID of a user of another account
	case g.Role == Supervisor:
		g.Members, err = r.members(ctx, b, user)
	}
	return g, err
}

// role returns the role of a bearer. A claim with an unknown role counts: that role has
// no rights. A bearer that has only roles that do not count is a User. The default role does not
// apply to it, because that role may be Admin.
func (r *Resolver) role(b auth.Bearer, stored UserEntry) Role {
	switch {
	case b.Role != "":
		return Role(b.Role)
	case stored.Role != "":
		return stored.Role
	case b.Unassigned:
		return User
	}
	return r.Default.role(b.Owner)
}

// read returns the entries of an account and of the bearer's user.
func (r *Resolver) read(ctx context.Context, b auth.Bearer, account string) (Account, UserEntry, error) {
	now := r.Now()
	place, hasPlace := r.cache.get(b.Account, cacheKey{ofAccount, account}, now)
	user, hasUser := cached{}, b.Owner == ""
	if !hasUser {
		user, hasUser = r.cache.get(b.Account, cacheKey{ofUser, b.Owner}, now)
	}
	if hasPlace && hasUser {
		return place.account, user.user, nil
	}
	var keys []store.EntryKey
	if !hasPlace {
		keys = append(keys, AccountKey(account))
	}
	if !hasUser {
		keys = append(keys, UserKey(b.Account, b.Owner))
	}
	found, err := r.entries.Entries(ctx, keys...)
	if err != nil {
		return Account{}, UserEntry{}, fmt.Errorf("read the access rules: %w", err)
	}
	for i := range found {
		if expired(&found[i], now) {
			continue
		}
		if err := parse(&found[i], AccountKey(account), &place, &user); err != nil {
			return Account{}, UserEntry{}, err
		}
	}
	until := now.Add(r.TTL)
	if !hasPlace {
		place.until = until
		r.cache.put(b.Account, cacheKey{ofAccount, account}, place)
	}
	if !hasUser {
		user.until = until
		r.cache.put(b.Account, cacheKey{ofUser, b.Owner}, user)
	}
	return place.account, user.user, nil
}

// parse reads e into place if it has the key of the account, or else into user.
func parse(e *store.Entry, account store.EntryKey, place, user *cached) (err error) {
	if e.EntryKey == account {
		place.size = len(e.Value)
		place.account, err = ParseAccount(e.Value)
		return err
	}
	user.size = len(e.Value)
	user.user, err = ParseUser(e.Value)
	return err
}

// expired reports whether e no longer counts at the time now.
func expired(e *store.Entry, now time.Time) bool {
	return e.Expires != 0 && e.Expires <= recording.SecondsOf(now)
}

// members returns the users in the groups that a supervisor leads, sorted and without
// the supervisor. Groups of a claim that the issuer is trusted for count too.
func (r *Resolver) members(ctx context.Context, b auth.Bearer, u UserEntry) ([]string, error) {
	groups := slices.Concat(u.Leads, b.Groups)
	slices.Sort(groups)
	groups = slices.Compact(groups)
	if len(groups) > MaxLeaders {
		return nil, ErrTooMany
	}
	var all []string
	for _, group := range groups {
		if !auth.ValidName(group) {
			continue
		}
		some, err := r.membersOf(ctx, b.Account, group)
		if err != nil {
			return nil, err
		}
		if all = append(all, some...); len(all) > MaxMembers {
			return nil, ErrTooMany
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return slices.DeleteFunc(all, func(m string) bool { return m == b.Owner }), nil
}

// membersOf returns the members of a group, sorted.
func (r *Resolver) membersOf(ctx context.Context, account, group string) ([]string, error) {
	now, key := r.Now(), cacheKey{ofMembers, group}
	if found, ok := r.cache.get(account, key, now); ok {
		return found.members, nil
	}
	read := cached{until: now.Add(r.TTL)}
	q := store.EntryQuery{Partition: Partition(account), Prefix: MemberPrefix(group), Limit: pageOfMembers}
	for e, err := range store.AllEntries(ctx, r.entries, q) {
		if err != nil {
			return nil, fmt.Errorf("read the members of a group: %w", err)
		}
		if expired(e, now) {
			continue
		}
		if len(read.members) == MaxMembers {
			return nil, ErrTooMany
		}
		member := e.Key[len(q.Prefix):]
		read.members = append(read.members, member)
		read.size += len(member) + stringHeader
	}
	r.cache.put(account, key, read)
	return read.members, nil
}

const (
	// pageOfMembers is how many members one call reads.
	pageOfMembers = 2500
	// stringHeader is the size of a string besides its bytes.
	stringHeader = 16
)
