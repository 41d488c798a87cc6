package audit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/callrecordings/api/shared/store"
)

// Report is the result of Verify.
type Report struct {
	// Entries and Chains are their numbers on the day.
	Entries, Chains int
	// Problems describes entries that were altered or are missing, in words.
	Problems []string
	// Hash covers all entries of the day, in hex. Keep it elsewhere: it changes if an
	// entry is added, altered or removed.
	Hash string
}

// link is one entry of a chain while the chain is verified.
type link struct {
	sequence       int
	key            string
	previous, hash string
}

// verifyPage is the number of entries that Verify reads at once.
const verifyPage = 500

// Verify checks the chains of an account's day, "2006-01-02". Errors: those of the
// store.
func (r *Reader) Verify(ctx context.Context, account, day string) (Report, error) {
	var report Report
	chains := map[string][]link{}
	q := store.EntryQuery{Partition: partition(account, day), Limit: verifyPage}
	for e, err := range store.AllEntries(ctx, r.entries, q) {
		if err != nil {
			return report, fmt.Errorf("audit trail of %s: %w", day, err)
		}
		report.add(chains, account, day, e)
	}
	report.Chains = len(chains)
	sum := sha256.New()
	for _, writer := range slices.Sorted(maps.Keys(chains)) {
		report.check(chains[writer])
		for _, l := range chains[writer] {
			_, _ = fmt.Fprintln(sum, l.hash) // a hash returns no error
		}
	}
	report.Hash = hex.EncodeToString(sum.Sum(nil))
	return report, nil
}

// add adds an entry of the day to its chain.
func (r *Report) add(chains map[string][]link, account, day string, from *store.Entry) {
	r.Entries++
	p, e, err := decode(account, from)
	switch {
	case err != nil:
		r.problem(from.Key, err.Error())
	case p.time.Format(dayFormat) != day:
		r.problem(from.Key, "its time is not on this day")
	}
	if p.writer != "" { // a malformed value still has its place in the chain
		chains[p.writer] = append(chains[p.writer], link{p.sequence, from.Key, e.Previous, hash(from.Key, from.Value)})
	}
}

// check sorts and checks a chain.
func (r *Report) check(chain []link) {
	slices.SortStableFunc(chain, func(a, b link) int { return cmp.Compare(a.sequence, b.sequence) })
	var before link
	for i, l := range chain {
		switch {
		case i == 0 && l.sequence != 0, i > 0 && l.sequence > before.sequence+1:
			r.problem(l.key, "an entry before it is missing")
		case i > 0 && l.sequence == before.sequence:
			r.problem(l.key, "it has the same place as another entry")
		case l.previous != before.hash:
			r.problem(l.key, "it does not follow from the entry before it; one of the two was altered")
		}
		before = l
	}
}

func (r *Report) problem(key, text string) {
	r.Problems = append(r.Problems, fmt.Sprintf("entry %q: %s", key, text))
}
