package access

import (
	"container/list"
	"sync"
	"time"
)

// Bounds of the cache, in bytes. The size of an entry is an estimate.
const (
	// maxShare is the most that the entries read for the tokens of one account take.
	// It holds the members of a group of MaxMembers.
	maxShare = 1 << 20
	// maxCache is the most that all entries together take.
	maxCache = 16 << 20
	// overhead is what an entry takes besides its texts.
	overhead = 256
)

// cacheKey identifies an entry in a share: its kind and its ID.
type cacheKey struct {
	kind byte
	id   string
}

// The kinds of cached entries.
const (
	ofAccount = 'a'
	ofUser    = 'u'
	ofMembers = 'm'
)

// cached is a parsed entry. An entry that does not exist is the zero value.
type cached struct {
	account Account
	user    UserEntry
	members []string
	until   time.Time
	size    int
}

// cache keeps entries for the resolver. The tokens of each account have a share of their
// own, with a bound of its own, so that one account's requests cannot push out the
// entries of others. When all shares together are too large, the least recently used
// share goes.
type cache struct {
	mu     sync.Mutex
	shares map[string]*list.Element
	recent list.List // of *share, the most recently used first
	size   int
}

// share has the entries read for the tokens of one account.
type share struct {
	tenant  string
	entries map[cacheKey]*list.Element
	recent  list.List // of *slot, the most recently used first
	size    int
}

type slot struct {
	key cacheKey
	cached
}

// get returns the entry unless it is absent or too old at the time now.
func (c *cache) get(tenant string, key cacheKey, now time.Time) (cached, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.shares[tenant]
	if !ok {
		return cached{}, false
	}
	c.recent.MoveToFront(at)
	s := at.Value.(*share) //nolint:forcetypeassert // the list holds no other type
	e, ok := s.entries[key]
	if !ok {
		return cached{}, false
	}
	found := e.Value.(*slot) //nolint:forcetypeassert // the list holds no other type
	if !now.Before(found.until) {
		c.size -= s.drop(e)
		return cached{}, false
	}
	s.recent.MoveToFront(e)
	return found.cached, true
}

// put adds an entry, unless it is larger than a share.
func (c *cache) put(tenant string, key cacheKey, v cached) {
	v.size += overhead + len(key.id)
	if v.size > maxShare {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.shareOf(tenant)
	if e, ok := s.entries[key]; ok {
		c.size -= s.drop(e)
	}
	s.entries[key] = s.recent.PushFront(&slot{key, v})
	s.size += v.size
	c.size += v.size
	for s.size > maxShare {
		c.size -= s.drop(s.recent.Back())
	}
	for c.size > maxCache {
		last := c.recent.Back()
		oldest := last.Value.(*share) //nolint:forcetypeassert // the list holds no other type
		c.size -= oldest.size
		delete(c.shares, oldest.tenant)
		c.recent.Remove(last)
	}
}

// shareOf returns the share of an account, which becomes the most recently used.
func (c *cache) shareOf(tenant string) *share {
	if at, ok := c.shares[tenant]; ok {
		c.recent.MoveToFront(at)
		return at.Value.(*share) //nolint:forcetypeassert // the list holds no other type
	}
	s := &share{tenant: tenant, entries: map[cacheKey]*list.Element{}}
	if c.shares == nil {
		c.shares = map[string]*list.Element{}
	}
	c.shares[tenant] = c.recent.PushFront(s)
	return s
}

// drop removes an entry and returns its size.
func (s *share) drop(e *list.Element) int {
	old := s.recent.Remove(e).(*slot) //nolint:forcetypeassert // the list holds no other type
	delete(s.entries, old.key)
	s.size -= old.size
	return old.size
}
