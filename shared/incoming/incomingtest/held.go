package incomingtest

import (
	"context"
	"crypto/rand"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/recording"
)

// HeldStore protects recordings on hold, as the programs do.
type HeldStore struct {
	incoming.Store

	keeper hold.Keeper
}

// Update changes a recording unless a hold keeps it. Errors: also *hold.HeldError.
func (s HeldStore) Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	return s.keeper.Update(ctx, account, id, change)
}

// HoldAll places a hold on an account. It returns a store that respects the hold, and the
// function that releases the hold.
func (p *Place) HoldAll(account string) (s HeldStore, release func()) {
	p.Helper()
	return p.Hold(account, hold.Scope{})
}

// Hold places a hold with a scope. It returns a store that respects the holds of the account, and
// the function that releases this hold.
func (p *Place) Hold(account string, scope hold.Scope) (s HeldStore, release func()) {
	p.Helper()
	b := hold.NewBook(p.Records, p.Clock, rand.Reader, false)
	h, err := b.Draft(hold.Hold{Case: "case", Reason: "reason", Scope: scope})
	if err == nil {
		err = b.Place(p.Context(), account, h)
	}
	if err != nil {
		p.Fatal(err)
	}
	return HeldStore{p.Records, hold.Keeper{Store: p.Records}}, func() {
		if _, err := b.Release(p.Context(), account, h.ID, hold.Release{Reason: "settled"}); err != nil {
			p.Fatal(err)
		}
	}
}
