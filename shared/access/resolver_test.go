package access

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// rules is a resolver over a SQLite store, with a clock that the test moves.
type rules struct {
	*sqlite.Store
	*Resolver
	clock time.Time
}

func newRules(t *testing.T, d Default) *rules {
	t.Helper()
	r := &rules{clock: time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)}
	now := func() time.Time { return r.clock }
	var err error
	r.Store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rules.db"), sqlite.Options{Now: now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	r.Resolver = NewResolver(r.Store, Options{Default: d, Now: now})
	return r
}

func (r *rules) write(t *testing.T, key store.EntryKey, value string) {
	t.Helper()
	if err := r.WriteEntries(t.Context(), store.EntryWrite{Entry: store.Entry{EntryKey: key, Value: []byte(value)}}); err != nil {
		t.Fatal(err)
	}
}

// tree stores the accounts A > B > C, where D below B is disabled, and the users of A.
func (r *rules) tree(t *testing.T) {
	t.Helper()
	for account, value := range map[string]string{
		"A": `{}`, "B": `{"parent":"A","ancestors":["A"]}`, "C": `{"parent":"B","ancestors":["B","A"]}`,
		"D": `{"parent":"B","ancestors":["B","A"],"disabled":["D"]}`,
		"E": `{"parent":"D","ancestors":["D","B","A"],"disabled":["D"]}`,
	} {
		r.write(t, AccountKey(account), value)
	}
	for user, value := range map[string]string{
		"boss": `{"role":"supervisor","leads":["sales","support"]}`, "anna": `{"role":"user"}`, "otto": `{"role":"auditor"}`,
		"root": `{"role":"admin"}`, "lead": `{"leads":["sales"]}`,
	} {
		r.write(t, UserKey("A", user), value)
	}
	for _, member := range [][2]string{{"sales", "anna"}, {"sales", "boss"}, {"support", "zoe"}, {"support", "anna"}, {"salesmen", "x"}} {
		r.write(t, MemberKey("A", member[0], member[1]), `{}`)
	}
}

func TestGrant(t *testing.T) {
	t.Parallel()
	user := func(account, owner string) auth.Bearer { return auth.Bearer{Account: account, Owner: owner} }
	claim := func(owner, role string, groups ...string) auth.Bearer {
		return auth.Bearer{Account: "A", Owner: owner, Role: role, Groups: groups}
	}
	boss := Grant{Role: Supervisor, Owner: "boss", Members: []string{"anna", "zoe"}}
	for name, tt := range map[string]struct {
		d       Default
		bearer  auth.Bearer
		account string
		want    Grant
		err     error
	}{
		"Kazoo's default":               {WholeAccount, user("A", "new"), "A", Grant{Role: Admin, Owner: "new"}, nil},
		"Kazoo's default, below":        {WholeAccount, user("A", "new"), "C", Grant{Role: Admin}, nil},
		"an API key in Kazoo's default": {WholeAccount, user("A", ""), "A", Grant{Role: Admin}, nil},
		"an unknown user":               {OwnOnly, user("A", "new"), "A", Grant{Role: User, Owner: "new"}, nil},
		"an unknown user below":         {OwnOnly, user("A", "new"), "B", Grant{}, ErrOutOfReach},
		"an API key":                    {OwnOnly, user("A", ""), "A", Grant{Role: Service}, nil},
		"an API key, below":             {OwnOnly, user("A", ""), "C", Grant{Role: Service}, nil},
		"other roles":                   {WholeAccount, auth.Bearer{Account: "A", Owner: "new", Unassigned: true}, "A", Grant{Role: User, Owner: "new"}, nil},
		"other roles, and a stored one": {WholeAccount, auth.Bearer{Account: "A", Owner: "otto", Unassigned: true}, "A", Grant{Role: Auditor, Owner: "otto"}, nil},
		"a user with a role":            {WholeAccount, user("A", "anna"), "A", Grant{Role: User, Owner: "anna"}, nil},
		"of the same ID below":          {WholeAccount, user("A", "anna"), "B", Grant{}, ErrOutOfReach},
		"another account's user":        {WholeAccount, user("B", "anna"), "B", Grant{Role: Admin, Owner: "anna"}, nil},
		"an auditor":                    {OwnOnly, user("A", "otto"), "A", Grant{Role: Auditor, Owner: "otto"}, nil},
		"an auditor, below":             {OwnOnly, user("A", "otto"), "B", Grant{Role: Auditor}, nil},
		"an admin, below":               {OwnOnly, user("A", "root"), "C", Grant{Role: Admin}, nil},
		"a supervisor":                  {OwnOnly, user("A", "boss"), "A", boss, nil},
		"a supervisor, below":           {OwnOnly, user("A", "boss"), "B", Grant{}, ErrOutOfReach},
		"a leader without a role":       {OwnOnly, user("A", "lead"), "A", Grant{Role: User, Owner: "lead"}, nil},
		"a claim":                       {OwnOnly, claim("anna", "admin"), "A", Grant{Role: Admin, Owner: "anna"}, nil},
		"a claim that takes away":       {WholeAccount, claim("root", "user"), "A", Grant{Role: User, Owner: "root"}, nil},
		"a claim with groups":           {OwnOnly, claim("boss", "supervisor", "sales", "salesmen"), "A", Grant{Role: Supervisor, Owner: "boss", Members: []string{"anna", "x", "zoe"}}, nil},
		"a claim with bad groups":       {OwnOnly, claim("new", "supervisor", "", "a/b", "none", "sales/", "sales"), "A", Grant{Role: Supervisor, Owner: "new", Members: []string{"anna", "boss"}}, nil},
		"groups without the role":       {OwnOnly, claim("new", "", "sales"), "A", Grant{Role: User, Owner: "new"}, nil},
		"a claim with an unknown role":  {WholeAccount, claim("root", "owner"), "A", Grant{Role: "owner", Owner: "root"}, nil},
		"an unknown role, below":        {WholeAccount, claim("root", "owner"), "B", Grant{}, ErrOutOfReach},
		"the account above":             {WholeAccount, user("B", ""), "A", Grant{}, ErrOutOfReach},
		"beside":                        {WholeAccount, user("C", ""), "D", Grant{}, ErrOutOfReach},
		"an unknown account":            {WholeAccount, user("A", ""), "X", Grant{}, ErrOutOfReach},
		"an unknown account's own":      {WholeAccount, user("X", ""), "X", Grant{Role: Admin}, nil},
		"other case":                    {WholeAccount, user("A", ""), "a", Grant{}, ErrOutOfReach},
		"no account":                    {WholeAccount, user("A", ""), "", Grant{}, ErrOutOfReach},
		"a malformed account":           {WholeAccount, user("A", ""), "B/account", Grant{}, ErrOutOfReach},
		"the zero bearer":               {WholeAccount, auth.Bearer{}, "", Grant{}, ErrOutOfReach},
		"a disabled account":            {WholeAccount, user("A", ""), "D", Grant{}, ErrDisabled},
		"its own tokens":                {WholeAccount, user("D", ""), "D", Grant{}, ErrDisabled},
		"below a disabled account":      {WholeAccount, user("A", ""), "E", Grant{}, ErrDisabled},
		"its own tokens below":          {WholeAccount, user("E", ""), "E", Grant{}, ErrDisabled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRules(t, tt.d)
			r.tree(t)
			for _, state := range []string{"cold", "warm"} {
				got, err := r.Grant(t.Context(), tt.bearer, tt.account)
				if !errors.Is(err, tt.err) || !reflect.DeepEqual(got, tt.want) {
					t.Errorf("%s: Grant(%+v, %q) = %+v, %v, want %+v, %v", state, tt.bearer, tt.account, got, err, tt.want, tt.err)
				}
			}
		})
	}
}

// calls returns how many calls of the store a grant takes.
func (r *rules) calls(t *testing.T, b auth.Bearer, account string) int {
	t.Helper()
	e := &requestlog.Entry{}
	if _, err := r.Grant(requestlog.With(t.Context(), e), b, account); err != nil && !errors.Is(err, ErrOutOfReach) {
		t.Fatal(err)
	}
	return e.Calls
}

// For a minute, a grant takes no call. Then a change is seen.
func TestGrantIsKept(t *testing.T) {
	t.Parallel()
	r := newRules(t, OwnOnly)
	r.tree(t)
	boss := auth.Bearer{Account: "A", Owner: "boss"}
	if n := r.calls(t, boss, "A"); n != 4 { // SQLite reads entries one by one; 2 groups
		t.Errorf("a cold grant takes %d calls, want 4", n)
	}
	r.clock = r.clock.Add(59 * time.Second)
	for _, account := range []string{"A", "A"} {
		if n := r.calls(t, boss, account); n != 0 {
			t.Errorf("a warm grant takes %d calls, want none", n)
		}
	}
	r.write(t, UserKey("A", "boss"), `{"role":"user"}`)
	r.write(t, AccountKey("A"), `{"disabled":["A"]}`)
	r.clock = r.clock.Add(time.Second)
	if _, err := r.Grant(t.Context(), boss, "A"); !errors.Is(err, ErrDisabled) {
		t.Errorf("Grant a minute after the account was disabled = %v, want ErrDisabled", err)
	}
}

// An expired entry does not count, even if it is still stored.
func TestGrantIgnoresExpiredEntries(t *testing.T) {
	t.Parallel()
	r := newRules(t, OwnOnly)
	stored := fixedEntries{{
		EntryKey: UserKey("A", "anna"), Value: []byte(`{"role":"admin"}`), Expires: recording.SecondsOf(r.clock),
	}}
	got, err := NewResolver(stored, r.Options).Grant(t.Context(), auth.Bearer{Account: "A", Owner: "anna"}, "A")
	if err != nil || got.Role != User {
		t.Errorf("Grant = %+v, %v, want a user", got, err)
	}
}

// fixedEntries is a reader that always returns the same entries.
type fixedEntries []store.Entry

func (f fixedEntries) Entries(context.Context, ...store.EntryKey) ([]store.Entry, error) {
	return f, nil
}

func (f fixedEntries) PageEntries(context.Context, store.EntryQuery) (store.EntryPage, error) {
	return store.EntryPage{Entries: f}, nil
}

// A failed read is an error, and is not kept.
func TestGrantWithoutTheStore(t *testing.T) {
	t.Parallel()
	r := newRules(t, OwnOnly)
	r.tree(t)
	down := &failing{EntryReader: r.Store, down: true}
	resolver := NewResolver(down, r.Options)
	boss := auth.Bearer{Account: "A", Owner: "boss"}
	if _, err := resolver.Grant(t.Context(), boss, "A"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Grant without a store = %v, want ErrUnavailable", err)
	}
	down.down = false
	if got, err := resolver.Grant(t.Context(), boss, "A"); err != nil || got.Role != Supervisor {
		t.Errorf("Grant afterwards = %+v, %v", got, err)
	}
}

type failing struct {
	store.EntryReader
	down bool
}

func (f *failing) Entries(ctx context.Context, keys ...store.EntryKey) ([]store.Entry, error) {
	if f.down {
		return nil, store.ErrUnavailable
	}
	return f.EntryReader.Entries(ctx, keys...)
}

// The tokens of one account may ask for any number of accounts. Entries of others stay,
// and memory is bounded.
func TestCacheIsFair(t *testing.T) {
	t.Parallel()
	r := newRules(t, OwnOnly)
	r.tree(t)
	victim := auth.Bearer{Account: "B", Owner: "b"}
	r.calls(t, victim, "B")
	for i := range 3 * maxShare / overhead {
		r.cache.put("A", cacheKey{ofAccount, fmt.Sprintf("account%d", i)}, cached{until: r.clock.Add(time.Hour)})
	}
	if n := r.calls(t, victim, "B"); n != 0 {
		t.Errorf("another account's grant takes %d calls, want none", n)
	}
	c := &r.cache
	if c.size > 2*maxShare {
		t.Errorf("the cache takes %d bytes, want at most %d for each account", c.size, maxShare)
	}
	for tenant := range 40 {
		for i := range 12 {
			c.put(fmt.Sprintf("tenant%d", tenant), cacheKey{ofMembers, strconv.Itoa(i)}, cached{size: 80_000, until: r.clock.Add(time.Hour)})
		}
	}
	total := 0
	for _, e := range c.shares {
		total += e.Value.(*share).size
	}
	if total != c.size || total > maxCache || len(c.shares) != c.recent.Len() {
		t.Errorf("%d shares of %d bytes, counted %d, want at most %d", len(c.shares), total, c.size, maxCache)
	}
}

func TestGrantConcurrently(t *testing.T) {
	t.Parallel()
	r := newRules(t, OwnOnly)
	r.tree(t)
	r.TTL = time.Nanosecond
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				owner := []string{"boss", "anna"}[i%2]
				got, err := r.Grant(t.Context(), auth.Bearer{Account: "A", Owner: owner}, "A")
				if err != nil || got.Owner != owner || i%2 == 0 && len(got.Members) != 2 {
					t.Errorf("Grant(%s) = %+v, %v", owner, got, err)
				}
			}
		})
	}
	all.Wait()
}

// A group with more members than the limit is an error, not a shorter list.
func TestTooManyMembers(t *testing.T) {
	t.Parallel()
	many := make(fixedEntries, MaxMembers+1)
	for i := range many {
		many[i].EntryKey = MemberKey("A", "sales", fmt.Sprintf("u%05d", i))
	}
	boss := auth.Bearer{Account: "A", Owner: "x", Role: "supervisor", Groups: []string{"sales"}}
	for n, want := range map[int]error{MaxMembers: nil, MaxMembers + 1: ErrTooMany} {
		r := NewResolver(onlyPages{many[:n]}, Options{Now: time.Now})
		got, err := r.Grant(t.Context(), boss, "A")
		if !errors.Is(err, want) || err == nil && len(got.Members) != n {
			t.Errorf("Grant with %d members = %d members, %v, want %v", n, len(got.Members), err, want)
		}
	}
}

// onlyPages has members and no other entries.
type onlyPages struct{ fixedEntries }

func (onlyPages) Entries(context.Context, ...store.EntryKey) ([]store.Entry, error) { return nil, nil }
