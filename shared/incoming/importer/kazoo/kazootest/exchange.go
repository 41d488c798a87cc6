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
	"strconv"
	"strings"
	"time"
)

// accountLen is the length of an account's id.
const accountLen = 32

// exchange is a request and what becomes of it.
type exchange struct {
	s     *Server
	w     http.ResponseWriter
	r     *http.Request
	query url.Values
	// path are its decoded segments.
	path []string
	// token as it was sent; bearer is the account that it is good for, "" for
	// none.
	token, bearer string
	// account and id are what the path names.
	account *tenant
	id      string
	faults  *Faults
	fate    fate
}

// segments cuts the path up; a slash at its end does not count (5.7).
func segments(r *http.Request) []string {
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	for i, p := range parts {
		if plain, err := url.PathUnescape(p); err == nil {
			parts[i] = plain
		}
	}
	return parts
}

// name is what a request's fate goes by: all of it but the token.
func (x *exchange) name() string {
	query := x.r.URL.Query()
	query.Del("auth_token")
	return x.r.Method + " " + strings.Join(x.path, "/") + "?" + query.Encode()
}

// listing tells whether the answer is a list.
func (x *exchange) listing() bool {
	last := x.path[len(x.path)-1]
	return last == "recordings" || last == "descendants"
}

// route is a path, in which {A} is an account and {R} a recording.
type route struct {
	method, path string
	handle       func(*exchange) *refusal
}

// routes are all that there is (1.2, 6.2).
var routes = []route{
	{http.MethodPut, "v2/api_auth", (*exchange).authenticate},
	{http.MethodGet, "v2/accounts/{A}/recordings", (*exchange).list},
	{http.MethodGet, "v2/accounts/{A}/recordings/{R}", (*exchange).one},
	{http.MethodGet, "v2/accounts/{A}/descendants", (*exchange).descendants},
}

// match finds the route of a path, and what stands for its variables.
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

// serve makes Kazoo's checks in Kazoo's order (5.5) and answers.
func (x *exchange) serve() *refusal {
	x.token = cmp.Or(x.r.Header.Get("X-Auth-Token"), x.query.Get("auth_token"))
	switch {
	case x.fate.tooMany:
		return x.throttle()
	case x.fate.broken:
		return broken("econnrefused")
	}
	if x.token != "" {
		if x.bearer = x.s.tokens.use(x.token); x.bearer == "" {
			return &refusal{http.StatusUnauthorized, "invalid credentials", map[string]any{}}
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
	if no := x.admit(account); no != nil {
		return no
	}
	return to.handle(x)
}

// admit checks the account of the path, and the token for it.
func (x *exchange) admit(account string) *refusal {
	x.account = x.s.tenants[account]
	switch {
	case len(account) != accountLen:
		return &refusal{http.StatusNotFound, "bad identifier", map[string]any{"message": "invalid account_id '" + account + "'"}}
	case x.account == nil:
		return system("bad_identifier", map[string]any{"cause": account})
	case x.bearer == "":
		return system("invalid_credentials", nil)
	case !x.s.reaches(x.bearer, x.account):
		return system("forbidden", nil)
	}
	return nil
}

// throttle refuses a request that was one too many (5.8).
func (x *exchange) throttle() *refusal {
	x.s.counts.reject()
	if x.faults.RetryAfter > 0 {
		x.w.Header().Set("Retry-After", strconv.Itoa(x.faults.RetryAfter))
	}
	return system("too_many_requests", nil)
}

// refusal is an error as Kazoo tells it (5.2).
type refusal struct {
	status  int
	message string
	// data is left out if nil.
	data any
}

// systemErrors are those of 5.3 that happen here, with their data.message.
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

// system makes one of them; more goes into its data, or over it.
func system(code string, more map[string]any) *refusal {
	e := systemErrors[code]
	data := map[string]any{"message": e.text}
	for name, value := range more {
		data[name] = value
	}
	return &refusal{e.status, code, data}
}

// broken is what comes of a store that fails (5.3, 1.5).
func broken(cause string) *refusal {
	return &refusal{http.StatusInternalServerError, "datastore_fault", map[string]any{"cause": cause, "message": "unknown failure"}}
}

// refuse answers with an error; without a message there is no body, as where
// cowboy refuses (5.2).
func (x *exchange) refuse(no *refusal) {
	if no.message == "" {
		x.send(no.status, nil)
		return
	}
	more := map[string]any{"status": "error", "message": no.message, "error": strconv.Itoa(no.status)}
	if x.token == "" {
		more["auth_token"] = "undefined"
	}
	x.write(no.status, no.data, more)
}

// succeed answers with data, and more in the envelope (5.1).
func (x *exchange) succeed(status int, data any, more map[string]any) *refusal {
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
	encoder.SetEscapeHTML(false) // Kazoo does not either
	if err := encoder.Encode(envelope); err != nil {
		panic(fmt.Sprintf("kazootest: cannot write %v: %v", envelope, err)) // Add took nothing but JSON
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

// send writes an answer, or as much of it as fate allows, and tells whether all
// of it was handed to the network.
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

// digest is 32 hexadecimal digits of texts, as revisions and ids of requests are.
func digest(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:16])
}
