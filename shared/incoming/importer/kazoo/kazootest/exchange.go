package kazootest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// accountLen is the length of an account ID.
const accountLen = 32

// exchange is a request and its answer.
type exchange struct {
	s     *Server
	w     http.ResponseWriter
	r     *http.Request
	query url.Values
	// path holds the decoded segments.
	path []string
	// token is the token of the request. bearer is the token's account, or "" without
	// a valid token.
	token, bearer string
	// account and id come from the path.
	account *tenant
	id      string
	faults  *Faults
	fate    fate
}

// segments returns the decoded segments of the path. A trailing slash is ignored
// (5.7).
func segments(r *http.Request) []string {
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	for i, p := range parts {
		if plain, err := url.PathUnescape(p); err == nil {
			parts[i] = plain
		}
	}
	return parts
}

// name identifies a request when its fate is chosen: method, path and parameters,
// without the token.
func (x *exchange) name() string {
	query := x.r.URL.Query()
	query.Del("auth_token")
	return x.r.Method + " " + strings.Join(x.path, "/") + "?" + query.Encode()
}

// listing reports whether the answer is a list.
func (x *exchange) listing() bool {
	last := x.path[len(x.path)-1]
	return slices.Contains([]string{"recordings", "descendants", "users", "groups", "devices"}, last)
}

// route is a path, in which {A} stands for an account and {R} for a recording or a group.
type route struct {
	method, path string
	handle       func(*exchange) *failure
}

// routes lists all routes of the server (1.2, 6.2).
var routes = []route{
	{http.MethodPut, "v2/api_auth", (*exchange).authenticate},
	{http.MethodGet, "v2/accounts/{A}/recordings", (*exchange).list},
	{http.MethodGet, "v2/accounts/{A}/recordings/{R}", (*exchange).one},
	{http.MethodGet, "v2/accounts/{A}/descendants", (*exchange).descendants},
	{http.MethodGet, "v2/accounts/{A}", (*exchange).document},
	{http.MethodGet, "v2/accounts/{A}/users", (*exchange).users},
	{http.MethodGet, "v2/accounts/{A}/groups", (*exchange).groups},
	{http.MethodGet, "v2/accounts/{A}/groups/{R}", (*exchange).group},
	{http.MethodGet, "v2/accounts/{A}/devices", (*exchange).devices},
}

// match returns the route of a path and the values of its variables.
func match(path []string) (found *route, account, id string) {
	for i, r := range routes {
		pattern := strings.Split(r.path, "/")
		same := len(pattern) == len(path)
		for j := 0; same && j < len(path); j++ {
			switch pattern[j] {
			case "{A}":
				account = path[j]
			case "{R}":
				id = path[j]
			default:
				same = pattern[j] == path[j]
			}
		}
		if same {
			return &routes[i], account, id
		}
	}
	return nil, "", ""
}

// serve performs Kazoo's checks in Kazoo's order (5.5) and answers the request.
func (x *exchange) serve() *failure {
	x.token = cmp.Or(x.r.Header.Get("X-Auth-Token"), x.query.Get("auth_token"))
	switch {
	case x.fate.tooMany:
		return x.throttle()
	case x.fate.broken:
		return broken("econnrefused")
	}
	if x.token != "" {
		if x.bearer = x.s.tokens.use(x.token); x.bearer == "" {
			return &failure{http.StatusUnauthorized, "invalid credentials", map[string]any{}}
		}
	}
	to, account, id := match(x.path)
	x.id = id
	switch {
	case to == nil && x.bearer == "" && x.path[0] == "v2":
		return system("invalid_credentials", nil)
	case to == nil:
		return system("not_found", nil)
	case to.method != x.r.Method:
		return system("invalid_method", nil)
	case !strings.Contains(to.path, "{A}"):
		return to.handle(x)
	}
	if failed := x.admit(account); failed != nil {
		return failed
	}
	return to.handle(x)
}

// admit checks the account in the path and whether the token may access it.
func (x *exchange) admit(account string) *failure {
	x.account = x.s.tenants[account]
	switch {
	case len(account) != accountLen:
		return &failure{http.StatusNotFound, "bad identifier", map[string]any{"message": "invalid account_id '" + account + "'"}}
	case x.account == nil:
		return system("bad_identifier", map[string]any{"cause": account})
	case x.bearer == "":
		return system("invalid_credentials", nil)
	case !x.s.reaches(x.bearer, x.account):
		return system("forbidden", nil)
	}
	return nil
}

// throttle rejects a request that exceeds the rate limit (5.8).
func (x *exchange) throttle() *failure {
	x.s.counts.reject()
	if x.faults.RetryAfter > 0 {
		x.w.Header().Set("Retry-After", strconv.Itoa(x.faults.RetryAfter))
	}
	return system("too_many_requests", nil)
}

// failure is an error answer of Kazoo (5.2).
type failure struct {
	status  int
	message string
	// data is omitted if nil.
	data any
}

// systemErrors lists the errors of 5.3 that occur here, with their status and
// data.message.
var systemErrors = map[string]struct {
	status int
	text   string
}{
	"too_many_requests":   {http.StatusTooManyRequests, "too many requests"},
	"invalid_credentials": {http.StatusUnauthorized, "invalid credentials"},
	"forbidden":           {http.StatusForbidden, "forbidden"},
	"bad_identifier":      {http.StatusNotFound, "bad identifier"},
	"not_found":           {http.StatusNotFound, "not found"},
	"faulty_request":      {http.StatusNotFound, "faulty request"},
	"invalid_method":      {http.StatusMethodNotAllowed, "method not allowed"},
	"parse_error":         {http.StatusBadRequest, "failed to parse request body"},
}

// system returns one of systemErrors. It adds the members of more to the error's
// data; they may replace message.
func system(code string, more map[string]any) *failure {
	e := systemErrors[code]
	data := map[string]any{"message": e.text}
	for name, value := range more {
		data[name] = value
	}
	return &failure{e.status, code, data}
}

// broken returns the error for a failing datastore (5.3, 1.5).
func broken(cause string) *failure {
	return &failure{http.StatusInternalServerError, "datastore_fault", map[string]any{"cause": cause, "message": "unknown failure"}}
}

// fail answers with an error. An error without a message has no body, like
// cowboy's own (5.2).
func (x *exchange) fail(failed *failure) {
	if failed.message == "" {
		x.send(failed.status, nil)
		return
	}
	more := map[string]any{"status": "error", "message": failed.message, "error": strconv.Itoa(failed.status)}
	if x.token == "" {
		more["auth_token"] = "undefined"
	}
	x.write(failed.status, failed.data, more)
}

// succeed answers with data in an envelope that also has the members of more (5.1).
// It returns nil, so that handlers can return its result.
func (x *exchange) succeed(status int, data any, more map[string]any) *failure {
	envelope := map[string]any{"status": "success"}
	for name, value := range more {
		envelope[name] = value
	}
	if revision, ok := envelope["revision"].(string); ok {
		x.w.Header().Set("ETag", `"`+revision+`"`)
	}
	x.write(status, data, envelope)
	return nil
}

// write completes the envelope and sends it.
func (x *exchange) write(status int, data any, envelope map[string]any) {
	header := x.w.Header()
	id := cmp.Or(x.r.Header.Get("X-Request-ID"), digest(x.name(), strconv.Itoa(x.s.Requests())))
	envelope["request_id"], envelope["node"], envelope["version"] = id, "kazootest-node-kaz-test", "4.3.142"
	envelope["timestamp"] = x.s.o.Now().UTC().Format(time.RFC3339)
	if envelope["auth_token"] == nil {
		envelope["auth_token"] = x.token
	}
	if data != nil {
		envelope["data"] = data
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // as in Kazoo
	if err := encoder.Encode(envelope); err != nil {
		panic(fmt.Sprintf("kazootest: cannot write %v: %v", envelope, err)) // cannot happen: Add accepts only JSON
	}
	header.Set("Content-Type", "application/json")
	header.Set("X-Request-Id", id)
	header.Set("Vary", "accept")
	if status == http.StatusOK {
		header.Set("Expires", "Fri, 01 Jan 1999 00:00:00 GMT")
	}
	out := bytes.TrimRight(body.Bytes(), "\n")
	if x.fate.truncated && status == http.StatusOK {
		out = out[:len(out)/2]
	}
	x.send(status, out)
}

// send writes an answer. The fate may cut off a part of it. send reports whether the
// whole answer was written to the network.
func (x *exchange) send(status int, body []byte) bool {
	if x.w.Header().Get("Content-Length") == "" {
		x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	whole := len(body)
	if x.fate.cut {
		whole /= 2
	}
	x.w.WriteHeader(status)
	n, err := x.w.Write(body[:whole])
	flushed := http.NewResponseController(x.w).Flush()
	if x.fate.cut {
		panic(http.ErrAbortHandler)
	}
	return err == nil && flushed == nil && n == len(body)
}

// digest returns a hash of texts as 32 hexadecimal digits, the form of revisions and
// request IDs.
func digest(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:16])
}
