package retention

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// rulesTime is how long what applies to an account is cached. A new policy or hold
	// takes that long to show in documents. Removals read it anew.
	rulesTime = 10 * time.Second
	// maxRules bounds the cache, in bytes that are estimated: rulesSize for an account,
	// memberSize for a member of a group, holdSize for a hold.
	maxRules   = 16 << 20
	rulesSize  = 2 << 10
	memberSize = 100
	holdSize   = 500
)

// Applied has the two limits on the life of an account's recordings: a policy ends it, and
// holds extend it.
type Applied struct {
	*Effective
	// Holds are the active legal holds.
	Holds hold.Set
}

// HoldsGuard returns the guard for a decision that rests on Holds.
func (a *Applied) HoldsGuard() store.Guard {
	return store.Guard{EntryKey: hold.Key(a.Account), Revision: a.Holds.Guard().Revision}
}

// idle reports whether nothing limits the life of any recording.
func (a *Applied) idle() bool { return !a.Limits() && len(a.Holds.Holds()) == 0 }

// Keeps sets r.Kept, and reports whether r has not expired at the time now or is on hold.
func (a *Applied) Keeps(r *recording.Recording, now recording.Seconds) bool {
	if a.idle() {
		return true
	}
	var kept recording.Kept
	kept.Expires, kept.Rule = a.Expires(r)
	for _, h := range a.Holds.Covering(r) {
		kept.Holds = append(kept.Holds, h.ID)
	}
	if kept.Expires != 0 || len(kept.Holds) > 0 {
		r.Kept = &kept
	}
	return kept.Expires == 0 || kept.Expires > now || len(kept.Holds) > 0
}

// Rules caches what applies to accounts, for 10 seconds. It is bounded: the accounts that
// were not used for the longest time go first. It is safe for concurrent use.
type Rules struct {
	book Book
	now  func() time.Time

	mu       sync.Mutex
	accounts map[string]*list.Element
	recent   list.List // of *cachedRules, the most recently used first
	size     int
}

type cachedRules struct {
	account string
	applied *Applied
	until   time.Time
	size    int
}

// NewRules returns a cache of the policies and holds in entries.
func NewRules(entries store.EntryReader, now func() time.Time) *Rules {
	return &Rules{book: Book{Entries: entries}, now: now, accounts: map[string]*list.Element{}}
}

// Of returns the policy and the holds of an account. Callers must not change it. Errors:
// store.ErrUnavailable.
func (c *Rules) Of(ctx context.Context, account string) (*Applied, error) {
	now := c.now()
	if found := c.get(account, now); found != nil {
		return found, nil
	}
	a, err := c.book.Applied(ctx, account)
	if err == nil {
		c.put(account, a, now.Add(rulesTime))
	}
	return a, err
}

// Applied returns the policy and the holds of an account, strongly consistent. Errors:
// store.ErrUnavailable.
func (b Book) Applied(ctx context.Context, account string) (*Applied, error) {
	held := hold.Key(account)
	found, err := b.entries(ctx, access.AccountKey(account), SettingsKey(account), held)
	if err != nil {
		return nil, err
	}
	a := new(Applied)
	if entry, ok := found[held]; ok {
		if a.Holds, err = hold.Of(entry); err != nil {
			return nil, err
		}
	}
	a.Effective, err = b.effective(ctx, account, found, proposal{})
	return a, err
}

func (c *Rules) get(account string, now time.Time) *Applied {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.accounts[account]
	if !ok {
		return nil
	}
	found := at.Value.(*cachedRules) //nolint:forcetypeassert // the list holds no other type
	// A clock that was set back must not keep an entry for longer.
	if left := found.until.Sub(now); left <= 0 || left > rulesTime {
		c.drop(at)
		return nil
	}
	c.recent.MoveToFront(at)
	return found.applied
}

func (c *Rules) put(account string, a *Applied, until time.Time) {
	size := rulesSize + len(a.Holds.Holds())*holdSize
	for _, set := range a.members {
		size += len(set) * memberSize
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.accounts[account]; ok {
		c.drop(at)
	}
	c.accounts[account] = c.recent.PushFront(&cachedRules{account, a, until, size})
	c.size += size
	for c.size > maxRules {
		c.drop(c.recent.Back())
	}
}

func (c *Rules) drop(at *list.Element) {
	old := c.recent.Remove(at).(*cachedRules) //nolint:forcetypeassert // the list holds no other type
	delete(c.accounts, old.account)
	c.size -= old.size
}
