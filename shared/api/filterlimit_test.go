package api

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/store"
)

// askedStore records the queries of lists.
type askedStore struct {
	store.Reader
	asked []store.Query
}

func (s *askedStore) Page(ctx context.Context, q store.Query) (store.Page, error) {
	s.asked = append(s.asked, q)
	return s.Reader.Page(ctx, q)
}

// filters returns n different filters for a query.
func filters(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "&filter_not_name=%d", i)
	}
	return b.String()
}

func TestTooManyFilters(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	for _, target := range []string{tenantList + "?", everything + "&"} {
		s.ask(t, "GET", target+filters(32)[1:]).want(t, 200, "")
		s.ask(t, "GET", target+filters(32)[1:]+filters(32)).want(t, 200, "") // duplicates
		s.ask(t, "GET", target+filters(33)[1:]).want(t, 400, "validation error")
		s.ask(t, "GET", target+filters(330)[1:]).want(t, 400, "validation error")
	}
}

// With more tests, a page examines fewer documents, so that its work stays the same.
func TestWorkCountsTests(t *testing.T) {
	t.Parallel()
	for _, tests := range []int{1, 4, 5, 16, 32} {
		var asked *askedStore
		s := newListAPI(t, func(r store.Reader) store.Reader { asked = &askedStore{Reader: r}; return asked })
		s.ask(t, "GET", tenantList+"?"+filters(tests)[1:]).want(t, 200, "")
		work := asked.asked[0].Work
		if work.Calls != filterCalls || work.Bytes > filterBytes || tests <= 4 && work.Bytes != filterBytes {
			t.Errorf("%d tests: work %+v", tests, work)
		}
		if total := work.Bytes * int64(tests); total > 4*filterBytes {
			t.Errorf("%d tests may examine %d bytes in total, want at most %d", tests, total, 4*filterBytes)
		}
	}
}
