package api

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/link"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// terms are the conditions of a link under which audio is sent.
type terms struct {
	link.Link
	// until is when the link expires.
	until time.Time
}

// playLink answers a link with its audio (contract, Links).
func (g *getter) playLink(w http.ResponseWriter, r *request, links *link.Links) error {
	w.Header().Set("Referrer-Policy", "no-referrer")
	rec, err := g.linked(r, links)
	for _, cause := range []error{
		store.ErrNotFound, recording.ErrBadID, access.ErrOutOfReach, access.ErrDisabled, access.ErrTooMany,
	} {
		if errors.Is(err, cause) { // all dead links have the same answer
			return fmt.Errorf("%w: %v", link.ErrDead, err) //nolint:errorlint // only the log shows the cause
		}
	}
	if err != nil {
		return err
	}
	r.entry.Account = r.account
	if rec.Audio.Place == recording.Nowhere {
		return audioMissing(rec)
	}
	countIt := r.Method == http.MethodGet
	if err := links.Play(r.Context(), r.terms.Link, r.RemoteAddr+" "+r.UserAgent(), window(incoming.Duration(rec.Document)), countIt); err != nil {
		return fmt.Errorf("count a play: %w", err)
	}
	return g.audio(w, r, rec, g.Default)
}

// linked returns the recording that the link of the path leads to, and sets r.terms. The
// maker of the link must still have the right to share it.
func (g *getter) linked(r *request, links *link.Links) (*recording.Recording, error) {
	id, err := recording.ParseID(r.id)
	if err != nil {
		return nil, err
	}
	if !auth.ValidName(r.account) {
		return nil, link.ErrDead
	}
	l, err := links.Open(r.Context(), r.account, id, r.target.link, r.target.linkSecret)
	if err != nil {
		return nil, err
	}
	rec, err := g.store.Get(r.Context(), r.account, id)
	if err != nil {
		return nil, err
	}
	if trusted, err := auth.Trusts(r.Context(), r.env.Verifier.Issuers, l.Maker.Issuer, l.Maker.Account); err != nil {
		return nil, err
	} else if !trusted {
		return nil, fmt.Errorf("%w: the tokens of its maker's issuer are no longer accepted", link.ErrDead)
	}
	maker := auth.Bearer{Issuer: l.Maker.Issuer, Account: l.Maker.Account, Owner: l.Maker.Owner, Role: l.Maker.Role, Groups: l.Maker.Groups}
	grant, err := r.env.grant(r.Context(), maker, r.account)
	if err != nil {
		return nil, err
	}
	if !grant.May(access.Share, rec.Owner) || !grant.May(access.Listen, rec.Owner) {
		return nil, fmt.Errorf("%w: its maker may no longer share the recording", link.ErrDead)
	}
	r.terms = &terms{Link: l, until: l.Expires.Time()}
	return rec, nil
}

// window returns how long one play lasts at most, with pauses.
func window(duration time.Duration) time.Duration {
	const pauses, unknown = 10 * time.Minute, 2 * time.Hour
	if duration == 0 {
		return unknown
	}
	return 3*duration + pauses
}
