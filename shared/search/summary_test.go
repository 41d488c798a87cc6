package search_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
)

// A summary equals the sum over the recordings in its range, for any owners and groups.
func TestSummaries(t *testing.T) {
	t.Parallel()
	s := open(t)
	var all []recording.Recording
	for i := range 60 {
		r := rec(i, recording.Seconds(i*200_000), []string{"", "u", "v"}[i%3], "name")
		r.Audio.Size = int64(i)
		r.Document = recording.Document(fmt.Sprintf(`{"direction":%q,"duration":%d,"user_metadata":{"tags":{"t%d":true,"all":{"at":1}}}}`,
			[]string{"inbound", "outbound", "sideways", ""}[i%4], i, i%2))
		all = append(all, r)
		put(t, s, r)
	}
	rapid.Check(t, func(t *rapid.T) {
		r := search.Range{Account: account, All: rapid.Bool().Draw(t, "all"), Owners: rapid.SampledFrom([][]string{nil, {"u"}, {"u", "v"}, {"w"}}).Draw(t, "owners")}
		if rapid.Bool().Draw(t, "begins") {
			r.From = epoch + recording.Seconds(rapid.IntRange(0, 13_000_000).Draw(t, "from"))
		}
		if rapid.Bool().Draw(t, "ends") {
			r.To = max(r.From, epoch) + recording.Seconds(rapid.IntRange(-9_000_000, 9_000_000).Draw(t, "length"))
		}
		by := rapid.SampledFrom([]search.By{search.ByNothing, search.ByDay, search.ByOwner, search.ByDirection, search.ByTag}).Draw(t, "by")
		want, groups := search.Sum{}, map[string]search.Sum{}
		for i := range all {
			x := &all[i]
			day := search.DayOf(x.Created)
			if r.From > 0 && day < search.DayOf(r.From) || r.To > 0 && day > search.DayOf(r.To) || !r.All && !slices.Contains(r.Owners, x.Owner) {
				continue
			}
			add := func(to search.Sum) search.Sum {
				return search.Sum{Count: to.Count + 1, Seconds: to.Seconds + int64(i), Bytes: to.Bytes + int64(i)}
			}
			want = add(want)
			names := map[search.By][]string{
				search.ByDay: {day}, search.ByDirection: {[]string{"inbound", "outbound", "other", "other"}[i%4]}, search.ByTag: {"all", fmt.Sprintf("t%d", i%2)},
			}
			if x.Owner != "" {
				names[search.ByOwner] = []string{x.Owner}
			}
			for _, name := range names[by] {
				groups[name] = add(groups[name])
			}
		}
		got, err := search.Summarize(context.Background(), s, r, by)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]search.Sum{}
		for _, g := range got.Groups {
			found[g.Name] = g.Sum
		}
		if diff := cmp.Diff(groups, found); got.Sum != want || diff != "" {
			t.Errorf("%+v by %s = %+v, want %+v; groups (-want +got):\n%s", r, by, got.Sum, want, diff)
		}
		if want.Count > 0 && got.Updated == 0 {
			t.Error("the summary does not say when the totals last changed")
		}
	})
	var many []string
	for i := range 2000 {
		many = append(many, strconv.Itoa(i))
	}
	if _, err := search.Summarize(t.Context(), s, search.Range{Account: account, Owners: many}, search.ByDay); err == nil {
		t.Error("a summary of 2,000 owners on 60 days succeeds, want ErrTooWide")
	}
	if got, err := search.Summarize(t.Context(), s, search.Range{Account: "empty", All: true}, search.ByTag); err != nil || got.Count != 0 || got.Groups != nil {
		t.Errorf("the summary of an empty account = %+v, %v", got, err)
	}
}
