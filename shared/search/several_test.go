package search_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// reads is a reader that counts the recordings that are read.
type reads struct {
	search.Reader
	recordings int
}

func (r *reads) Find(ctx context.Context, account string, ids []string) (map[string]store.Found, error) {
	r.recordings += len(ids)
	return r.Reader.Find(ctx, account, ids)
}

// mixed stores recordings with random words. Those at the front of words are frequent.
func mixed(t *testing.T, s faultstore.Driver, n int, words []string) []recording.Recording {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	var all []recording.Recording
	for i := range n {
		var name []string
		for k, word := range words {
			if random.IntN(k+2) == 0 {
				name = append(name, word)
			}
		}
		all = append(all, rec(i, recording.Seconds(random.IntN(100)*50_000), []string{"", "u", "v"}[i%3], strings.Join(name, " ")))
		put(t, s, all[i])
	}
	slices.SortFunc(all, func(a, b recording.Recording) int {
		if a.Created != b.Created {
			return int(a.Created - b.Created)
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all
}

// The pages of a search for several words have each match once and in order, with any
// budget, also if an earlier layout has indexed some of the recordings.
func TestPagesOfSeveralWords(t *testing.T) {
	t.Parallel()
	overBoth(t, pagesOfSeveralWords)
}

func pagesOfSeveralWords(t *testing.T, s faultstore.Driver) {
	t.Helper()
	words := []string{"alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"}
	all := mixed(t, s, 150, words)
	firstLayout(t, s)
	for i := 0; i < len(all); i += 3 {
		if err := indexer(s, i%2 == 0).Index(t.Context(), account, all[i].ID); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		chosen := rapid.SliceOfNDistinct(rapid.SampledFrom(words), 2, 5, rapid.ID).Draw(t, "words")
		for i := range chosen {
			if rapid.IntRange(0, 3).Draw(t, "prefix") == 0 {
				chosen[i] = chosen[i][:rapid.IntRange(3, len(chosen[i])).Draw(t, "length")] + "*"
			}
		}
		text := strings.Join(chosen, " ")
		q := store.Query{
			Account: account, Ascending: rapid.Bool().Draw(t, "ascending"), Limit: rapid.IntRange(1, 40).Draw(t, "limit"),
			Owner: rapid.SampledFrom([]string{"", "u"}).Draw(t, "owner"),
			Work:  store.Work{Calls: rapid.IntRange(1, 9).Draw(t, "calls"), Bytes: int64(rapid.IntRange(1, 200_000).Draw(t, "bytes"))},
		}
		wantFiltered(t, s, all, text, q)
	})
}

// A page for several words reads hardly any recording that does not match.
func TestSeveralWordsReadTheirMatches(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	s := open(t)
	all := mixed(t, s, 300, []string{"alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf"})
	for _, text := range []string{"alpha bravo", "golf foxtrot", "delta golf alpha", "alpha bravo charlie delta echo foxtrot", "golf alp*", "foxtrot 15550000003"} {
		r := &reads{Reader: s}
		got := walk(t, r, text, store.Query{Account: account, Limit: 1000}, nil, nil)
		if most := len(got) + 1; r.recordings > most {
			t.Errorf("%q has %d matches in %d recordings, and reads %d", text, len(got), len(all), r.recordings)
		}
		owned := &reads{Reader: s}
		got = walk(t, owned, text, store.Query{Account: account, Limit: 1000, Owner: "u"}, nil, nil)
		if most := len(got) + 1; owned.recordings > most {
			t.Errorf("%q has %d matches of an owner, and reads %d", text, len(got), owned.recordings)
		}
	}
}

// A budget of bytes counts entries, so a page of words that no recording has together ends,
// and the next one goes on.
func TestBudgetOfEntries(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i := range 200 {
		put(t, s, rec(i, recording.Seconds(i), "", fmt.Sprint([]string{"odd", "even"}[i%2], " common")))
	}
	q := store.Query{Account: account, Limit: 10, Work: store.Work{Calls: 8, Bytes: 2000}}
	pages := 1
	if got := walk(t, s, "odd even", q, nil, func() { pages++ }); len(got) > 0 || pages < 3 {
		t.Errorf("the search found %q in %d pages, want nothing in at least 3", got, pages)
	}
	p, err := search.Page(t.Context(), s, parse(t, "odd even"), q, nil)
	if err != nil || p.Next == nil || p.Examined < 2000 || p.Examined > 2200 {
		t.Errorf("a page has examined %d bytes, next %v, %v", p.Examined, p.Next, err)
	}
}
