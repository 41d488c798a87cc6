package follow

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/store"
)

// maxTries bounds how often a change starts over after a conflict.
const maxTries = 20

// pageSize is how many entries are read at once.
const pageSize = 500

// object is the value of an entry. Members that an import does not know stay.
type object map[string]json.RawMessage

func (o object) text(name string) string {
	var s string
	_ = json.Unmarshal(o[name], &s) // "" if it is no string
	return s
}

// with returns o with changed members; "" removes one.
func (o object) with(members map[string]string) object {
	next := object{}
	for name, value := range o {
		next[name] = value
	}
	for name, value := range members {
		delete(next, name)
		if value != "" {
			next[name], _ = json.Marshal(value) // a string can always be encoded
		}
	}
	return next
}

func (o object) same(p object) bool {
	if len(o) != len(p) {
		return false
	}
	for name := range o {
		if string(o[name]) != string(p[name]) {
			return false
		}
	}
	return true
}

// stored is an entry and its value.
type stored struct {
	store.Entry
	value object
}

// read returns the entries of an account under a prefix. The map's keys are without the
// prefix.
func (r *run) read(ctx context.Context, account, prefix string) (map[string]stored, error) {
	found := map[string]stored{}
	q := store.EntryQuery{Partition: access.Partition(account), Prefix: prefix, Limit: pageSize}
	for e, err := range store.AllEntries(ctx, r.Entries, q) {
		if err != nil {
			return nil, err
		}
		s := stored{Entry: *e}
		if err := json.Unmarshal(e.Value, &s.value); err != nil {
			return nil, fmt.Errorf("read entry %s: %w", e.Key, err)
		}
		found[strings.TrimPrefix(e.Key, prefix)] = s
	}
	return found, nil
}

// replace stores next in place of was, or as a new entry. A next of nil removes it.
func (r *run) replace(ctx context.Context, account, key string, was stored, next object) error {
	value, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("encode entry %s: %w", key, err)
	}
	w := store.Replace(store.Entry{
		EntryKey: store.EntryKey{Partition: access.Partition(account), Key: key}, Value: value, Revision: was.Revision, Expires: was.Expires,
	})
	w.Delete = next == nil
	return r.Entries.WriteEntries(ctx, w)
}

// users gives the users of an account their roles.
func (r *run) users(ctx context.Context, a Account) error {
	users, err := r.Source.Users(ctx, a.ID)
	if err != nil {
		return err
	}
	r.result.Users += len(users)
	kept := r.result.Kept
	return store.Retry(ctx, maxTries, func() error {
		r.result.Kept = kept
		here, err := r.read(ctx, a.ID, access.UserPrefix)
		if err != nil {
			return err
		}
		for _, u := range users {
			if err := r.user(ctx, a.ID, u, here[u.ID]); err != nil {
				return err
			}
			delete(here, u.ID)
		}
		for _, id := range slices.Sorted(maps.Keys(here)) {
			if err := r.formerUser(ctx, a.ID, id, here[id]); err != nil {
				return err
			}
		}
		return nil
	})
}

// user gives a user a role, unless a person has chosen another one.
func (r *run) user(ctx context.Context, account string, u User, was stored) error {
	if role := was.value.text("role"); role != "" && was.value.text("source") != r.Name {
		if role != string(u.Role) {
			r.result.Kept++
		}
		return nil
	}
	next := was.value.with(map[string]string{"role": string(u.Role), "name": shorten(u.Name), "source": r.Name})
	if next.same(was.value) {
		return nil
	}
	what := "role " + string(u.Role)
	if was.value.text("role") == string(u.Role) {
		what = "renamed"
	}
	return r.change(Change{Account: account, User: u.ID, Change: what}, func() error {
		return r.replace(ctx, account, access.UserPrefix+u.ID, was, next)
	})
}

// formerUser takes the role from a user that the source no longer has. An entry that
// also states which groups the user leads stays.
func (r *run) formerUser(ctx context.Context, account, id string, was stored) error {
	if was.value.text("source") != r.Name {
		return nil
	}
	next := was.value.with(map[string]string{"role": "", "name": "", "source": ""})
	if len(next) == 0 {
		next = nil
	}
	return r.change(Change{Account: account, User: id, Change: "role removed"}, func() error {
		return r.replace(ctx, account, access.UserPrefix+id, was, next)
	})
}
