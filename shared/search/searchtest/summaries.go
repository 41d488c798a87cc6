package searchtest

import (
	"context"
	"fmt"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
)

// months is how many calendar months a library covers.
const months = 6

// month returns the first second of a calendar month in a library, and its last.
func month(k int) (from, to recording.Seconds) {
	first := Epoch.Time().AddDate(0, k%months, 0)
	return recording.SecondsOf(first), recording.SecondsOf(first.AddDate(0, 1, 0)) - 1
}

// thirtyDays returns the first and the last second of 30 days that are not a calendar month.
func thirtyDays(k int) (from, to recording.Seconds) {
	from = Epoch + recording.Seconds(9+k%100)*recording.Day
	return from, from + 30*recording.Day - 1
}

// everything returns the open range.
func everything(int) (from, to recording.Seconds) { return 0, 0 }

// summary returns the case of the summaries of a range, of some owners or of all.
func summary(name string, budget Budget, by search.By, of func(k int) (from, to recording.Seconds), owners ...string) Case {
	return Case{name, budget, func(ctx context.Context, s search.Reader, l Library, k int) error {
		r := search.Range{Account: Account, Owners: owners, All: owners == nil}
		r.From, r.To = of(k)
		sum, err := search.Summarize(ctx, s, r, by)
		if err == nil && r.To == 0 && sum.Count != int64(l) || err == nil && sum.Count == 0 {
			err = fmt.Errorf("%s: %d recordings of %d", name, sum.Count, l)
		}
		return err
	}}
}

// Summaries has the kinds of summaries.
var Summaries = []Case{
	summary("summary of a month", Budget{1, 5, 2}, search.ByNothing, month),
	summary("summary of a month by day", Budget{1, 5, 2}, search.ByDay, month),
	summary("summary of a month by owner", Budget{3, 12, 6}, search.ByOwner, month),
	summary("summary of 30 days by owner", Budget{6, 230, 90}, search.ByOwner, thirtyDays),
	summary("summary of an owner's month", Budget{3, 5, 3}, search.ByNothing, month, Owner(1)),
	summary("total of everything", Budget{1, 12, 6}, search.ByNothing, everything),
}

// Cases returns the cases of all searches and summaries.
func Cases() []Case {
	var all []Case
	for i := range Searches {
		all = append(all, Searches[i].Case())
	}
	return append(all, Summaries...)
}
