package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/store"
)

// Limits of the account tree.
const (
	// MaxDepth is the maximum number of ancestors of an account that is added or moved.
	MaxDepth = 100
	// MaxAccountName is the maximum size of an account's name, in bytes.
	MaxAccountName = 200
)

// Errors of a Tree.
var (
	// ErrNoAccount means that an account has no entry.
	ErrNoAccount = errors.New("unknown account")
	// ErrAccountExists means that an account to add has an entry already.
	ErrAccountExists = errors.New("the account exists")
	// ErrCycle means that an account would be above itself.
	ErrCycle = errors.New("an account cannot be below itself")
	// ErrAccount means that an ID, a name or a depth is invalid.
	ErrAccount = errors.New("invalid account")
)

// Tree changes the account tree. It is safe for concurrent use, also by several
// processes.
//
// Each entry repeats all ancestors of its account, so a change of an account must be
// carried down to all accounts below. At most one such change is in progress at any
// time. It begins with one transaction that changes the account itself and stores a
// marker. Then each account below is rewritten, from the top, in a transaction that
// checks that its parent's entry is unchanged. An account that is added meanwhile is
// computed from its parent's entry in the same way. So its entry is correct at once, or
// its parent is still to be rewritten, and it is rewritten after its parent. Last, the
// marker is removed.
//
// Readers see each entry as it was before the change or as it is after it. If a change
// dies partway, its marker remains, and the next change or [Tree.Resume] finishes it.
type Tree struct {
	entries store.Entries
}

// NewTree returns the tree in a store.
func NewTree(entries store.Entries) *Tree { return &Tree{entries: entries} }

// childPrefix starts the key of a child in its parent's partition.
const childPrefix = "child/"

// childKey returns the key of the mark that account is directly below parent. The
// partition of the parent "" has the accounts at the top.
func childKey(parent, account string) store.EntryKey {
	return store.EntryKey{Partition: Partition(parent), Key: childPrefix + account}
}

// node is an account and the revision of its entry.
type node struct {
	Account
	id, revision string
}

// write returns the write that replaces or adds the entry of n.
func (n node) write() (store.EntryWrite, error) {
	value, err := json.Marshal(n.Account)
	if err != nil {
		return store.EntryWrite{}, fmt.Errorf("encode account %s: %w", n.id, err)
	}
	return store.Replace(store.Entry{EntryKey: AccountKey(n.id), Value: value, Revision: n.revision}), nil
}

// unchanged returns the write that only checks that n still has its revision. The parent
// of an account at the top has no entry, and needs no check.
func (n node) unchanged() []store.EntryWrite {
	if n.id == "" {
		return nil
	}
	return []store.EntryWrite{{Entry: store.Entry{EntryKey: AccountKey(n.id), Revision: n.revision}, If: store.IfUnchanged, CheckOnly: true}}
}

// below returns n as an account directly below parent. If n is itself disabled, it stays
// so.
func (n node) below(parent node) node {
	disabled, before := n.DisabledItself(n.id), n.Ancestors
	n.Parent, n.Ancestors, n.Disabled = parent.id, nil, nil
	if parent.id != "" {
		n.Ancestors = append([]string{parent.id}, parent.Ancestors...)
	}
	if !slices.Equal(before, n.Ancestors) {
		n.Moves++
	}
	if disabled {
		n.Disabled = []string{n.id}
	}
	n.Disabled = append(n.Disabled, parent.Disabled...)
	return n
}

// read returns the account with an ID. The ID "" stands for the parent of the accounts
// at the top. Errors: ErrNoAccount, store.ErrUnavailable.
func (t *Tree) read(ctx context.Context, id string) (node, error) {
	if id == "" {
		return node{}, nil
	}
	found, err := t.entries.Entries(ctx, AccountKey(id))
	if err != nil {
		return node{}, err
	}
	if len(found) == 0 {
		return node{}, fmt.Errorf("%w: %s", ErrNoAccount, id)
	}
	return nodeOf(id, found[0])
}

func nodeOf(id string, e store.Entry) (node, error) {
	a, err := ParseAccount(e.Value)
	return node{Account: a, id: id, revision: e.Revision}, err
}

// Add adds an account directly below parent, or at the top if parent is "".
// Errors: ErrAccount, ErrAccountExists, ErrCycle, ErrNoAccount for the parent,
// store.ErrConflict, store.ErrUnavailable.
func (t *Tree) Add(ctx context.Context, account, parent, name string) error {
	switch {
	case !auth.ValidName(account), parent != "" && !auth.ValidName(parent):
		return fmt.Errorf("%w: an ID has 1 to 64 characters of [A-Za-z0-9_-]", ErrAccount)
	case len(name) > MaxAccountName:
		return fmt.Errorf("%w: the name has %d bytes, the limit is %d", ErrAccount, len(name), MaxAccountName)
	case account == parent:
		return fmt.Errorf("%w: %s", ErrCycle, account)
	}
	return store.Retry(ctx, maxTries, func() error {
		above, err := t.read(ctx, parent)
		if err != nil {
			return err
		}
		switch _, err := t.read(ctx, account); {
		case err == nil:
			return fmt.Errorf("%w: %s", ErrAccountExists, account)
		case !errors.Is(err, ErrNoAccount):
			return err
		}
		added := node{Account: Account{Name: name}, id: account}.below(above)
		added.Moves = 0
		if err := checkDepth(added); err != nil {
			return err
		}
		w, err := added.write()
		if err != nil {
			return err
		}
		return t.entries.WriteEntries(ctx, append(above.unchanged(), w, mark(parent, account))...)
	})
}

func checkDepth(n node) error {
	if len(n.Ancestors) > MaxDepth {
		return fmt.Errorf("%w: %s would have %d accounts above it, the limit is %d", ErrAccount, n.id, len(n.Ancestors), MaxDepth)
	}
	return nil
}

// mark returns the write of the mark that account is below parent.
func mark(parent, account string) store.EntryWrite {
	return store.EntryWrite{Entry: store.Entry{EntryKey: childKey(parent, account), Value: []byte("{}")}}
}

// Rename changes the name of an account. Errors: ErrAccount, ErrNoAccount,
// store.ErrConflict, store.ErrUnavailable.
func (t *Tree) Rename(ctx context.Context, account, name string) error {
	if len(name) > MaxAccountName {
		return fmt.Errorf("%w: the name has %d bytes, the limit is %d", ErrAccount, len(name), MaxAccountName)
	}
	return store.Retry(ctx, maxTries, func() error {
		n, err := t.read(ctx, account)
		if err != nil || n.Name == name {
			return err
		}
		n.Name = name
		w, err := n.write()
		if err != nil {
			return err
		}
		return t.entries.WriteEntries(ctx, w)
	})
}

// Above returns the accounts that would be above an account directly below parent, nearest
// first: none if parent is "". The account need not exist. Errors: ErrCycle, ErrNoAccount for
// the parent, store.ErrUnavailable.
func (t *Tree) Above(ctx context.Context, account, parent string) ([]string, error) {
	above, err := t.above(ctx, account, parent)
	if err != nil {
		return nil, err
	}
	return node{id: account}.below(above).Ancestors, nil
}

// above returns the parent of an account that is moved. Errors: those of Above.
func (t *Tree) above(ctx context.Context, account, parent string) (node, error) {
	if account == parent {
		return node{}, fmt.Errorf("%w: %s", ErrCycle, account)
	}
	above, err := t.read(ctx, parent)
	if err == nil && above.Below(account) {
		err = fmt.Errorf("%w: %s is below %s", ErrCycle, parent, account)
	}
	return above, err
}

// Move puts an account, with everything below it, directly below parent, or at the top
// if parent is "". Errors: ErrAccount if it would be too deep, ErrCycle, ErrNoAccount,
// store.ErrConflict, store.ErrUnavailable. After store.ErrUnavailable the change may
// have begun; [Tree.Resume] finishes it.
func (t *Tree) Move(ctx context.Context, account, parent string) error {
	return t.change(ctx, account, func(n node) (changed node, with []store.EntryWrite, err error) {
		above, err := t.above(ctx, account, parent)
		if err != nil {
			return n, nil, err
		}
		changed = n.below(above)
		if n.Parent == parent {
			return changed, nil, nil
		}
		left := mark(n.Parent, account)
		left.Delete = true
		return changed, append(above.unchanged(), left, mark(parent, account)), checkDepth(changed)
	})
}

// Disable refuses all tokens of an account and of everything below it. It does nothing
// to an account that is itself disabled. Errors: ErrNoAccount, store.ErrConflict,
// store.ErrUnavailable as for Move.
func (t *Tree) Disable(ctx context.Context, account string) error {
	return t.change(ctx, account, func(n node) (node, []store.EntryWrite, error) { return n.disabled(true, ""), nil, nil })
}

// Enable takes back Disable. Accounts below that are themselves disabled, and an account
// below a disabled one, stay refused. Errors: those of Disable.
func (t *Tree) Enable(ctx context.Context, account string) error {
	return t.change(ctx, account, func(n node) (node, []store.EntryWrite, error) { return n.disabled(false, ""), nil, nil })
}

// Follow disables or enables an account to match the source of an import. An account
// that an operator has disabled stays disabled. Errors: those of Disable.
func (t *Tree) Follow(ctx context.Context, account string, enabled bool, source string) error {
	return t.change(ctx, account, func(n node) (node, []store.EntryWrite, error) {
		if itself := n.DisabledItself(account); itself && n.DisabledBy != source || itself != enabled {
			return n, nil, nil
		}
		return n.disabled(!enabled, source), nil, nil
	})
}

// disabled returns n as an account that is itself disabled by source, or that is not.
func (n node) disabled(disabled bool, by string) node {
	n.Disabled = slices.DeleteFunc(slices.Clone(n.Disabled), func(id string) bool { return id == n.id })
	n.DisabledBy = ""
	if disabled {
		n.Disabled, n.DisabledBy = append([]string{n.id}, n.Disabled...), by
	}
	return n
}
