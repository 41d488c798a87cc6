package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/store"
)

// markerKey is the key of the marker of the change in progress.
var markerKey = store.EntryKey{Partition: "tree", Key: "change"}

// marker is the value of the marker: everything below Account may have to be rewritten.
type marker struct {
	Account string `json:"account"`
}

// childPage is how many children are read at once. Each of them is then read by its key.
const childPage = store.MaxEntries

// change begins a change of an account and carries it down. next returns the changed
// account, and writes that belong to the same transaction. If next changes nothing,
// neither does change.
func (t *Tree) change(ctx context.Context, account string, next func(node) (node, []store.EntryWrite, error)) error {
	began := false
	err := store.Retry(ctx, maxTries, func() error {
		if err := t.Resume(ctx); err != nil {
			return err
		}
		n, err := t.read(ctx, account)
		if err != nil {
			return err
		}
		if n.id == "" {
			return fmt.Errorf("%w: no ID", ErrAccount)
		}
		changed, with, err := next(n)
		if err != nil || reflect.DeepEqual(changed.Account, n.Account) {
			return err
		}
		w, err := changed.write()
		if err != nil {
			return err
		}
		value, err := json.Marshal(marker{account})
		if err != nil {
			return fmt.Errorf("encode the marker of %s: %w", account, err)
		}
		m := store.EntryWrite{Entry: store.Entry{EntryKey: markerKey, Value: value}, If: store.IfAbsent}
		if err := t.entries.WriteEntries(ctx, append(with, w, m)...); err != nil {
			return err
		}
		began = true
		return nil
	})
	if err != nil || !began {
		return err
	}
	return t.Resume(ctx)
}

// Resume finishes the change in progress, if there is one. Several clients may do so at
// the same time. Errors: store.ErrConflict, store.ErrUnavailable.
func (t *Tree) Resume(ctx context.Context) error {
	found, err := t.entries.Entries(ctx, markerKey)
	if err != nil || len(found) == 0 {
		return err
	}
	var m marker
	if err := json.Unmarshal(found[0].Value, &m); err != nil {
		return fmt.Errorf("read the marker of a change: %w", err)
	}
	if err := t.descend(ctx, m.Account); err != nil {
		return err
	}
	err = t.entries.WriteEntries(ctx, store.EntryWrite{Entry: found[0], If: store.IfUnchanged, Delete: true})
	if errors.Is(err, store.ErrConflict) { // another client has removed it
		return nil
	}
	return err
}

// descend rewrites everything below an account, each account before those below it.
func (t *Tree) descend(ctx context.Context, account string) error {
	open := []string{account}
	for len(open) > 0 {
		parent := open[len(open)-1]
		open = open[:len(open)-1]
		for after := ""; ; {
			children, next, err := t.children(ctx, parent, after)
			if err != nil {
				return err
			}
			if err := t.rewriteAll(ctx, parent, children); err != nil {
				return err
			}
			for _, child := range children {
				open = append(open, child.id)
			}
			if after = next; next == "" {
				break
			}
		}
	}
	return nil
}

// follows reports whether the entry of n is right below parent.
func (n node) follows(parent node) bool {
	return reflect.DeepEqual(n.Account, n.below(parent).Account)
}

// atOnce is how many children one transaction rewrites, beside the check of their parent.
const atOnce = store.MaxEntries - 1

// rewriteAll makes the entries of children follow that of their parent, many in one
// transaction. After a conflict it rewrites them one by one.
func (t *Tree) rewriteAll(ctx context.Context, parent string, children []node) error {
	if len(children) == 0 {
		return nil
	}
	above, err := t.read(ctx, parent)
	if err != nil {
		return err
	}
	stale := slices.DeleteFunc(slices.Clone(children), func(c node) bool { return c.follows(above) })
	for some := range slices.Chunk(stale, atOnce) {
		writes := above.unchanged()
		for _, c := range some {
			w, err := c.below(above).write()
			if err != nil {
				return err
			}
			writes = append(writes, w)
		}
		err := t.entries.WriteEntries(ctx, writes...)
		if !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrTooLarge) {
			if err != nil {
				return err
			}
			continue
		}
		for _, c := range some {
			if err := t.rewrite(ctx, parent, c.id); err != nil {
				return err
			}
		}
	}
	return nil
}

// rewrite makes the entry of a child follow that of its parent.
func (t *Tree) rewrite(ctx context.Context, parent, child string) error {
	return store.Retry(ctx, maxTries, func() error {
		above, err := t.read(ctx, parent)
		if err != nil {
			return err
		}
		n, err := t.read(ctx, child)
		if errors.Is(err, ErrNoAccount) || err == nil && n.Parent != parent {
			return nil // it has moved since
		}
		if err != nil {
			return err
		}
		if n.follows(above) {
			return nil
		}
		w, err := n.below(above).write()
		if err != nil {
			return err
		}
		return t.entries.WriteEntries(ctx, append(above.unchanged(), w)...)
	})
}

// children returns a page of the accounts directly below parent, in the order of their
// IDs, and where the next page begins, "" after the last one.
func (t *Tree) children(ctx context.Context, parent, after string) (found []node, next string, err error) {
	p, err := t.entries.PageEntries(ctx, store.EntryQuery{Partition: Partition(parent), Prefix: childPrefix, After: after, Limit: childPage})
	if err != nil || len(p.Entries) == 0 {
		return nil, p.Next, err
	}
	keys := make([]store.EntryKey, len(p.Entries))
	for i := range p.Entries {
		keys[i] = AccountKey(strings.TrimPrefix(p.Entries[i].Key, childPrefix))
	}
	entries, err := t.entries.Entries(ctx, keys...)
	if err != nil {
		return nil, "", err
	}
	for _, e := range entries {
		n, err := nodeOf(strings.TrimPrefix(e.Partition, accountPartition), e)
		if err != nil {
			return nil, "", err
		}
		if n.Parent == parent {
			found = append(found, n)
		}
	}
	return found, p.Next, nil
}

// Listed is an account of a list.
type Listed struct {
	// ID is the account's ID.
	ID string
	Account
}

// Top returns the account at the top of the tree that has the account: the account itself if no
// other is above it.
func (a Listed) Top() string {
	if len(a.Ancestors) == 0 {
		return a.ID
	}
	return a.Ancestors[len(a.Ancestors)-1]
}

// Account returns an account. Errors: ErrNoAccount, store.ErrUnavailable.
func (t *Tree) Account(ctx context.Context, account string) (Account, error) {
	n, err := t.read(ctx, account)
	return n.Account, err
}

// Walk passes an account and everything below it to do, each account before those below
// it, and siblings in the order of their IDs. The account "" stands for all accounts, and
// is not passed itself. An account that moves meanwhile may be passed twice or not at
// all. Errors: ErrNoAccount, store.ErrUnavailable, and those of do, which end the walk.
func (t *Tree) Walk(ctx context.Context, account string, do func(Listed) error) error {
	n, err := t.read(ctx, account)
	if err != nil {
		return err
	}
	if account != "" {
		if err := do(Listed{account, n.Account}); err != nil {
			return err
		}
	}
	return t.walk(ctx, account, 0, do)
}

// walk passes everything below parent to do. depth ends a walk that accounts which move
// meanwhile would keep going.
func (t *Tree) walk(ctx context.Context, parent string, depth int, do func(Listed) error) error {
	if depth > 4*MaxDepth {
		return fmt.Errorf("%w: the tree is too deep", ErrAccount)
	}
	for after := ""; ; {
		children, next, err := t.children(ctx, parent, after)
		if err != nil {
			return err
		}
		for _, c := range children {
			if err := do(Listed{c.id, c.Account}); err != nil {
				return err
			}
			if err := t.walk(ctx, c.id, depth+1, do); err != nil {
				return err
			}
		}
		if after = next; next == "" {
			return nil
		}
	}
}
