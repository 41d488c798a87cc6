package searchtest

import (
	"context"
	"fmt"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
)

// daysOfMonth is the length of the months of summaries.
const daysOfMonth = 30

// month is the first second of a month in a library, and the last.
func month(k int) (from, to recording.Seconds) {
	from = Epoch + recording.Seconds(k%(Days/daysOfMonth)*daysOfMonth)*Day
	return from, from + daysOfMonth*Day - 1
}

// summary returns the case of the summaries of a month, or of everything.
func summary(name string, budget Budget, by search.By, everything bool, owners ...string) Case {
	return Case{name, budget, func(ctx context.Context, s search.Reader, l Library, k int) error {
		r := search.Range{Account: Account, Owners: owners, All: owners == nil}
		if !everything {
			r.From, r.To = month(k)
		}
		sum, err := search.Summarize(ctx, s, r, by)
		if err == nil && everything && sum.Count != int64(l) || err == nil && sum.Count == 0 {
			err = fmt.Errorf("%s: %d recordings of %d", name, sum.Count, l)
		}
		return err
	}}
}

// Summaries has the kinds of summaries.
var Summaries = []Case{
	summary("summary of a month", Budget{1, 5}, search.ByNothing, false),
	summary("summary of a month by day", Budget{1, 5}, search.ByDay, false),
	summary("summary of a month by owner", Budget{6, 160}, search.ByOwner, false),
	summary("summary of an owner's month", Budget{3, 40}, search.ByNothing, false, Owner(1)),
	summary("total of everything", Budget{1, 10}, search.ByNothing, true),
}

// Cases returns the cases of all searches and summaries.
func Cases() []Case {
	var all []Case
	for i := range Searches {
		all = append(all, Searches[i].Case())
	}
	return append(all, Summaries...)
}
