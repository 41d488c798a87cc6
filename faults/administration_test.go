package faults

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The paths of a user, a group and a member of it.
const (
	userPath   = base + "/access/users/anna"
	groupPath  = base + "/access/groups/sales"
	memberPath = groupPath + "/members/anna"
)

// putGroup makes a group that the user anna leads.
func putGroup(c *client) {
	c.ask(http.MethodPut, groupPath, `{"data":{"name":"Sales","leaders":["anna"]}}`, 200)
}

// putMember makes a group with a member.
func putMember(c *client) {
	putGroup(c)
	c.ask(http.MethodPut, memberPath, "", 200)
}

// putHook adds a webhook.
func putHook(c *client) {
	c.kept["hook"] = c.ask(http.MethodPost, base+"/webhooks", `{"data":{"url":"https://hook.test/x"}}`, 201).text("data", "id")
}

// shows checks that the answer of a path has a text.
func (c *client) shows(path, text string) {
	if r := c.ask(http.MethodGet, path, "", 200); !strings.Contains(string(r.body), text) {
		c.fail("GET of %s lacks %s: %s", path, text, r.body)
	}
}

// isGone checks that a path is a 404.
func (c *client) isGone(path string) { c.ask(http.MethodGet, path, "", 404) }

// administration are the operations of those who manage an account.
var administration = []operation{
	{"put-user", func(*client) {}, func(c *client) {
		c.ask(http.MethodPut, userPath, `{"data":{"role":"supervisor","name":"Anna"}}`, 200)
	}, func(c *client) { c.shows(userPath, `"role":"supervisor"`) }},
	{"remove-user", func(c *client) {
		c.ask(http.MethodPut, userPath, `{"data":{"role":"supervisor"}}`, 200)
		putMember(c)
	}, func(c *client) { c.drop(userPath) }, func(c *client) {
		c.isGone(userPath)
		c.shows(groupPath, `"leaders":[]`)
		c.shows(groupPath+"/members", `"id":"anna"`)
	}},
	{"put-group", func(*client) {}, putGroup, func(c *client) { c.shows(groupPath, `"leaders":["anna"]`) }},
	{"remove-group", putMember, func(c *client) { c.drop(groupPath) }, func(c *client) {
		c.isGone(groupPath)
		putGroup(c) // a group of the same ID begins without members
		if r := c.ask(http.MethodGet, groupPath+"/members", "", 200); strings.Contains(string(r.body), "anna") {
			c.fail("a member of the removed group is left: %s", r.body)
		}
	}},
	{"put-member", putGroup, func(c *client) {
		c.ask(http.MethodPut, memberPath, "", 200)
	}, func(c *client) { c.shows(groupPath+"/members", `"id":"anna"`) }},
	{"remove-member", putMember, func(c *client) {
		c.ask(http.MethodDelete, memberPath, "", 200)
	}, func(c *client) {
		if r := c.ask(http.MethodGet, groupPath+"/members", "", 200); strings.Contains(string(r.body), "anna") {
			c.fail("the member is left: %s", r.body)
		}
	}},
	{"remove-webhook", putHook, func(c *client) { c.drop(base + "/webhooks/" + c.kept["hook"]) }, func(c *client) {
		c.isGone(base + "/webhooks/" + c.kept["hook"])
	}},
	{"preview-retention", func(c *client) {
		c.ready("one")
		c.tick(25 * time.Hour)
	}, func(c *client) {
		for range patience {
			r := c.ask(http.MethodPost, base+"/retention/preview", `{"data":{"rules":[{"name":"all","days":1}]}}`, 200)
			if strings.Contains(string(r.body), `"complete":true`) {
				if !strings.Contains(string(r.body), `"count":1`) {
					c.fail("the preview counts not one recording: %s", r.body)
				}
				return
			}
		}
		c.fail("the preview is never complete")
	}, playsOne},
	{"replace-retention", func(c *client) {
		c.ready("one")
		c.policy()
	}, func(c *client) {
		c.ask(http.MethodPut, base+"/retention", `{"data":{"rules":[{"name":"some","days":900}]}}`, 200)
	}, func(c *client) {
		c.shows(base+"/retention", `"name":"some"`)
		c.has("one")
	}},
	{"remove-retention", func(c *client) {
		c.ready("one")
		c.policy()
	}, func(c *client) { c.ask(http.MethodDelete, base+"/retention", "", 200) }, playsOne},
	{"audit-page", func(c *client) {
		c.ready("one", "two")
		c.ask(http.MethodPatch, c.path("one"), `{"data":{"user_metadata":{"note":"new"}}}`, 200)
	}, func(c *client) {
		var all strings.Builder
		after := ""
		for range 20 {
			r := c.ask(http.MethodGet, base+"/audit?page_size=1"+after, "", 200)
			all.Write(r.body)
			next := r.text("next_start_key")
			if next == "" {
				break
			}
			after = "&start_key=" + url.QueryEscape(next)
		}
		trail := all.String()
		for _, text := range []string{c.id("one"), c.id("two"), `"action":"create"`, `"action":"tag"`} {
			if !strings.Contains(trail, text) {
				c.fail("the audit trail lacks %s: %s", text, trail)
			}
		}
		c.shows(c.path("one")+"/audit", `"action":"tag"`)
	}, playsOne},
}
