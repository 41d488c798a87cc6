//go:build e2e

package isolation_test

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/callrecordings/api/shared/access"
)

// generator makes hostile requests.
type generator struct {
	*rand.Rand
	world  *world
	oracle *oracle
	// cursors are keys from earlier answers to any bearer.
	cursors []string
	// links are the paths of links from earlier answers.
	links []string
}

// pick returns one of all.
func pick[T any](g *generator, all ...T) T { return all[g.IntN(len(all))] }

// chance is true in one of n cases.
func (g *generator) chance(n int) bool { return g.IntN(n) == 0 }

// call returns a request of any bearer for any account, user and recording, often
// disguised.
func (g *generator) call() *call {
	if len(g.links) > 0 && g.chance(20) {
		return g.play()
	}
	b, r := g.pair()
	c := &call{bearer: b, query: url.Values{}, header: http.Header{}, method: pick(g, methods...), path: g.path(r)}
	g.addQuery(c, r)
	g.addHeaders(c, r)
	switch c.method {
	case http.MethodPatch:
		c.body = pick(g, `{"data":{"user_metadata":{"a":1}}}`, `{"data":{"owner_id":"`+b.owner+`"}}`, `{"data":{"account_id":"`+b.account+`"}}`, `{`)
	case http.MethodPut:
		c.body = pick(g, `{"data":{"id":"`+r.id+`","owner_id":"`+r.owner+`","start":63867780000}}`, `{"data":{"role":"admin"}}`, `[]`)
	case http.MethodPost:
		c.body = pick(g, `{"data":{"plays":1}}`, `{}`)
	}
	g.protect(c)
	if g.chance(40) {
		c.bearer = bearer{token: pick(g, "", "x", "a.b.c", strings.ToUpper(b.token), b.token+"x", b.token[:len(b.token)-4], strings.Replace(b.token, ".", "..", 1))}
	}
	return c
}

// pair returns a bearer and a recording, often of the same account, so that the rest of
// the request matters.
func (g *generator) pair() (bearer, one) {
	b, r := pick(g, g.world.bearers...), pick(g, g.world.recordings...)
	if g.chance(2) {
		for r.account != b.account {
			r = pick(g, g.world.recordings...)
		}
	}
	return b, r
}

// play returns a request for the audio of a link, or for something near it.
func (g *generator) play() *call {
	c := &call{query: url.Values{}, header: http.Header{}, method: pick(g, http.MethodGet, http.MethodHead), path: pick(g, g.links...)}
	g.addHeaders(c, pick(g, g.world.recordings...))
	if g.chance(2) { // another recording, another account, or another secret
		from := strings.Split(c.path, "/")
		r := pick(g, g.world.recordings...)
		switch g.IntN(4) {
		case 0:
			from[3] = r.account
		case 1:
			from[5] = r.id
		case 2:
			from[7] = strings.Split(pick(g, g.links...), "/")[7]
		case 3:
			from[8] = from[8][:len(from[8])-1]
		}
		c.path = strings.Join(from, "/")
	}
	return c
}

var methods = []string{
	http.MethodGet, http.MethodGet, http.MethodGet, http.MethodGet, http.MethodGet, http.MethodHead, http.MethodPatch,
	http.MethodDelete, http.MethodPut, http.MethodPost, http.MethodOptions, "get", "PROPFIND",
}

// path returns a path to or near a recording.
func (g *generator) path(r one) string {
	base := pick(g, "/v2", "/v2", "/v2", "/v1", "/V2", "//v2", "/v2/.") + "/accounts/" + g.disguise(r.account)
	list := base + "/recordings"
	switch g.IntN(4) {
	case 0:
		list = base + "/users/" + g.disguise(pick(g, append(sortedUsers(), r.owner)...)) + "/recordings"
	case 1:
		list = base + "/" + g.disguise(pick(g, append(sortedUsers(), r.owner)...)) + "/recordings"
	}
	item := list + "/" + g.disguise(r.id)
	return pick(g, list, list, list+"/", item, item, item, item+"/audio", item+"/audio", item+"/links", item+"/links/x", item+"/links/x/y", item+"/audit",
		base+"/recordings/audit", base+"/recordings/changes", base+"/recordings/webhooks", base+"/recordings/access/users", base+"/recordings/access/groups/sales", base+"/recordings/access/groups/sales/members", item+"/../"+r.id)
}

// disguise writes an ID in another way, mostly not.
func (g *generator) disguise(s string) string {
	if s == "" || !g.chance(6) {
		return s
	}
	return pick(g, strings.ToUpper(s), s+"%00", "%2e%2e%2f"+s, s+"%2f", s+"%23", s+" ", "%"+hexOf(s[0])+s[1:], s+"*", s+"\u200b", "."+s, s+"/..", s+"#", s+";", "'"+s)
}

func hexOf(b byte) string { return string("0123456789abcdef"[b>>4]) + string("0123456789abcdef"[b&15]) }

// addQuery adds parameters, among them filters and cursors of others.
func (g *generator) addQuery(c *call, r one) {
	for range g.IntN(4) {
		switch g.IntN(12) {
		case 0:
			c.query.Set("start_key", g.cursor())
		case 1:
			c.query.Set("accept", pick(g, "csv", "audio", "audio/mpeg", "application/json", "*"))
		case 2:
			c.query.Set("filter_owner_id", r.owner)
		case 3:
			c.query.Set("filter_caller_id_name", r.mark)
		case 4:
			c.query.Set("has_key", "owner_id")
		case 5:
			c.query.Set("page_size", pick(g, "1", "7", "1000", "-1", "x"))
		case 6:
			c.query.Set("paginate", "false")
		case 7:
			c.query.Set("delivery", pick(g, "redirect", "inline", "auto"))
		case 8:
			c.query.Set("account_id", r.account)
		case 9:
			c.query.Set("owner_id", r.owner)
		case 10:
			c.query.Set("columns", pick(g, "caller_id_name", "id,name,owner_id"))
		case 11:
			c.query.Set("verb", pick(g, "GET", "DELETE", "PATCH"))
		}
	}
	if c.method == http.MethodGet && g.chance(2) && strings.HasSuffix(c.path, r.id) {
		c.query.Set("accept", "audio")
	}
}

// addHeaders adds headers that could change who is asking, and for what.
func (g *generator) addHeaders(c *call, r one) {
	for range g.IntN(3) {
		switch g.IntN(8) {
		case 0:
			c.header.Set("Range", pick(g, "bytes=0-3", "bytes=-4", "bytes=2-", "bytes=99-"))
		case 1:
			c.header.Set("Accept", pick(g, "audio/*", "text/csv", "application/json", "*/*;q=0"))
		case 2:
			c.header.Set("X-Account-Id", r.account)
		case 3:
			c.header.Set("X-HTTP-Method-Override", http.MethodGet)
		case 4:
			c.header.Set("Accept-Encoding", "gzip")
		case 5:
			c.header.Set("X-Forwarded-Prefix", "/v2/accounts/"+r.account)
		case 6:
			c.header.Set("If-None-Match", "*")
		case 7:
			c.header.Set("Host", r.account)
		}
	}
}

// protect keeps the world as the oracle knows it. A change of a recording has a
// precondition that never holds, and only those without the right try to change access.
func (g *generator) protect(c *call) {
	if c.method == http.MethodPatch || c.method == http.MethodDelete || c.method == http.MethodPut {
		c.header.Set("If-Match", `"never"`)
	}
	changes := c.method == http.MethodPut || c.method == http.MethodDelete || c.method == http.MethodPost
	if !changes {
		return
	}
	for _, a := range tree {
		if strings.Contains(c.path, "access") && g.oracle.may(c.bearer, access.Manage, account(a.account)) {
			c.method = http.MethodGet
		}
	}
}

// cursor returns a key of an earlier answer, sometimes damaged.
func (g *generator) cursor() string {
	if len(g.cursors) == 0 {
		return "x"
	}
	key := pick(g, g.cursors...)
	if g.chance(4) {
		return key[:g.IntN(len(key)+1)]
	}
	return key
}

var (
	linkURL  = regexp.MustCompile(`"url":"https://recordings\.test([^"]+)"`)
	startKey = regexp.MustCompile(`start_key":"([^"]+)"`)
)

// remember keeps the cursors and links of an answer for later requests.
func (g *generator) remember(got answer) {
	if m := linkURL.FindStringSubmatch(got.body); m != nil && got.status == http.StatusCreated {
		g.links = append(g.links, m[1])
		g.world.links.Store(m[1], true)
	}
	if m := startKey.FindStringSubmatch(got.body); m != nil {
		if len(g.cursors) < 200 {
			g.cursors = append(g.cursors, m[1])
		} else {
			g.cursors[g.IntN(len(g.cursors))] = m[1]
		}
	}
}
