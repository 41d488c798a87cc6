package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// grant returns the rights of b in account.
func (e *Env) grant(ctx context.Context, b auth.Bearer, account string) (access.Grant, error) {
	if e.Access != nil {
		return e.Access.Grant(ctx, b, account)
	}
	if b.Account == "" || b.Account != account {
		return access.Grant{}, access.ErrOutOfReach
	}
	return access.Full, nil
}

// allow checks that the bearer may do a with any recording at all, and that the client
// gives a reason if the operator demands one. Handlers call it before they read anything.
func (r *request) allow(a access.Action) error {
	r.action = a
	if !r.grant.Has(a) {
		return r.refusal(a)
	}
	return r.demandReason(a)
}

// refusal returns the 403 for an action that the bearer may not do. Clients see the
// action, and the log has the role that lacks it.
func (r *request) refusal(a access.Action) error {
	role := r.grant.Role
	if !role.Valid() {
		role = "unknown" // the name comes from a token
	}
	return &publicError{
		status: http.StatusForbidden, code: "forbidden",
		data:  map[string]any{"message": "forbidden", "cause": string(a)},
		cause: fmt.Errorf("the role %s has no right to %s here", role, a),
	}
}

// errOtherOwner is the cause of the 404 for a recording that the path or the rights of
// the bearer exclude. The answer is that for an unknown ID.
var errOtherOwner = errors.New("it belongs to another user")

// reaches returns store.ErrNotFound if the path names another user than the owner of
// rec, or if the bearer may not do a with rec.
func (r *request) reaches(rec *recording.Recording, a access.Action) error {
	if r.user != "" && rec.Owner != r.user || !r.grant.May(a, rec.Owner) {
		return fmt.Errorf("%w: %w", store.ErrNotFound, errOtherOwner)
	}
	return nil
}

// listed returns the owners of the recordings in the list, sorted. all is true if the list
// has every owner's. Error: 403 if the path names a user and the bearer may not do action
// with that user's recordings. The answer is the same for a user who does not exist.
func (r *request) listed(action access.Action) (owners []string, all bool, err error) {
	if r.user == "" {
		owners, all = r.grant.Owners(action)
		return owners, all, nil
	}
	if !r.grant.May(action, r.user) {
		return nil, false, r.refusal(action)
	}
	return []string{r.user}, false, nil
}

// createdOwner returns the owner of a recording that the bearer creates. asked is the
// owner that the request names, "" if it names none. A bearer that may create only its
// own recordings gets them without naming itself. Error: 403 for another owner.
func (r *request) createdOwner(asked string) (string, error) {
	owners, all := r.grant.Owners(access.Create)
	switch {
	case all, slices.Contains(owners, asked):
		return asked, nil
	case asked == "" && slices.Contains(owners, r.grant.Owner):
		return r.grant.Owner, nil
	}
	return "", r.refusal(access.Create)
}
