package retention

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// settingsEntry is the key of an account's Settings in the partition of the account.
const settingsEntry = "retention"

// Index is the partition of the accounts that have settings of their own.
const Index = "retention"

// maxGuards is how many settings guard one removal, besides the entry of the account and
// its holds. In a deeper tree, the settings of accounts further up are read but not guarded.
const maxGuards = store.MaxGuards - 2

// pageOfMembers is how many members of a group one call reads.
const pageOfMembers = 2500

// SettingsKey returns the key of the settings of an account.
func SettingsKey(account string) store.EntryKey {
	return store.EntryKey{Partition: access.Partition(account), Key: settingsEntry}
}

// Book reads the settings of accounts.
type Book struct {
	// Entries has the settings, the account tree and the groups.
	Entries store.EntryReader
}

// Effective returns the policy that applies to an account, strongly consistent. It reads the entry and
// the settings of the account, then the settings of the accounts above it, and then the
// members of the groups in the policy; most accounts need only the first read. Errors:
// store.ErrUnavailable.
func (b Book) Effective(ctx context.Context, account string) (*Effective, error) {
	return b.with(ctx, account, proposal{})
}

// With returns the policy that would apply to an account if another account, or the account itself,
// had the given settings. Errors: those of Effective.
func (b Book) With(ctx context.Context, account, changed string, to Settings) (*Effective, error) {
	return b.with(ctx, account, proposal{account: changed, settings: &to})
}

// proposal is a change of one account that is not made yet. The zero value changes nothing.
type proposal struct {
	// account is the account that would change.
	account string
	// settings, if not nil, would be its settings.
	settings *Settings
	// moved is true if above would be all accounts above it, nearest first.
	moved bool
	above []string
	// groups would be changes of the members of its groups.
	groups []access.MemberChange
}

// chain returns an account and all accounts above it, as they would be. The argument is how
// they are.
func (p proposal) chain(chain []string) []string {
	if i := slices.Index(chain, p.account); p.moved && i >= 0 {
		return slices.Concat(chain[:i+1], p.above)
	}
	return chain
}

func (b Book) with(ctx context.Context, account string, p proposal) (*Effective, error) {
	found, err := b.entries(ctx, access.AccountKey(account), SettingsKey(account))
	if err != nil {
		return nil, err
	}
	return b.effective(ctx, account, found, p)
}

// entries reads entries by their keys.
func (b Book) entries(ctx context.Context, keys ...store.EntryKey) (map[store.EntryKey]store.Entry, error) {
	all := make(map[store.EntryKey]store.Entry, len(keys))
	for some := range slices.Chunk(keys, store.MaxEntries) {
		found, err := b.Entries.Entries(ctx, some...)
		if err != nil {
			return nil, fmt.Errorf("read retention settings: %w", err)
		}
		for _, e := range found {
			all[e.EntryKey] = e
		}
	}
	return all, nil
}

// effective returns the policy that applies to an account. found has the account's own entries.
func (b Book) effective(ctx context.Context, account string, found map[store.EntryKey]store.Entry, p proposal) (*Effective, error) {
	e, err := b.inherited(ctx, account, found, p)
	if err != nil {
		return nil, err
	}
	if err := b.readGroups(ctx, e); err != nil {
		return nil, err
	}
	p.regroup(e)
	return e, nil
}

// inherited is like effective, without the members of groups.
func (b Book) inherited(ctx context.Context, account string, found map[store.EntryKey]store.Entry, p proposal) (*Effective, error) {
	e := &Effective{Account: account}
	own := access.AccountKey(account)
	e.guards = append(e.guards, store.Guard{EntryKey: own, Revision: found[own].Revision})
	chain := []string{account}
	if entry, ok := found[own]; ok {
		a, err := access.ParseAccount(entry.Value)
		if err != nil {
			return nil, err
		}
		chain, e.moves = append(chain, a.Ancestors...), a.Moves
	}
	chain = p.chain(chain)
	all, err := b.settings(ctx, chain, found, e)
	if err != nil {
		return nil, err
	}
	for _, name := range chain {
		s := all[name]
		if name == p.account && p.settings != nil {
			s = *p.settings
		}
		e.apply(name, s)
	}
	if e.Bounds.Max > 0 {
		e.Bounds.Max = max(e.Bounds.Max, e.Bounds.Min)
	}
	return e, nil
}

// apply adds the settings of an account above those that were applied before.
func (e *Effective) apply(name string, s Settings) {
	if e.Source == "" && s.Policy != nil {
		e.Source, e.Policy = name, *s.Policy
	}
	e.Bounds.Min = max(e.Bounds.Min, s.Min)
	if s.Max > 0 && (e.Bounds.Max == 0 || s.Max < e.Bounds.Max) {
		e.Bounds.Max = s.Max
	}
}

// settings returns the settings of the accounts of a chain that have some. found has those
// of the first one.
func (b Book) settings(ctx context.Context, chain []string, found map[store.EntryKey]store.Entry, e *Effective) (map[string]Settings, error) {
	if len(chain) > 1 {
		keys := make([]store.EntryKey, 0, len(chain))
		for _, name := range chain[1:] {
			keys = append(keys, SettingsKey(name))
		}
		above, err := b.entries(ctx, keys...)
		if err != nil {
			return nil, err
		}
		above[SettingsKey(chain[0])] = found[SettingsKey(chain[0])]
		found = above
	}
	all := make(map[string]Settings, len(chain))
	for i, name := range chain {
		key := SettingsKey(name)
		entry := found[key]
		e.revisions = append(e.revisions, entry.Revision)
		if i < maxGuards {
			e.guards = append(e.guards, store.Guard{EntryKey: key, Revision: entry.Revision})
		}
		if entry.Revision == "" {
			continue
		}
		s, err := parseSettings(entry.Value)
		if err != nil {
			return nil, err
		}
		all[name] = s
	}
	return all, nil
}

func parseSettings(value []byte) (Settings, error) {
	var s Settings
	if err := json.Unmarshal(value, &s); err != nil {
		return Settings{}, fmt.Errorf("read retention settings: %w", err)
	}
	return s, nil
}

// readGroups reads the members of the groups in the policy.
func (b Book) readGroups(ctx context.Context, e *Effective) error {
	for i := range e.Policy.Rules {
		group := e.Policy.Rules[i].Group
		if group == "" || e.members[group] != nil {
			continue
		}
		if e.members == nil {
			e.members = map[string]map[string]bool{}
		}
		set := map[string]bool{}
		q := store.EntryQuery{Partition: access.Partition(e.Account), Prefix: access.MemberPrefix(group), Limit: pageOfMembers}
		for member, err := range store.AllEntries(ctx, b.Entries, q) {
			if err != nil {
				return fmt.Errorf("read the members of a group: %w", err)
			}
			set[member.Key[len(q.Prefix):]] = true
		}
		e.members[group] = set
	}
	return nil
}

// Own returns the settings of the account itself and their revision, "" if it never had any.
// Errors: store.ErrUnavailable.
func (b Book) Own(ctx context.Context, account string) (s Settings, revision string, err error) {
	found, err := b.Entries.Entries(ctx, SettingsKey(account))
	if err != nil || len(found) == 0 {
		return Settings{}, "", err
	}
	s, err = parseSettings(found[0].Value)
	return s, found[0].Revision, err
}

// Save stores the settings of an account, if they still have the revision that
// [Book.Own] returned. Settings without a policy and without bounds are stored too, if there
// were others: [Effective.Version] needs their revision. The mark of the account stays, because
// accounts below may still have bookmarks. Errors: store.ErrConflict if another client changed
// them, store.ErrUnavailable.
func Save(ctx context.Context, entries store.Entries, account, revision string, s Settings) error {
	value, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode retention settings: %w", err)
	}
	w := store.Replace(store.Entry{EntryKey: SettingsKey(account), Value: value, Revision: revision})
	if revision == "" && s.Policy == nil && s.Bounds == (Bounds{}) {
		return nil
	}
	mark := store.EntryWrite{Entry: store.Entry{EntryKey: store.EntryKey{Partition: Index, Key: account}, Value: []byte("{}")}}
	if err := entries.WriteEntries(ctx, mark, w); err != nil {
		return fmt.Errorf("save retention settings: %w", err)
	}
	return nil
}

// Listed returns the accounts that have, or had, settings of their own, in order.
// Errors: store.ErrUnavailable.
func (b Book) Listed(ctx context.Context) ([]string, error) {
	var all []string
	q := store.EntryQuery{Partition: Index, Limit: pageOfMembers}
	for e, err := range store.AllEntries(ctx, b.Entries, q) {
		if err != nil {
			return nil, fmt.Errorf("read the accounts with retention settings: %w", err)
		}
		all = append(all, e.Key)
	}
	return all, nil
}

// Below passes an account to do, and then the accounts below it, except listed accounts and
// those below them. An account that is not in the tree has no others below it. Errors:
// store.ErrUnavailable, and those of do.
func (b Book) Below(ctx context.Context, tree *access.Tree, account string, listed func(string) bool, do func(access.Listed) error) error {
	inTree := false
	err := tree.Walk(ctx, account, func(a access.Listed) error {
		inTree = true
		nearest := slices.IndexFunc(a.Ancestors, listed)
		if a.ID == account || !listed(a.ID) && nearest >= 0 && a.Ancestors[nearest] == account {
			return do(a)
		}
		return nil
	})
	if errors.Is(err, access.ErrNoAccount) && !inTree {
		return do(access.Listed{ID: account})
	}
	return err
}

// seconds returns days as a span of time.
func seconds(days int) recording.Seconds { return recording.Seconds(days * recording.Day) }
