package access

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/callrecordings/api/shared/store"
)

// accountPartition precedes the account ID in the name of a partition of entries.
const accountPartition = "account/"

// accountEntry is the key of an account's own entry.
const accountEntry = "account"

// Account is an account's place in the tree, as its entry holds it. An account without an
// entry counts as the zero Account: enabled, with no account above it.
type Account struct {
	// Name is a label for people. It may be empty, and need not be unique.
	Name string `json:"name,omitempty"`
	// Parent is the account directly above; "" for the top of a tree.
	Parent string `json:"parent,omitempty"`
	// Ancestors are all accounts above, nearest first, so the first one is Parent.
	Ancestors []string `json:"ancestors,omitempty"`
	// Disabled lists which of the account itself and its ancestors are disabled. If there
	// are any, requests for the account are refused.
	Disabled []string `json:"disabled,omitempty"`
	// DisabledBy is the import that disabled the account itself, such as "kazoo"; "" if
	// an operator did. An import does not enable what an operator has disabled.
	DisabledBy string `json:"disabled_by,omitempty"`
	// Moves is how often Ancestors have changed since the account was added. So it tells an
	// account that has moved out and back from one that has stayed.
	Moves int `json:"moves,omitempty"`
}

// Partition returns the partition of the entries of an account: its own, its children,
// users and groups.
func Partition(account string) string { return accountPartition + account }

// AccountKey returns the key of an account's own entry.
func AccountKey(account string) store.EntryKey {
	return store.EntryKey{Partition: Partition(account), Key: accountEntry}
}

// ParseAccount reads the value of an account's entry.
func ParseAccount(value []byte) (Account, error) {
	var a Account
	if err := json.Unmarshal(value, &a); err != nil {
		return Account{}, fmt.Errorf("read the entry of an account: %w", err)
	}
	return a, nil
}

// Below reports whether the account is below ancestor in the tree.
func (a Account) Below(ancestor string) bool { return slices.Contains(a.Ancestors, ancestor) }

// Enabled reports whether neither the account nor an account above it is disabled.
func (a Account) Enabled() bool { return len(a.Disabled) == 0 }

// DisabledItself reports whether the account with this ID is itself disabled, and not only one
// above it.
func (a Account) DisabledItself(id string) bool { return slices.Contains(a.Disabled, id) }
