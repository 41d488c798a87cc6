package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// fixedGrant gives every bearer the same grant.
type fixedGrant struct{ grant access.Grant }

func (f fixedGrant) Grant(context.Context, auth.Bearer, string) (access.Grant, error) {
	return f.grant, nil
}

// supervisorOf returns the grant of a supervisor of n users.
func supervisorOf(n int) access.Grant {
	g := access.Grant{Role: access.Supervisor, Owner: "u00"}
	for i := 1; i < n; i++ {
		g.Members = append(g.Members, fmt.Sprintf("u%02d", i))
	}
	return g
}

// lead returns an API with callers who lead n users, and with random recordings. A third
// of them belong to others. Several recordings have the same time.
func lead(t *testing.T, random *rand.Rand, n, recordings int) (*listAPI, []entry) {
	t.Helper()
	s := newListAPI(t, nil)
	s.env.Access = fixedGrant{supervisorOf(n)}
	s.list = List(s.env, s.store, s.sealer, true)
	var all []entry
	for i := range recordings {
		owner := fmt.Sprintf("u%02d", random.IntN(n))
		if random.IntN(3) == 0 {
			owner = "x" + owner
		}
		all = append(all, entry{id: fmt.Sprintf("202603-%04d", i), owner: owner, created: daysAgo(20) + recording.Seconds(random.IntN(recordings/3))})
	}
	s.put(t, all...)
	return s, all
}

// visible returns the IDs of the recordings that a supervisor sees, in order.
func visible(all []entry, ascending bool) []string {
	all = slices.DeleteFunc(slices.Clone(all), func(e entry) bool { return e.owner[0] == 'x' })
	slices.SortFunc(all, func(a, b entry) int {
		order := cmp.Or(cmp.Compare(b.created, a.created), strings.Compare(b.id, a.id))
		if ascending {
			order = -order
		}
		return order
	})
	ids := make([]string, 0, len(all))
	for _, e := range all {
		ids = append(ids, e.id)
	}
	return ids
}

// followAll returns the IDs of all pages. between runs after each page.
func (s *listAPI) followAll(t *testing.T, query string, between func()) (ids []string, pages int) {
	t.Helper()
	next := ""
	for {
		answer := s.ask(t, http.MethodGet, tenantList+"?"+query+next)
		answer.want(t, http.StatusOK, "")
		page := answer.ids(t)
		ids = append(ids, page...)
		pages++
		p := answer.page(t)
		if *p.PageSize != len(page) || pages > 500 {
			t.Fatalf("page %d has %d items, page_size %d", pages, len(page), *p.PageSize)
		}
		again := s.ask(t, http.MethodGet, tenantList+"?"+query+"&start_key="+*p.StartKey)
		if got := again.ids(t); between == nil && !slices.Equal(got, page) {
			t.Errorf("start_key returns %q, want this page, %q", got, page)
		}
		if p.NextStart == nil {
			return ids, pages
		}
		next = "&start_key=" + *p.NextStart
		if between != nil {
			between()
		}
	}
}

// The list of a supervisor is one list in order, for any number of users, size of pages
// and filter.
func TestSupervisorsList(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 7, maxMerged, maxMerged + 1, 40} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(uint64(n), 1))
			s, all := lead(t, random, n, 90)
			for _, ascending := range []bool{false, true} {
				want := visible(all, ascending)
				for _, size := range []int{1, 7, 1000} {
					if size == 1 && n != 7 {
						continue
					}
					query := fmt.Sprintf("page_size=%d&ascending=%v", size, ascending)
					got, pages := s.followAll(t, query, nil)
					if !slices.Equal(got, want) {
						t.Errorf("%s: %d recordings %q, want %d %q", query, len(got), got, len(want), want)
					}
					if least := (len(want) + size - 1) / size; n <= maxMerged && pages != least {
						t.Errorf("%s: %d pages, want full ones, %d", query, pages, least)
					}
					if got, _ := s.followAll(t, query+"&filter_direction=inbound", nil); !slices.Equal(got, want) {
						t.Errorf("%s with a filter: %d recordings, want %d", query, len(got), len(want))
					}
				}
				if got := s.ask(t, http.MethodGet, fmt.Sprintf("%s?paginate=false&ascending=%v", tenantList, ascending)).ids(t); !slices.Equal(got, want) {
					t.Errorf("unpaged: %d recordings, want %d", len(got), len(want))
				}
			}
		})
	}
}

// While recordings are created and deleted, every recording that stays is in the list
// exactly once and in order.
func TestSupervisorsListWhileItChanges(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 2))
		n := 2 + random.IntN(8)
		s, all := lead(t, random, n, 90)
		stays := func(id string) bool { return id[len(id)-1] != '7' }
		added := 0
		got, _ := s.followAll(t, "page_size=11", func() {
			for range 4 {
				victim := all[random.IntN(len(all))]
				if !stays(victim.id) {
					if _, err := s.store.Delete(t.Context(), tenant, victim.id, store.Deletion{}); err != nil && !errors.Is(err, store.ErrNotFound) {
						t.Fatal(err)
					}
				}
				added++
				s.put(t, entry{
					id: fmt.Sprintf("202603-new%d7", added), owner: fmt.Sprintf("u%02d", random.IntN(n)),
					created: daysAgo(20) + recording.Seconds(random.IntN(50)),
				})
			}
		})
		got = slices.DeleteFunc(got, func(id string) bool { return !stays(id) })
		want := slices.DeleteFunc(visible(all, false), func(id string) bool { return !stays(id) })
		if !slices.Equal(got, want) {
			t.Errorf("seed %d: %q, want %q", seed, got, want)
		}
	}
}

// faulty is a reader with faults.
type faulty struct {
	store.Reader
	fails func(store.Query) error
}

func (c faulty) Page(ctx context.Context, q store.Query) (store.Page, error) {
	if c.fails != nil {
		if err := c.fails(q); err != nil {
			return store.Page{}, err
		}
	}
	return c.Reader.Page(ctx, q)
}

// A page costs a bounded number of calls, and the log has all of them.
func TestSupervisorsListIsBounded(t *testing.T) {
	t.Parallel()
	s, _ := lead(t, rand.New(rand.NewPCG(1, 3)), maxMerged, 300)
	for _, filtered := range []bool{false, true} {
		e := &requestlog.Entry{}
		q := store.Query{Account: tenant, Limit: 50, MaxBytes: pageBytes}
		if filtered {
			q.Keep, q.Work = func(r *recording.Recording) bool { return strings.HasSuffix(r.ID, "7") }, store.Work{Calls: filterCalls, Bytes: filterBytes}
		}
		owners, _ := supervisorOf(maxMerged).Owners(access.List)
		page, err := pageOf(requestlog.With(t.Context(), e), s.store, q, owners)
		if err != nil || !filtered && len(page.Recordings) != 50 || e.Calls < maxMerged || e.Calls > 3*maxMerged {
			t.Errorf("filtered %v: %d recordings in %d calls, %v", filtered, len(page.Recordings), e.Calls, err)
		}
	}
}

// If one index cannot be read, the answer is an error and not a part of the list.
func TestSupervisorsListFails(t *testing.T) {
	t.Parallel()
	s, _ := lead(t, rand.New(rand.NewPCG(1, 4)), 5, 30)
	reader := faulty{s.store, func(q store.Query) error {
		if q.Owner == "u03" {
			return store.ErrUnavailable
		}
		return nil
	}}
	s.list = List(s.env, library{reader, s.store}, s.sealer, true)
	for _, query := range []string{"", "?paginate=false", "?filter_direction=inbound"} {
		s.ask(t, http.MethodGet, tenantList+query).want(t, http.StatusServiceUnavailable, "datastore_unreachable")
	}
}

// Near the deadline a page is short instead of late.
func TestSupervisorsListNearTheDeadline(t *testing.T) {
	t.Parallel()
	s, all := lead(t, rand.New(rand.NewPCG(1, 5)), 5, 60)
	owners, _ := supervisorOf(5).Owners(access.List)
	ctx, cancel := context.WithTimeout(t.Context(), store.Reserve-time.Millisecond)
	defer cancel()
	var got []string
	q := store.Query{Account: tenant, Limit: 1000, Keep: func(*recording.Recording) bool { return true }}
	for range 10_000 {
		page, err := pageOf(ctx, s.store, q, owners)
		if err != nil {
			t.Fatal(err)
		}
		for i := range page.Recordings {
			got = append(got, page.Recordings[i].ID)
		}
		if page.Next == nil {
			break
		}
		q.Start = *page.Next
	}
	if want := visible(all, false); !slices.Equal(got, want) {
		t.Errorf("%d recordings, want %d", len(got), len(want))
	}
}

// A user without recordings, or a token without a user, has an empty list.
func TestListOfNoOwners(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	s.put(t, entry{id: "202603-a", created: daysAgo(1)}, entry{id: "202603-b", owner: alice, created: daysAgo(1)})
	for _, grant := range []access.Grant{{Role: access.User}, {Role: access.User, Owner: bob}, {Role: access.Supervisor}} {
		s.env.Access = fixedGrant{grant}
		s.list = List(s.env, s.store, s.sealer, true)
		for _, query := range []string{"", "?paginate=false"} {
			if ids := s.ask(t, http.MethodGet, tenantList+query).ids(t); len(ids) > 0 {
				t.Errorf("%+v sees %q", grant, ids)
			}
		}
	}
}
