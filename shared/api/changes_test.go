package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/waiting"
)

const changesPath = tenantList + "/changes"

// feedAPI is an API with a feed of changes.
type feedAPI struct {
	*ruledAPI
	feed *feed.Feed
}

func newFeedAPI(t testing.TB) *feedAPI {
	t.Helper()
	s := &feedAPI{ruledAPI: newRuledAPI(t, nil)}
	s.feed = feed.New(s.store, s.env.Now)
	s.handlers[OpChanges] = Changes(s.env, s.feed, nil, s.sealer, 0)
	s.staff(t)
	return s
}

// image returns the image of a recording. If owner is "", it has no owner.
func image(account, id, owner, revision string) *store.Image {
	return &store.Image{Recording: recording.Recording{
		Account: account, ID: id, Owner: owner, Revision: revision,
		Created: recording.SecondsOf(today), Modified: recording.SecondsOf(today),
	}}
}

// gone returns the image of a deleted recording.
func gone(account, id, revision string) *store.Image {
	return &store.Image{Deleted: true, Recording: recording.Recording{Account: account, ID: id, Revision: revision, Created: recording.SecondsOf(today)}}
}

// change adds changes to the feed.
func (s *feedAPI) change(t testing.TB, changes ...store.Change) {
	t.Helper()
	for i := range changes {
		changes[i].At = today
	}
	if done, err := s.feed.Append(t.Context(), changes); err != nil || done != len(changes) {
		t.Fatalf("Append = %d, %v", done, err)
	}
}

// fill adds n new recordings of an owner.
func (s *feedAPI) fill(t testing.TB, owner string, first, n int) {
	t.Helper()
	for i := range n {
		s.change(t, store.Change{After: image(tenant, fmt.Sprintf("202603-%03d", first+i), owner, "r")})
	}
}

// feedPage is an answer of the feed.
type feedPage struct {
	Data   []feed.View `json:"data"`
	Size   int         `json:"page_size"`
	Cursor string      `json:"cursor"`
	More   bool        `json:"more"`
}

// page asks for a page as a user of tenant.
func (s *feedAPI) page(t testing.TB, owner, query string) (p feedPage) {
	t.Helper()
	g := s.send(t, s.bearer(t, tenant, owner), http.MethodGet, changesPath+query, "")
	g.want(t, http.StatusOK, "")
	if err := json.Unmarshal(g.body, &p); err != nil {
		t.Fatal(err)
	}
	if p.Size != len(p.Data) || p.Cursor == "" {
		t.Errorf("%s: page_size %d of %d, cursor %q", query, p.Size, len(p.Data), p.Cursor)
	}
	return p
}

// ids returns the types and the recordings of a page.
func (p feedPage) ids() string {
	all := make([]string, len(p.Data))
	for i, c := range p.Data {
		all[i] = string(c.Type) + " " + strings.TrimPrefix(c.ID, "202603-")
	}
	return strings.Join(all, ", ")
}

func TestChangesPages(t *testing.T) {
	t.Parallel()
	s := newFeedAPI(t)
	if p := s.page(t, "", ""); len(p.Data) != 0 || p.More {
		t.Errorf("an empty feed = %+v", p)
	}
	now := s.page(t, "", "?from=now")
	s.fill(t, "anna", 0, 5)
	s.change(t, store.Change{Before: image(tenant, "202603-001", "anna", "r"), After: gone(tenant, "202603-001", "s")},
		store.Change{After: image("other", "202603-other", "anna", "r")})
	for _, from := range []string{"", "from=start", "from=start&cursor=", "cursor=" + now.Cursor} {
		next, got := "?page_size=4&"+from, ""
		for more := true; more; {
			p := s.page(t, "", next)
			if got += p.ids() + "; "; len(p.Data) > 4 {
				t.Errorf("%s: %d changes, want at most 4", next, len(p.Data))
			}
			next, more = "?page_size=4&from=start&cursor="+p.Cursor, p.More
		}
		if want := "created 000, created 001, created 002, created 003; created 004, deleted 001; "; got != want {
			t.Errorf("%q = %s, want %s", from, got, want)
		}
		if p := s.page(t, "", next); len(p.Data) != 0 || p.More {
			t.Errorf("after the end: %+v", p)
		}
	}
	want := []feed.View{{Type: "deleted", ID: "202603-001", Revision: "s", Owner: "anna", State: "deleted", Time: "2026-03-05T10:00:00Z"}}
	if diff := cmp.Diff(want, s.page(t, "", "").Data[5:]); diff != "" {
		t.Errorf("the last change (-want +got):\n%s", diff)
	}
	if p := s.page(t, "", "?from=now"); len(p.Data) != 0 {
		t.Errorf("from=now = %+v", p)
	}
}

// A bearer who may list only some owners' recordings gets only their changes. Pages move on
// past the others.
func TestChangesOfLimitedBearers(t *testing.T) {
	t.Parallel()
	s := newFeedAPI(t)
	s.fill(t, "ben", 0, 2)
	s.fill(t, "anna", 2, 1)
	s.fill(t, "", 3, 1)
	s.change(t,
		store.Change{Before: image(tenant, "202603-000", "ben", "r"), After: image(tenant, "202603-000", "anna", "s")},
		store.Change{Before: image(tenant, "202603-001", "ben", "r"), After: gone(tenant, "202603-001", "s")},
		store.Change{Before: image(tenant, "202603-002", "anna", "r"), After: image(tenant, "202603-002", "", "s")})
	for owner, want := range map[string]string{
		"anna": "created 002, changed 000, deleted 002",
		"ben":  "created 000, created 001, deleted 000, deleted 001",
		"carl": "",
		"":     "created 000, created 001, created 002, created 003, changed 000, deleted 001, changed 002",
	} {
		if got := s.page(t, owner, "").ids(); got != want {
			t.Errorf("%q gets %s, want %s", owner, got, want)
		}
		var got []string
		next := "?page_size=1"
		for more := true; more; {
			p := s.page(t, owner, next)
			if len(p.Data) > 0 {
				got = append(got, p.ids())
			}
			next, more = "?page_size=1&cursor="+p.Cursor, p.More
		}
		if got := strings.Join(got, ", "); got != want {
			t.Errorf("%q gets, one by one, %s, want %s", owner, got, want)
		}
	}
	for _, c := range s.page(t, "ben", "").Data {
		if c.Owner != "ben" || c.Type == feed.Deleted && c.State != "deleted" {
			t.Errorf("ben sees %+v", c)
		}
	}
}

// A page of a limited bearer ends after a bounded number of entries.
func TestChangesWorkBudget(t *testing.T) {
	t.Parallel()
	s := newRuledAPI(t, nil)
	s.staff(t)
	f := &endless{}
	s.handlers[OpChanges] = Changes(s.env, f, nil, s.sealer, 0)
	g := s.send(t, s.bearer(t, tenant, "anna"), http.MethodGet, changesPath, "")
	g.want(t, http.StatusOK, "")
	if !strings.Contains(string(g.body), `"data":[],"page_size":0`) || !strings.Contains(string(g.body), `"more":true`) || f.reads != feedReads {
		t.Errorf("%d reads, %s, want %d and an empty page with more", f.reads, g.body, feedReads)
	}
}

// endless is a feed of other owners' changes.
type endless struct {
	FeedReader
	reads int
}

func (f *endless) Page(_ context.Context, _ string, after feed.Cursor, limit int) (feed.Page, error) {
	f.reads++
	p := feed.Page{Next: feed.Cursor{Epoch: 1, Sequence: after.Sequence + int64(limit)}, More: true, Entries: make([]feed.Entry, limit)}
	for i := range p.Entries {
		p.Entries[i] = feed.Entry{Sequence: after.Sequence + int64(i) + 1, Kind: feed.Created, ID: "202603-x", Owner: "ben"}
	}
	return p, nil
}

func TestChangesBadRequests(t *testing.T) {
	t.Parallel()
	s := newFeedAPI(t)
	s.fill(t, "anna", 0, 1)
	at := s.page(t, "", "").Cursor
	const wrong = `"cursor":{"wrong_format":`
	for query, want := range map[string]string{
		"?cursor=" + at[1:]:                   wrong,
		"?cursor=x":                           wrong,
		"?cursor=" + s.otherCursor(t):         wrong,
		"?cursor=" + strings.Repeat("A", 600): wrong,
		"?from=yesterday":                     `"from":{"enum":`,
		"?page_size=0":                        `"page_size":{"minimum":`,
		"?page_size=many&cursor=" + at:        `"page_size":{"type":`,
		"?cursor=" + s.sealed("1.-1"):         wrong,
		"?cursor=" + s.sealed("0.1"):          wrong,
		"?cursor=" + s.sealed("1"):            wrong,
		"?cursor=" + s.sealed("2026-01-01"):   wrong,
	} {
		g := s.send(t, s.bearer(t, tenant, ""), http.MethodGet, changesPath+query, "")
		g.want(t, http.StatusBadRequest, "validation error")
		if !strings.Contains(string(g.body), want) {
			t.Errorf("%s = %s, want %s", query, g.body, want)
		}
	}
	s.send(t, s.bearer(t, otherTenant, ""), http.MethodGet, changesPath, "").want(t, http.StatusForbidden, "forbidden")
	s.send(t, s.bearer(t, tenant, ""), http.MethodDelete, changesPath, "").want(t, http.StatusMethodNotAllowed, "invalid_method")
	s.send(t, s.bearer(t, tenant, ""), http.MethodGet, changesPath+"?accept=audio/mpeg", "").want(t, http.StatusNotAcceptable, "not_acceptable")
	if _, err := s.feed.Skip(t.Context(), []store.Change{{After: image(tenant, "202603-x", "anna", "r")}}); err != nil {
		t.Fatal(err)
	}
	s.send(t, s.bearer(t, tenant, ""), http.MethodGet, changesPath+"?cursor="+at, "").want(t, http.StatusGone, "cursor_expired")
	s.handlers[OpChanges] = Changes(s.env, nil, nil, s.sealer, 0)
	s.send(t, s.bearer(t, tenant, ""), http.MethodGet, changesPath+"?cursor="+at, "").want(t, http.StatusNotFound, "not_found")
}

// sealed returns a cursor of tenant's feed with that content.
func (s *feedAPI) sealed(position string) string {
	return s.sealer.Seal(feedBinding(tenant), []byte(position))
}

// otherCursor returns a valid cursor of the feed of another account.
func (s *feedAPI) otherCursor(t testing.TB) string {
	t.Helper()
	g := s.send(t, s.bearer(t, otherTenant, ""), http.MethodGet, "/v2/accounts/"+otherTenant+"/recordings/changes", "")
	var p feedPage
	if err := json.Unmarshal(g.body, &p); err != nil || p.Cursor == "" {
		t.Fatalf("%s: %v", g.body, err)
	}
	return p.Cursor
}

func TestChangesCSV(t *testing.T) {
	t.Parallel()
	s := newFeedAPI(t)
	s.fill(t, "anna", 0, 3)
	g := s.send(t, s.bearer(t, tenant, ""), http.MethodGet, changesPath+"?accept=csv&page_size=2&from=start", "")
	g.want(t, http.StatusOK, "")
	want := "type,id,revision,owner_id,state,reason,time\r\n" +
		"created,202603-000,r,anna,pending,,2026-03-05T10:00:00Z\r\ncreated,202603-001,r,anna,pending,,2026-03-05T10:00:00Z\r\n"
	if string(g.body) != want {
		t.Errorf("the table is %q, want %q", g.body, want)
	}
	for _, rest := range []int{1, 0} {
		next, _, _ := strings.Cut(strings.TrimPrefix(g.Header().Get("Link"), "<"), ">")
		if !strings.Contains(next, "accept=csv&page_size=2&from=start&cursor=") {
			t.Fatalf("Link = %q", g.Header().Get("Link"))
		}
		g = s.send(t, s.bearer(t, tenant, ""), http.MethodGet, next, "")
		if rows := strings.Count(string(g.body), "\r\n") - 1; rows != rest {
			t.Errorf("%d rows, want %d: %s", rows, rest, g.body)
		}
	}
}

// quiet is a feed in memory that gets entries of an owner at given reads of its head.
type quiet struct {
	arrives map[int]string // owner by read
	reads   int
	entries []feed.Entry
}

func (f *quiet) Page(_ context.Context, _ string, after feed.Cursor, limit int) (feed.Page, error) {
	found := f.entries[min(int(after.Sequence), len(f.entries)):]
	found = found[:min(limit, len(found))]
	return feed.Page{Entries: found, Next: feed.Cursor{Epoch: 1, Sequence: after.Sequence + int64(len(found))}}, nil
}

func (f *quiet) Now(context.Context, string) (feed.Cursor, error) {
	return feed.Cursor{Epoch: 1, Sequence: int64(len(f.entries))}, nil
}

func (f *quiet) Ahead(_ context.Context, _ string, after feed.Cursor) (bool, error) {
	f.reads++
	if owner, ok := f.arrives[f.reads]; ok {
		f.entries = append(f.entries, feed.Entry{Sequence: int64(len(f.entries)) + 1, Kind: feed.Created, Owner: owner})
	}
	return len(f.entries) > int(after.Sequence), nil
}

func TestChangesWait(t *testing.T) {
	t.Parallel()
	own := access.Grant{Role: access.User, Owner: "anna"}
	for _, c := range []struct {
		name     string
		prefer   string
		max      time.Duration
		deadline time.Duration
		arrives  map[int]string
		grant    access.Grant
		entries  int
		took     time.Duration
	}{
		{"no preference", "", 10 * time.Second, time.Minute, map[int]string{1: "anna"}, access.Full, 0, 0},
		{"at once", "wait=10", 10 * time.Second, time.Minute, map[int]string{1: "anna"}, access.Full, 1, 200 * time.Millisecond},
		{"in a while", "wait=10", 10 * time.Second, time.Minute, map[int]string{4: "anna"}, access.Full, 1, 2400 * time.Millisecond},
		{"never", "wait=10", 10 * time.Second, time.Minute, nil, access.Full, 0, 10 * time.Second},
		{"never, by the default limit", "wait=60", 20 * time.Second, 29 * time.Second, nil, access.Full, 0, 20 * time.Second},
		{"the operator allows less", "wait=10", 3 * time.Second, time.Minute, nil, access.Full, 0, 3 * time.Second},
		{"the operator allows nothing", "wait=10", 0, time.Minute, map[int]string{1: "anna"}, access.Full, 0, 0},
		{"the function ends first", "wait=10", 10 * time.Second, 5 * time.Second, nil, access.Full, 0, 5*time.Second - store.Reserve},
		{"another owner's first", "wait=10", 10 * time.Second, time.Minute, map[int]string{1: "ben", 4: "anna"}, own, 1, 2400 * time.Millisecond},
		{"only another owner's", "wait=10", 10 * time.Second, time.Minute, map[int]string{1: "ben"}, own, 0, 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
				defer cancel()
				hr, err := http.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
				if err != nil {
					t.Fatal(err)
				}
				hr.Header.Set("Prefer", c.prefer)
				w := &answer{ResponseWriter: headers{}}
				begun := time.Now()
				f := &follower{feed: &quiet{arrives: c.arrives}, places: &waiting.LocalPlaces{}, maxWait: c.max}
				page, err := f.await(w, &request{Request: hr, grant: c.grant}, feed.Cursor{Epoch: 1}, 10)
				if took := time.Since(begun); err != nil || len(page.Entries) != c.entries || took != c.took {
					t.Errorf("await = %+v, %v after %v, want %d entries after %v", page, err, took, c.entries, c.took)
				}
				if applied := w.Header().Get("Preference-Applied"); (applied != "") != (c.took > 0) {
					t.Errorf("Preference-Applied = %q", applied)
				}
			})
		})
	}
}

// silent is a feed without changes. Unlike quiet, it is safe for concurrent use.
type silent struct{ FeedReader }

func (silent) Page(_ context.Context, _ string, after feed.Cursor, _ int) (feed.Page, error) {
	return feed.Page{Next: after}, nil
}

func (silent) Ahead(context.Context, string, feed.Cursor) (bool, error) { return false, nil }
