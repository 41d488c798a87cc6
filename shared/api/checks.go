package api

import (
	"context"
	"strings"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/recording"
)

// authenticate verifies the token and checks that it grants access to the account in
// the path, and that the issuer's token restrictions allow the request. A malformed account ID gets the same 403 as an unknown account.
func (r *request) authenticate(ctx context.Context) error {
	if r.target.public() {
		return nil
	}
	bearer, err := r.env.Verifier.Verify(ctx, auth.Token(r.Request))
	if err != nil {
		return err
	}
	r.bearer = bearer
	if !r.target.owned {
		return nil
	}
	r.action = actions[r.op]
	if r.grant, err = r.env.grant(ctx, bearer, r.account); err != nil {
		return err
	}
	r.entry.Account = r.account
	return r.restricted()
}

// admit checks route and method, and that c serves the operation.
func (c *chain) admit(r *request) error {
	if r.target.resource == nil {
		return errNotFound
	}
	if _, ok := r.target.operation(r.Method); !ok || r.overridesMethod() {
		return invalidMethod(r.target.allow())
	}
	if r.op != c.op {
		return errNotFound // routed to the wrong function
	}
	if r.user != "" && !auth.ValidName(r.user) {
		return badIdentifier(r.user, "")
	}
	if group := r.target.group; group != "" && !auth.ValidName(group) {
		return badIdentifier(group, "")
	}
	return nil
}

// overridesMethod reports whether ?verb= asks for another method. Kazoo would
// serve that method, so this service must not ignore it (contract, Where we
// differ).
func (r *request) overridesMethod() bool {
	if !strings.Contains(r.URL.RawQuery, "verb") {
		return false
	}
	verb := r.URL.Query().Get("verb")
	return !recording.IsAbsent(verb) && !strings.EqualFold(verb, r.Method)
}
