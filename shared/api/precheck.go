package api

import (
	"context"
	"net/http"

	"github.com/callrecordings/api/shared/requestlog"
)

// Precheck runs the checks of a request that do not need its body: the token or the
// secret, the route and the method. If a check fails, Precheck answers as ServeHTTP
// would and returns false. Otherwise it writes nothing, and ServeHTTP repeats the
// checks.
//
// A server that holds whole bodies in memory calls it before it reads a body, so
// that only clients with a token or a secret can make it use that memory
// (gateway.Prechecker).
func (c *chain) Precheck(w http.ResponseWriter, hr *http.Request) bool {
	if hr.Method == http.MethodOptions {
		return true
	}
	entry := &requestlog.Entry{}
	r := &request{Request: hr.WithContext(requestlog.With(hr.Context(), entry)), env: c.env, entry: entry}
	r.parseTarget()
	err := c.inspect(r.Context(), r) //nolint:contextcheck // it is the context of hr, with a log entry
	if err == nil {
		return true
	}
	c.serve(w, hr, func(_ context.Context, _ *answer, answered *request) error {
		answered.entry.Account = entry.Account
		answered.bearer, answered.grant, answered.action = r.bearer, r.grant, r.action // for the audit trail
		return err
	})
	return false
}
