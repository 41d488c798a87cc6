package searchtest

import (
	"context"
	"fmt"
	"strings"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
)

// PageSize is the number of recordings of a page.
const PageSize = 50

// Budget is what one page or summary may take.
type Budget struct {
	// Calls and Units are the limits on DynamoDB, for any number of recordings.
	Calls int
	Units float64
	// Ratio is how many times as long as a plain page of a list it may take on SQLite, in
	// the 95th percentile. Unlike times, ratios hold on any machine.
	Ratio float64
}

// Case is a kind of search or summary.
type Case struct {
	Name   string
	Budget Budget
	// Run makes the request once. k selects a variant, which finds other recordings.
	Run func(ctx context.Context, s search.Reader, l Library, k int) error
}

// Search is a kind of search.
type Search struct {
	Name   string
	Budget Budget
	// Text is the text of the variant k.
	Text func(l Library, k int) string
	// Change completes the query of the variant k, if not nil.
	Change func(l Library, k int, q *store.Query)
	// Hits is how many recordings the page has in a large library; 0 if that varies.
	Hits int
}

// Query returns the variant k of a search, with the budget of the API's lists.
func (c *Search) Query(l Library, k int) (search.Query, store.Query, error) {
	parsed, err := search.Parse(c.Text(l, k))
	q := store.Query{Account: Account, Limit: PageSize, Work: store.Work{Calls: 8, Bytes: 4 << 20}}
	if c.Change != nil {
		c.Change(l, k, &q)
	}
	return parsed, q, err
}

// large is the least size of a library that fills every page with Hits recordings.
const large = 20_000

// Case returns the search as a case. It fails if a page of a large library does not have
// the expected number of recordings.
func (c *Search) Case() Case {
	return Case{c.Name, c.Budget, func(ctx context.Context, s search.Reader, l Library, k int) error {
		parsed, q, err := c.Query(l, k)
		if err != nil {
			return err
		}
		p, err := search.Page(ctx, s, parsed, q, nil)
		if n := len(p.Recordings); err == nil && c.Hits > 0 && l >= large && n != c.Hits {
			err = fmt.Errorf("%q finds %d recordings, want %d", c.Text(l, k), n, c.Hits)
		}
		return err
	}}
}

// Plain reads a plain page of a list, to compare the times of others with it. It begins at the
// recording k of a library.
func Plain(ctx context.Context, s store.Reader, l Library, k int) error {
	r := l.Recording(int(l)/2 + k)
	p, err := s.Page(ctx, store.Query{Account: Account, Limit: PageSize, Start: store.Position{Created: r.Created, ID: r.ID}})
	if n := len(p.Recordings); err == nil && n != min(PageSize, int(l)/2) {
		err = fmt.Errorf("a plain page has %d recordings, want %d", n, PageSize)
	}
	return err
}

func first(_ Library, k int) string { return FirstName(k) }

// Searches has the kinds of searches.
var Searches = []Search{
	{Name: "one word", Budget: Budget{2, 55, 10}, Text: first, Hits: PageSize},
	{Name: "two words", Budget: Budget{12, 260, 65}, Text: func(_ Library, k int) string { return FirstName(k) + " " + LastName(k) }},
	{Name: "three words", Budget: Budget{12, 360, 90}, Text: func(_ Library, k int) string { return FirstName(k) + " " + LastName(k) + " complaint" }},
	{Name: "a word, and one of every recording", Budget: Budget{4, 75, 15}, Text: func(_ Library, k int) string { return FirstName(k) + " acme" }},
	{Name: "prefix", Budget: Budget{2, 55, 10}, Text: func(_ Library, k int) string { return LastName(k)[:3] + "*" }, Hits: PageSize},
	{Name: "longer prefix", Budget: Budget{4, 100, 18}, Text: func(_ Library, k int) string { return LastName(k)[:5] + "*" }, Hits: PageSize},
	{Name: "number in international spelling", Budget: Budget{2, 55, 5}, Text: func(l Library, k int) string {
		n := l.Number(k)
		return n[:2] + " (" + n[2:5] + ") " + n[5:8] + "-" + n[8:]
	}},
	{Name: "last 7 digits", Budget: Budget{2, 55, 10}, Text: func(Library, int) string { return "1234567" }, Hits: PageSize},
	{Name: "word of every recording", Budget: Budget{2, 55, 10}, Text: func(Library, int) string { return "acme" }, Hits: PageSize},
	{Name: "one hit among all", Budget: Budget{2, 2, 2}, Text: func(Library, int) string { return "zanzibar" }, Hits: 1},
	{Name: "path of an owner", Budget: Budget{12, 260, 70}, Text: first, Change: func(_ Library, k int, q *store.Query) { q.Owner = Owner(k) }},
	{
		Name: "path of an owner, word of every recording", Budget: Budget{4, 70, 15}, Text: func(Library, int) string { return "acme" }, Hits: PageSize,
		Change: func(_ Library, k int, q *store.Query) { q.Owner = Owner(k) },
	},
	{Name: "with a filter", Budget: Budget{5, 150, 20}, Text: first, Hits: PageSize, Change: func(_ Library, _ int, q *store.Query) {
		q.Keep = func(r *recording.Recording) bool { return strings.Contains(string(r.Document), `"inbound"`) }
	}},
	{Name: "oldest first", Budget: Budget{2, 55, 10}, Text: first, Hits: PageSize, Change: func(_ Library, _ int, q *store.Query) { q.Ascending = true }},
	{Name: "deep page", Budget: Budget{2, 55, 10}, Text: first, Hits: PageSize, Change: func(l Library, k int, q *store.Query) {
		r := l.Recording(int(l)/2 + k)
		q.Start = store.Position{Created: r.Created, ID: r.ID}
	}},
	{Name: "nothing", Budget: Budget{1, 1, 1}, Text: func(Library, int) string { return "nothing" }},
}
