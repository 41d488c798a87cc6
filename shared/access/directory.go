package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/store"
)

// Errors of a [Directory].
var (
	// ErrNoUser means that a user has no entry.
	ErrNoUser = errors.New("nothing is stored about the user")
	// ErrNoGroup means that the group does not exist.
	ErrNoGroup = errors.New("unknown group")
	// ErrLimit means that a group would have too many members or leaders, or a user
	// would lead too many groups.
	ErrLimit = errors.New("too many members or leaders")
	// ErrInvalid means that an ID, a name or a role is invalid.
	ErrInvalid = errors.New("invalid user or group")
)

// maxTries bounds how often a change starts over after a conflict.
const maxTries = 50

// Directory reads and writes the users and groups of accounts. It is safe for
// concurrent use, also by several processes. Its methods return [store.ErrUnavailable]
// and, if other clients change the same user or group too often at the same moment,
// [store.ErrConflict].
type Directory struct {
	entries store.Entries
}

// NewDirectory returns the directory in a store.
func NewDirectory(entries store.Entries) *Directory { return &Directory{entries: entries} }

// Person is a user and its ID.
type Person struct {
	// ID is the user's ID.
	ID string `json:"id"`
	UserEntry
}

// Team is a group and its ID.
type Team struct {
	// ID is the group's ID.
	ID string `json:"id"`
	Group
}

// User returns a user who has an entry. Error: ErrNoUser.
func (d *Directory) User(ctx context.Context, account, user string) (Person, error) {
	p, err := d.person(ctx, account, user)
	if err == nil && p.revision == "" {
		err = ErrNoUser
	}
	return p.Person, err
}

// Users returns the users after the ID after, in order, at most limit of them. The
// next page begins after the ID next; "" means that this is the last page.
func (d *Directory) Users(ctx context.Context, account, after string, limit int) (users []Person, next string, err error) {
	next, err = d.page(ctx, account, UserPrefix, after, limit, func(id string, value []byte) error {
		u, err := ParseUser(value)
		users = append(users, Person{id, u})
		return err
	})
	return users, next, err
}

// SetUser stores the role, the name and the source of a user. The groups that it leads
// stay. Error: ErrInvalid.
func (d *Directory) SetUser(ctx context.Context, account, user string, to UserEntry) (Person, error) {
	return d.ChangeUser(ctx, account, user, func(u *UserEntry) error {
		leads := u.Leads
		*u = to
		u.Leads = leads
		return nil
	})
}

// ChangeUser changes the entry of a user, except the groups that it leads. change may run
// several times. An entry that becomes empty is removed. Errors: ErrInvalid, and those of
// change.
func (d *Directory) ChangeUser(ctx context.Context, account, user string, change func(*UserEntry) error) (Person, error) {
	var p person
	err := store.Retry(ctx, maxTries, func() (err error) {
		if p, err = d.person(ctx, account, user); err != nil {
			return err
		}
		leads := p.Leads
		if err := change(&p.UserEntry); err != nil {
			return err
		}
		if p.Role != "" && !p.Role.Valid() || !validName(p.Name) {
			return ErrInvalid
		}
		p.Leads = leads
		return d.entries.WriteEntries(ctx, p.write(account)...)
	})
	return p.Person, err
}

// RemoveUser removes the role of a user, and takes the groups that it leads from it.
// The user stays a member of groups, so their leaders can still listen to its recordings.
// Error: ErrNoUser.
func (d *Directory) RemoveUser(ctx context.Context, account, user string) error {
	return store.Retry(ctx, maxTries, func() error {
		p, err := d.person(ctx, account, user)
		switch {
		case err != nil:
			return err
		case p.revision == "":
			return ErrNoUser
		}
		led := p.Leads
		p.UserEntry = UserEntry{}
		writes := p.write(account)
		for _, id := range led {
			t, err := d.team(ctx, account, id)
			if err != nil {
				return err
			}
			if t.revision != "" {
				t.Leaders = without(t.Leaders, user)
				writes = append(writes, t.write(account))
			}
		}
		return d.entries.WriteEntries(ctx, writes...)
	})
}

// person is a user and the revision of its entry, "" if it has none.
type person struct {
	Person
	revision string
}

func (d *Directory) person(ctx context.Context, account, user string) (person, error) {
	all, err := d.people(ctx, account, user)
	if err != nil {
		return person{}, err
	}
	return *all[user], nil
}

// people returns users by their IDs, also users without an entry.
func (d *Directory) people(ctx context.Context, account string, ids ...string) (map[string]*person, error) {
	all := make(map[string]*person, len(ids))
	var keys []store.EntryKey
	for _, id := range ids {
		if !auth.ValidName(account) || !auth.ValidName(id) {
			return nil, ErrInvalid
		}
		if all[id] == nil {
			all[id] = &person{Person: Person{ID: id}}
			keys = append(keys, UserKey(account, id))
		}
	}
	found, err := d.entries.Entries(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	for i := range found {
		p := all[strings.TrimPrefix(found[i].Key, UserPrefix)]
		if p.UserEntry, err = ParseUser(found[i].Value); err != nil {
			return nil, err
		}
		p.revision = found[i].Revision
	}
	return all, nil
}

// write returns the write that stores p, or removes its entry if it is empty.
func (p *person) write(account string) []store.EntryWrite {
	empty := p.Role == "" && p.Name == "" && len(p.Leads) == 0
	if empty && p.revision == "" {
		return nil
	}
	w := entryWrite(UserKey(account, p.ID), p.UserEntry, p.revision)
	w.Delete = empty
	return []store.EntryWrite{w}
}

// entryWrite returns the write that stores v if the entry still has its revision, or
// does not exist if revision is "".
func entryWrite(key store.EntryKey, v any, revision string) store.EntryWrite {
	value, err := json.Marshal(v)
	if err != nil { // only texts and lists of texts
		value = []byte("{}")
	}
	return store.Replace(store.Entry{EntryKey: key, Value: value, Revision: revision})
}

// page passes the entries after an ID to add, at most limit of them. limit is from 1 to
// store's page.
func (d *Directory) page(ctx context.Context, account, prefix, after string, limit int, add func(id string, value []byte) error) (next string, err error) {
	if !auth.ValidName(account) || after != "" && !auth.ValidName(after) {
		return "", ErrInvalid
	}
	q := store.EntryQuery{Partition: Partition(account), Prefix: prefix, Limit: limit}
	if after != "" {
		q.After = prefix + after
	}
	page, err := d.entries.PageEntries(ctx, q)
	if err != nil {
		return "", fmt.Errorf("read a page of %s of an account: %w", strings.TrimSuffix(prefix, "/"), err)
	}
	for i := range page.Entries {
		if err := add(strings.TrimPrefix(page.Entries[i].Key, prefix), page.Entries[i].Value); err != nil {
			return "", err
		}
	}
	return strings.TrimPrefix(page.Next, prefix), nil
}

func validName(name string) bool {
	return len(name) <= MaxName && !strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f || c == 0xfffd })
}

// without returns sorted without s.
func without(sorted []string, s string) []string {
	return slices.DeleteFunc(slices.Clone(sorted), func(one string) bool { return one == s })
}
