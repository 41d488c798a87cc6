//go:build e2e

package isolation_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/api"
)

// number returns the number in an environment variable, or byDefault.
func number(t *testing.T, name string, byDefault uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return byDefault
	}
	n, err := strconv.ParseUint(text, 10, 64)
	must(t, err)
	return n
}

// call is one request.
type call struct {
	bearer       bearer
	method, path string
	query        url.Values
	header       http.Header
	body         string
}

// String shows a call so that it can be repeated. Tokens are those of the test.
func (c *call) String() string {
	return fmt.Sprintf("%s %s?%s of %s/%s, headers %v, body %s", c.method, c.path, c.query.Encode(), c.bearer.account, c.bearer.owner, c.header, c.body)
}

// answer is the answer to a call, decompressed.
type answer struct {
	status int
	header http.Header
	body   string
}

// send sends a call to the handler that its route selects.
func (w *world) send(t *testing.T, c *call) answer {
	t.Helper()
	target := c.path
	if len(c.query) > 0 {
		target += "?" + c.query.Encode()
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", strings.NewReader(c.body))
	parsed, err := url.ParseRequestURI(target)
	if err != nil {
		return answer{status: http.StatusBadRequest} // no server would pass it on
	}
	r.Method, r.URL, r.RequestURI = c.method, parsed, target
	if c.header != nil {
		r.Header = c.header.Clone()
	}
	if c.bearer.token != "" && r.Header.Get("X-Auth-Token") == "" {
		r.Header.Set("X-Auth-Token", c.bearer.token)
	}
	handler, ok := w.handlers[api.Match(r.Method, r.URL.EscapedPath())]
	if !ok {
		handler = w.handlers[api.OpFallback]
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	var body io.Reader = recorder.Body
	if recorder.Header().Get("Content-Encoding") == "gzip" && recorder.Body.Len() > 0 { // HEAD has none
		if body, err = gzip.NewReader(recorder.Body); err != nil {
			t.Fatalf("%v: %v", c, err)
		}
	}
	text, err := io.ReadAll(body)
	must(t, err)
	return answer{recorder.Code, recorder.Header(), string(text)}
}

// mark finds the marks in an answer.
var mark = regexp.MustCompile(`MARK[0-9a-f]{18}`)

// leaks returns the marks in an answer that its bearer may not see. The address of the
// next page repeats the query, so a mark of the query there shows nothing new.
func leaks(w *world, o *oracle, c *call, got answer) []string {
	var found []string
	text := []string{got.body}
	for name, values := range got.header {
		for _, value := range values {
			if name == "Link" {
				value = strings.ReplaceAll(value, c.query.Encode(), "")
			}
			text = append(text, value)
		}
	}
	for _, m := range mark.FindAllString(strings.Join(text, "\n"), -1) {
		r := w.byMark[m]
		needs := access.Read
		if r != nil && m == r.heard {
			needs = access.Listen
		}
		if r != nil && needs == access.Listen && w.isLink(c.path, r) {
			continue
		}
		if r == nil || !o.may(c.bearer, needs, r.uid()) {
			found = append(found, m)
		}
	}
	return found
}

// isLink reports whether path is that of a link to r.
func (w *world) isLink(path string, r *one) bool {
	_, ok := w.links.Load(path)
	return ok && strings.HasPrefix(path[len("/v2"):], "/accounts/"+r.account+"/recordings/"+r.id+"/links/")
}

// TestIsolation sends hostile requests. No answer has a mark beyond the bearer's rights.
func TestIsolation(t *testing.T) {
	w := newWorld(t)
	o := newOracle(t, w)
	requests, seed := number(t, "REQUESTS", 20_000), number(t, "SEED", rand.Uint64())
	t.Logf("%d requests, SEED=%d", requests, seed)
	const workers = 2
	var all sync.WaitGroup
	seen := make([]map[int]int, workers)
	for i := range workers {
		seen[i] = map[int]int{}
		all.Go(func() {
			g := &generator{Rand: rand.New(rand.NewPCG(seed, uint64(i))), world: w, oracle: o}
			for range requests / workers {
				c := g.call()
				got := w.send(t, c)
				seen[i][got.status]++
				if marks := leaks(w, o, c, got); len(marks) > 0 {
					t.Errorf("%v: %d shows %q (%+v)", c, got.status, marks, w.byMark[marks[0]])
					return
				}
				if got.status >= http.StatusInternalServerError {
					t.Errorf("%v: status %d: %s", c, got.status, got.body)
					return
				}
				g.remember(got)
			}
		})
	}
	all.Wait()
	t.Logf("answers by status: %v", seen)
	for _, status := range []int{http.StatusOK, http.StatusForbidden, http.StatusNotFound, http.StatusUnauthorized, http.StatusBadRequest} {
		if seen[0][status]+seen[1][status] == 0 {
			t.Errorf("no answer has status %d, so the requests are not what they should be", status)
		}
	}
}

// probe is a request that shows whether a bearer may do an action, without doing it: the
// precondition of a change never holds.
type probe struct {
	action  access.Action
	method  string
	query   string
	header  []string
	body    func(r *one) string
	allowed int // the status if the bearer may do it
}

var probes = []probe{
	{action: access.Read, method: http.MethodGet, allowed: http.StatusOK},
	{action: access.Listen, method: http.MethodGet, query: "accept=audio", allowed: http.StatusOK},
	{action: access.Listen, method: http.MethodHead, query: "accept=audio", allowed: http.StatusOK},
	{action: access.Tag, method: http.MethodPatch, header: []string{"If-Match", `"never"`, "Content-Type", "application/json"}, body: func(*one) string { return `{"data":{"user_metadata":{"a":1}}}` }, allowed: http.StatusPreconditionFailed},
	{action: access.Delete, method: http.MethodDelete, header: []string{"If-Match", `"never"`}, allowed: http.StatusPreconditionFailed},
	{action: access.Create, method: http.MethodPut, header: []string{"Content-Type", "application/json"}, body: func(r *one) string {
		return fmt.Sprintf(`{"data":{"id":%q,"owner_id":%q,"start":63867780000}}`, r.id, r.owner)
	}, allowed: http.StatusConflict},
}

// TestHandlersAgreeWithCedar compares the answers to random bearers, actions and
// recordings with the decisions of the policies.
func TestHandlersAgreeWithCedar(t *testing.T) {
	w := newWorld(t)
	o := newOracle(t, w)
	combinations, seed := number(t, "COMBINATIONS", 20_000), number(t, "SEED", rand.Uint64())
	t.Logf("%d combinations, SEED=%d", combinations, seed)
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0)), world: w, oracle: o}
	decided := map[bool]int{}
	for range combinations {
		b, r := g.pair()
		p := pick(g, probes...)
		if p.action == access.Create && r.owner == "" {
			continue // an empty owner_id means another recording: that of the bearer
		}
		c := &call{bearer: b, method: p.method, path: "/v2/accounts/" + r.account + "/recordings/" + r.id, header: http.Header{}}
		if p.action == access.Create {
			c.path = "/v2/accounts/" + r.account + "/recordings"
		}
		if p.query != "" {
			c.query, _ = url.ParseQuery(p.query)
		}
		for i := 0; i < len(p.header); i += 2 {
			c.header.Set(p.header[i], p.header[i+1])
		}
		if p.body != nil {
			c.body = p.body(&r)
		}
		want, got := o.may(b, p.action, r.uid()), w.send(t, c)
		decided[want]++
		refused := got.status == http.StatusForbidden || got.status == http.StatusNotFound
		if want && got.status != p.allowed || !want && !refused {
			t.Fatalf("%v: status %d, but the policies say %v: %s", c, got.status, want, got.body)
		}
	}
	t.Logf("allowed and refused: %v", decided)
	if decided[true] < int(combinations/20) || decided[false] < int(combinations/20) {
		t.Errorf("decisions are one-sided: %v", decided)
	}
}

// TestListsShowWhatGetAllows walks the lists of every bearer of every account and user.
func TestListsShowWhatGetAllows(t *testing.T) {
	w := newWorld(t)
	o := newOracle(t, w)
	for _, b := range w.bearers {
		for _, a := range tree {
			for _, user := range append([]string{"", "stranger"}, sortedUsers()...) {
				want := []string{}
				for i := range w.recordings {
					if r := &w.recordings[i]; r.account == a.account && (user == "" || user == r.owner) && o.may(b, access.Read, r.uid()) {
						want = append(want, r.id)
					}
				}
				got, status := w.walk(t, b, a.account, user)
				slices.Sort(want)
				slices.Sort(got)
				if status == http.StatusForbidden {
					got = []string{}
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%s/%s lists %s/%s: %d %q, want %q", b.account, b.owner, a.account, user, status, got, want)
				}
			}
		}
	}
}

// walk returns the IDs of a list, page by page.
func (w *world) walk(t *testing.T, b bearer, account, user string) (ids []string, status int) {
	t.Helper()
	c := &call{bearer: b, method: http.MethodGet, path: "/v2/accounts/" + account + "/recordings", query: url.Values{"page_size": {"4"}}}
	if user != "" {
		c.path = "/v2/accounts/" + account + "/users/" + user + "/recordings"
	}
	for range 1000 {
		got := w.send(t, c)
		if got.status != http.StatusOK {
			return ids, got.status
		}
		var page struct {
			Data []struct {
				ID string `json:"id"`
			} `json:"data"`
			Next string `json:"next_start_key"`
		}
		must(t, json.Unmarshal([]byte(got.body), &page))
		for _, r := range page.Data {
			ids = append(ids, r.ID)
		}
		if page.Next == "" {
			return ids, got.status
		}
		c.query.Set("start_key", page.Next)
	}
	t.Fatal("the list does not end")
	return nil, 0
}
