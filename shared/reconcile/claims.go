package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// maxSuspects is the most unused claims of an account that a run remembers for the next
// one. The others wait for a later run.
const maxSuspects = 500

// linksPartition is the partition with the links of an account (package link).
func linksPartition(account string) string { return access.Partition(account) }

// claims finds the claims without a recording and without a tombstone. A claim comes
// before its recording, so it is released only if it has been unused for a while. A retry
// of the same request would only get another ID.
// Each claim costs a read, so this happens only in the weekly run that reads the whole table.
func (v *visit) claims(ctx context.Context) (over bool, err error) {
	if !v.deep {
		return true, nil
	}
	if err := v.wait(ctx); err != nil {
		return false, err
	}
	page, err := v.Store.Claims(ctx, v.name, v.Claim, claimsAtOnce)
	if err != nil {
		return false, err
	}
	ids := map[string]bool{}
	for _, c := range page.Claims {
		ids[c.ID] = true
	}
	found, err := v.find(ctx, ids)
	if err != nil {
		return false, err
	}
	v.report.Claims += len(page.Claims)
	v.Rows = v.Rows || len(page.Claims) > 0
	for _, c := range page.Claims {
		if _, used := found[c.ID]; used {
			continue
		}
		if err := v.unused(ctx, c); err != nil {
			return false, err
		}
	}
	if v.Claim = page.Next; v.Claim != "" {
		return false, nil
	}
	v.Suspects, v.Unused = v.Unused, nil
	return true, nil
}

// claimsAtOnce is how many claims are read at a time.
const claimsAtOnce = 1000

// unused reports an unused claim, and releases it if it has been unused for long enough.
func (v *visit) unused(ctx context.Context, c store.KeptClaim) error {
	now := recording.SecondsOf(v.Now())
	first, suspected := v.Suspects[c.Key+" "+c.Revision]
	var release func() error
	if suspected && time.Duration(now-first)*time.Second >= v.Ages.Claim {
		release = func() error {
			err := v.Store.Unclaim(ctx, v.name, c)
			if errors.Is(err, store.ErrConflict) { // it is used now
				return nil
			}
			return err
		}
	}
	if err := v.repaired(ctx, v.report, Example{Kind: UnusedClaim, Account: v.name, Recording: c.ID}, 0, release); err != nil {
		return err
	}
	if !suspected {
		first = now
	}
	if release == nil && len(v.Unused) < maxSuspects {
		if v.Unused == nil {
			v.Unused = map[string]recording.Seconds{}
		}
		v.Unused[c.Key+" "+c.Revision] = first
	}
	return nil
}
