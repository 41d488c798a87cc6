package dynamo

import (
	"context"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/search/searchtest"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo/emulator"
)

// cost counts the results, calls and units of a request.
type cost struct {
	found int
	calls int
	units float64
}

// searches has the exact costs of pages of 8, and of summaries, of 400 recordings.
var searches = map[string]cost{
	"one word":                           {8, 2, 9},
	"two words":                          {1, 3, 3},
	"three words":                        {0, 3, 4},
	"a word, and one of every recording": {8, 3, 17},
	"prefix":                             {8, 2, 11},
	"longer prefix":                      {8, 2, 11},
	"number in international spelling":   {8, 2, 9},
	"last 7 digits":                      {8, 2, 11},
	"word of every recording":            {8, 2, 11},
	"one hit among all":                  {1, 2, 2},
	"path of an owner":                   {0, 2, 2},
	"path of an owner, word of every recording": {4, 3, 13},
	"with a filter":               {3, 2, 12},
	"oldest first":                {8, 2, 9},
	"deep page":                   {6, 2, 7},
	"nothing":                     {0, 1, 1},
	"summary of a month":          {0, 1, 2},
	"summary of a month by day":   {0, 1, 2},
	"summary of a month by owner": {0, 2, 4},
	"summary of 30 days by owner": {0, 2, 17},
	"summary of an owner's month": {0, 2, 3},
	"total of everything":         {0, 1, 9},
}

// TestUnitsOfSearches checks the exact calls and read units of searches and summaries.
// docs/reference/performance.md has those of larger libraries.
func TestUnitsOfSearches(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	const l, variant, size = searchtest.Library(400), 3, 8
	s := openEmulator(t, emulator.New())
	if err := searchtest.Fill(t.Context(), s, l); err != nil {
		t.Fatal(err)
	}
	check := func(name string, run func(ctx context.Context) (int, error)) {
		var log requestlog.Entry
		found, err := run(requestlog.With(t.Context(), &log))
		want, ok := searches[name]
		if got := (cost{found, log.Calls, log.ReadUnits}); err != nil || !ok || got != want {
			t.Errorf("%q: {%d, %d, %v}, error %v, want %v", name, got.found, got.calls, got.units, err, want)
		}
	}
	for i := range searchtest.Searches {
		c := &searchtest.Searches[i]
		check(c.Name, func(ctx context.Context) (int, error) {
			parsed, q, err := c.Query(l, variant)
			if err != nil {
				return 0, err
			}
			q.Limit = size
			p, err := search.Page(ctx, s, parsed, q, nil)
			return len(p.Recordings), err
		})
	}
	for _, c := range searchtest.Summaries {
		check(c.Name, func(ctx context.Context) (int, error) { return 0, c.Run(ctx, s, l, variant) })
	}
}

// TestUnitsOfTheFeed checks the exact calls and read units of pages of the feed.
func TestUnitsOfTheFeed(t *testing.T) {
	t.Parallel()
	const n, size = 200, 50
	s := openEmulator(t, emulator.New())
	f := feed.New(s, time.Now)
	changes := make([]store.Change, n)
	for i := range changes {
		changes[i].After = &store.Image{Recording: sample(i)}
	}
	if done, err := f.Append(t.Context(), changes); err != nil || done != n {
		t.Fatal(done, err)
	}
	page := func(after feed.Cursor) func(context.Context) (int, error) {
		return func(ctx context.Context) (int, error) {
			p, err := f.Page(ctx, account, after, size)
			return len(p.Entries), err
		}
	}
	for name, tt := range map[string]struct {
		run  func(context.Context) (int, error)
		want cost
	}{
		"from the start":         {page(feed.Cursor{}), cost{size, 3, 6}},
		"from now":               {func(ctx context.Context) (int, error) { _, err := f.Now(ctx, account); return 0, err }, cost{0, 2, 2}},
		"following":              {page(feed.Cursor{Epoch: 1, Sequence: n / 2}), cost{size, 2, 6}},
		"following, nothing new": {page(feed.Cursor{Epoch: 1, Sequence: n}), cost{0, 1, 2}},
		"a look while waiting": {func(ctx context.Context) (int, error) {
			_, err := f.Ahead(ctx, account, feed.Cursor{Epoch: 1, Sequence: n})
			return 0, err
		}, cost{0, 1, 1}},
	} {
		var log requestlog.Entry
		found, err := tt.run(requestlog.With(t.Context(), &log))
		if got := (cost{found, log.Calls, log.ReadUnits}); err != nil || got != tt.want {
			t.Errorf("%s: %v, error %v, want %v", name, got, err, tt.want)
		}
	}
}
