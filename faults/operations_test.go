package faults

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/recording"
)

// operation is a row of the table: something that a client asks for, or that the service
// does by itself.
type operation struct {
	name string
	// prepare makes the state before, without faults.
	prepare func(*client)
	// run is the operation.
	run func(*client)
	// want checks the result after the service has converged, unless the client has left.
	want func(*client)
}

// readyOne prepares a recording with audio.
func readyOne(c *client) { c.ready("one") }

// readyTwo prepares two of them.
func readyTwo(c *client) { c.ready("one", "two") }

func playsOne(c *client) { c.has("one") }

// requests are the operations of clients.
var requests = []operation{
	{"create", func(*client) {}, func(c *client) { c.create("one") }, func(c *client) {
		c.ask(http.MethodGet, c.path("one"), "", 200)
	}},
	{"create-by-key", func(*client) {}, func(c *client) {
		r := c.send(http.MethodPut, base, `{"data":{"caller_id_name":"Ada"}}`, "Idempotency-Key", "key-1")
		c.expect(r, "PUT", 201, 200)
		c.kept["id"] = r.text("data", "id")
	}, func(c *client) {
		r := c.ask(http.MethodGet, base, "", 200)
		if n := strings.Count(string(r.body), `"caller_id_name":"Ada"`); n != 1 || !strings.Contains(string(r.body), c.kept["id"]) {
			c.fail("the list has %d recordings, want one with the ID %s: %s", n, c.kept["id"], r.body)
		}
	}},
	{"create-and-upload", func(*client) {}, func(c *client) {
		c.create("one")
		c.upload("one", c.audio)
	}, playsOne},
	{"create-with-audio", func(*client) {}, func(c *client) {
		r := c.send(http.MethodPut, base+"?id="+c.id("one")+"&owner_id="+admin, string(c.audio), "Content-Type", "audio/wav")
		c.expect(r, "PUT of audio", 201)
	}, playsOne},
	{"get", readyOne, func(c *client) { c.ask(http.MethodGet, c.path("one"), "", 200) }, playsOne},
	{"audio", readyOne, func(c *client) { c.listen("") }, playsOne},
	{"stream", readyOne, func(c *client) { c.listen("?delivery=stream") }, playsOne},
	{"list", readyTwo, func(c *client) {
		if r := c.ask(http.MethodGet, base, "", 200); strings.Count(string(r.body), `"call_id":`) != 2 {
			c.fail("the list has not two recordings: %s", r.body)
		}
	}, playsOne},
	{"list-deleted", func(c *client) {
		c.ready("one", "two")
		c.remove("one")
		c.must(c.drain(c.ctx))
	}, func(c *client) {
		if r := c.ask(http.MethodGet, base+"?deleted=true", "", 200); strings.Count(string(r.body), `"call_id":`) != 1 {
			c.fail("the list has not one deleted recording: %s", r.body)
		}
	}, func(c *client) { c.has("two") }},
	{"search", readyTwo, func(c *client) {
		if r := c.ask(http.MethodGet, base+"?search=renate", "", 200); strings.Count(string(r.body), `"call_id":`) != 2 {
			c.fail("the search finds not two recordings: %s", r.body)
		}
	}, playsOne},
	{"summary", readyTwo, func(c *client) {
		if r := c.ask(http.MethodGet, base+"/summary", "", 200); !strings.Contains(string(r.body), `"count":2`) {
			c.fail("the summary has not two recordings: %s", r.body)
		}
	}, playsOne},
	{"patch", readyOne, func(c *client) {
		c.ask(http.MethodPatch, c.path("one"), `{"data":{"user_metadata":{"note":"new"}}}`, 200)
	}, func(c *client) {
		if r := c.ask(http.MethodGet, c.path("one"), "", 200); r.text("data", "user_metadata", "note") != "new" {
			c.fail("the change is lost: %s", r.body)
		}
		c.has("one")
	}},
	{"patch-if-match", readyOne, func(c *client) {
		for range patience { // a lost answer, or another client, makes a 412
			r := c.ask(http.MethodGet, c.path("one"), "", 200)
			if r.text("data", "user_metadata", "note") == "new" {
				return
			}
			r = c.send(http.MethodPatch, c.path("one"), `{"data":{"user_metadata":{"note":"new"}}}`, "If-Match", r.header.Get("ETag"))
			if r.status == 200 {
				return
			}
			c.expect(r, "PATCH", 412)
		}
		c.fail("the revision never matches")
	}, func(c *client) {
		if r := c.ask(http.MethodGet, c.path("one"), "", 200); r.text("data", "user_metadata", "note") != "new" {
			c.fail("the change is lost: %s", r.body)
		}
		c.has("one")
	}},
	{"delete", readyTwo, func(c *client) { c.remove("one") }, func(c *client) {
		c.lacks("one")
		c.has("two")
	}},
	{"delete-at-once", func(c *client) {
		c.restoreDays = 0
		c.must(c.restart(c.ctx))
		c.ready("one", "two")
	}, func(c *client) { c.remove("one") }, func(c *client) {
		c.lacks("one")
		c.has("two")
	}},
	{"restore", func(c *client) {
		c.ready("one")
		c.remove("one")
		c.must(c.drain(c.ctx))
		delete(c.gone, c.id("one")) // from here on, either is right
	}, func(c *client) { c.ask(http.MethodPost, c.path("one")+"/restore", "", 200) }, playsOne},
	{"place-hold", func(c *client) {
		c.ready("one", "two")
		c.remove("one")
		delete(c.gone, c.id("one"))
	}, func(c *client) {
		c.ask(http.MethodPost, base+"/holds", holdOf(c), 201, 200)
	}, func(c *client) {
		c.ask(http.MethodDelete, c.path("two"), "", 409)
		row, err := c.raw.Tombstone(c.ctx, account, c.id("one"))
		if c.must(err); row.Until == 0 {
			c.fail("a recording on hold was purged")
		}
	}},
	{"release-hold", func(c *client) {
		c.ready("one")
		c.kept["hold"] = c.ask(http.MethodPost, base+"/holds", holdOf(c), 201).text("data", "id")
		c.must(c.drain(c.ctx))
	}, func(c *client) {
		c.ask(http.MethodDelete, base+"/holds/"+c.kept["hold"], `{"data":{"reason":"settled"}}`, 200)
	}, func(c *client) { c.ask(http.MethodDelete, c.path("one"), "", 200) }},
	{"receive", func(c *client) {
		c.kept["secret"] = c.storageSecret()
	}, func(c *client) {
		c.expect(c.sendAudio(c.kept["secret"]), "PUT of storage", 200, 201)
	}, func(c *client) {
		if r := c.ask(http.MethodGet, base, "", 200); strings.Count(string(r.body), `"state":"ready"`) != 1 {
			c.fail("the list has not one ready recording: %s", r.body)
		}
	}},
	{"share", readyOne, func(c *client) {
		c.kept["url"] = c.ask(http.MethodPost, c.path("one")+"/links", `{"data":{"expires_in":600000}}`, 201).text("data", "url")
	}, func(c *client) { c.play(c.kept["url"]) }},
	{"play-link", func(c *client) {
		c.ready("one")
		c.kept["url"] = c.ask(http.MethodPost, c.path("one")+"/links", `{"data":{"expires_in":600000}}`, 201).text("data", "url")
	}, func(c *client) { c.play(c.kept["url"]) }, playsOne},
	{"revoke-link", func(c *client) {
		c.ready("one")
		r := c.ask(http.MethodPost, c.path("one")+"/links", `{"data":{"expires_in":600000}}`, 201)
		c.kept["url"], c.kept["link"] = r.text("data", "url"), r.text("data", "id")
	}, func(c *client) { c.drop(c.path("one") + "/links/" + c.kept["link"]) }, func(c *client) {
		u, err := url.Parse(c.kept["url"])
		c.must(err)
		c.ask(http.MethodGet, u.Path, "", 404)
		c.has("one")
	}},
	{"feed-page", readyTwo, func(c *client) {
		if r := c.ask(http.MethodGet, base+"/changes", "", 200); !strings.Contains(string(r.body), c.id("two")) {
			c.fail("the feed lacks a recording: %s", r.body)
		}
	}, playsOne},
	{"webhook", readyOne, func(c *client) {
		c.kept["hook"] = c.ask(http.MethodPost, base+"/webhooks", `{"data":{"url":"https://hook.test/x"}}`, 201).text("data", "id")
	}, func(c *client) { c.ask(http.MethodGet, base+"/webhooks/"+c.kept["hook"], "", 200) }},
	{"retention", func(c *client) { c.ready("one") }, func(c *client) {
		c.ask(http.MethodPut, base+"/retention", `{"data":{"rules":[{"name":"all","days":1}],"confirm":0}}`, 200)
	}, func(c *client) { c.lacks("one") }},
	{"start-job", readyOne, func(c *client) {
		c.kept["job"] = c.startJob("person_export", "")
	}, func(c *client) { c.planned(c.kept["job"]) }},
	{"confirm-job", func(c *client) {
		c.ready("one")
		c.kept["job"] = c.startJob("person_export", "")
		c.background(c.work)
	}, func(c *client) { c.confirm(c.kept["job"]) }, func(c *client) { c.ended(c.kept["job"], "done") }},
	{"cancel-job", func(c *client) {
		c.ready("one")
		c.kept["job"] = c.startJob("person_export", "")
		c.background(c.work)
	}, func(c *client) {
		c.ask(http.MethodDelete, base+"/jobs/"+c.kept["job"], "", 200)
	}, func(c *client) {
		c.ended(c.kept["job"], "cancelled")
		c.has("one")
	}},
}

// background are the operations of the service.
var background = []operation{
	{"ingest", func(c *client) {
		c.create("one")
		c.upload("one", c.audio)
	}, func(c *client) { c.background(c.arrive) }, playsOne},
	{"ingest-rejected", func(c *client) {
		c.create("one")
		c.upload("one", []byte("this is no audio at all, and longer than a header"))
	}, func(c *client) { c.background(c.arrive) }, func(c *client) {
		if r := c.ask(http.MethodGet, c.path("one"), "", 200); r.text("data", "_read_only", "state") != "failed" {
			c.fail("rejected audio is not noted: %s", r.body)
		}
	}},
	{"ingest-without-document", func(c *client) {
		c.upload("one", c.audio)
		c.advance(2 * time.Minute)
	}, func(c *client) { c.background(c.arrive) }, playsOne},
	{"ingest-deleted", func(c *client) {
		c.restoreDays = 0
		c.must(c.restart(c.ctx))
		c.create("one")
		c.remove("one")
		c.must(c.drain(c.ctx))
		c.upload("one", c.audio)
	}, func(c *client) { c.background(c.arrive) }, func(c *client) { c.lacks("one") }},
	{"inbox", func(c *client) {
		key := recording.InboxKey(account, "call_recording_abc.wav")
		c.must(c.plain.PutNew(c.ctx, key, "audio/wav", c.audio))
		c.advance(2 * time.Minute)
	}, func(c *client) { c.background(c.arrive) }, func(c *client) {
		if r := c.ask(http.MethodGet, base, "", 200); strings.Count(string(r.body), `"state":"ready"`) != 1 {
			c.fail("the list has not one ready recording: %s", r.body)
		}
	}},
	{"publish", func(c *client) {
		c.create("one")
		c.ask(http.MethodPatch, c.path("one"), `{"data":{"user_metadata":{"note":"new"}}}`, 200)
	}, func(c *client) { c.background(c.publish) }, func(*client) {}},
	{"purge", func(c *client) {
		c.ready("one", "two")
		c.must(c.erase("one"))
	}, func(c *client) { c.background(c.purge) }, func(c *client) {
		c.lacks("one")
		c.has("two")
	}},
	{"index", func(c *client) {
		c.create("one")
		c.background(c.publish)
	}, func(c *client) { c.background(c.indexAll) }, func(c *client) {
		if r := c.ask(http.MethodGet, base+"?search=renate", "", 200); !strings.Contains(string(r.body), c.id("one")) {
			c.fail("the search does not find the recording: %s", r.body)
		}
	}},
	{"index-deleted", func(c *client) {
		c.ready("one")
		c.remove("one")
		c.background(c.publish)
	}, func(c *client) { c.background(c.indexAll) }, func(c *client) { c.lacks("one") }},
	{"sweep-expired", func(c *client) {
		c.ready("one", "two")
		c.policy()
		c.tick(25 * time.Hour)
	}, func(c *client) { c.background(c.sweepOnce) }, func(c *client) {
		c.lacks("one")
		c.lacks("two")
	}},
	{"sweep-restorable", func(c *client) {
		c.ready("one", "two")
		c.remove("one")
		c.tick(25 * time.Hour)
	}, func(c *client) { c.background(c.sweepOnce) }, func(c *client) {
		c.lacks("one")
		c.has("two")
	}},
	{"reconcile", func(c *client) {
		c.ready("one")
		c.create("two")
		c.upload("two", c.audio)
		c.forget() // the event of the bucket
		c.tick(3 * time.Hour)
	}, func(c *client) { c.background(c.reconcileOnce) }, func(c *client) { c.has("one", "two") }},
	{"deliver-webhook", func(c *client) {
		c.ask(http.MethodPost, base+"/webhooks", `{"data":{"url":"https://hook.test/x"}}`, 201)
		c.ready("one")
		c.create("two")
		c.background(c.publish)
	}, func(c *client) { c.background(c.hooksOnce) }, func(c *client) { c.delivered() }},
	{"export-person", func(c *client) {
		c.ready("one", "two")
		c.kept["job"] = c.startJob("person_export", "")
		c.background(c.work)
		c.confirm(c.kept["job"])
	}, func(c *client) { c.background(c.work) }, func(c *client) {
		c.ended(c.kept["job"], "done")
		c.has("one", "two")
	}},
	{"erase-person", func(c *client) {
		c.ready("one", "two")
		c.kept["job"] = c.startJob("person_erase", "")
		c.background(c.work)
		c.confirm(c.kept["job"])
	}, func(c *client) { c.background(c.work) }, func(c *client) {
		c.ended(c.kept["job"], "done")
		c.lacks("one")
		c.lacks("two")
	}},
	{"bulk-delete", jobOverTwo("delete", ""), func(c *client) { c.background(c.work) }, func(c *client) {
		c.ended(c.kept["job"], "done")
		c.lacks("one")
		c.lacks("two")
	}},
	{"bulk-export", jobOverTwo("export", ""), func(c *client) { c.background(c.work) }, func(c *client) {
		c.ended(c.kept["job"], "done")
		c.has("one", "two")
	}},
	{"bulk-tag", jobOverTwo("tag", `,"user_metadata":{"tag":"vip"}`), func(c *client) { c.background(c.work) }, func(c *client) {
		c.ended(c.kept["job"], "done")
		for _, name := range []string{"one", "two"} {
			if r := c.ask(http.MethodGet, c.path(name), "", 200); r.text("data", "user_metadata", "tag") != "vip" {
				c.fail("%s has no tag: %s", name, r.body)
			}
		}
	}},
	{"bulk-hold", jobOverTwo("hold", `,"case":"A v. B","reason":"letter"`), func(c *client) { c.background(c.work) }, func(c *client) {
		c.ended(c.kept["job"], "done")
		c.ask(http.MethodDelete, c.path("one"), "", 409)
		c.has("one", "two")
	}},
	{"import", func(*client) {}, func(c *client) { c.background(c.importOnce) }, func(c *client) {
		c.must(c.importOnce(c.app)) // a person runs it again
		c.has("one")
	}},
}

// ofClients are the operations that a client asks for.
func ofClients() []operation { return slices.Concat(requests, administration) }

// operations is the table of all operations.
func operations() []operation { return slices.Concat(requests, administration, background) }
