package faults

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
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
	{"get", readyOne, func(c *client) { c.ask(http.MethodGet, c.path("one"), "", 200) }, playsOne},
	{"audio", readyOne, func(c *client) { c.listen("") }, playsOne},
	{"stream", readyOne, func(c *client) { c.listen("?delivery=stream") }, playsOne},
	{"list", readyTwo, func(c *client) {
		if r := c.ask(http.MethodGet, base, "", 200); strings.Count(string(r.body), `"call_id":`) != 2 {
			c.fail("the list has not two recordings: %s", r.body)
		}
	}, playsOne},
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

// operations is the table of all operations.
func operations() []operation { return append(append([]operation{}, requests...), background...) }

// holdOf is the body of a hold on the whole account.
func holdOf(*client) string { return `{"data":{"case":"A v. B","reason":"letter","account":true}}` }

// listen requests audio until it is complete. A body that breaks off is short of its length.
func (c *client) listen(query string) {
	for range patience {
		r := c.ask(http.MethodGet, c.path("one")+"/audio"+query, "", 200)
		if bytes.Equal(r.body, c.audio) {
			return
		}
		if n := r.header.Get("Content-Length"); n != strconv.Itoa(len(c.audio)) || !bytes.HasPrefix(c.audio, r.body) {
			c.fail("%d bytes of audio with Content-Length %s are not its first ones", len(r.body), n)
		}
	}
	c.fail("the audio is never complete")
}

// play plays a link.
func (c *client) play(link string) {
	u, err := url.Parse(link)
	c.must(err)
	for range patience {
		if r := c.ask(http.MethodGet, u.Path, "", 200, 302); len(r.body) == len(c.audio) {
			return
		}
	}
	c.fail("the link does not play")
}

// startJob starts a job over the recordings of one owner, with more members of the body, and
// returns its ID.
func (c *client) startJob(action, members string) string {
	r := c.ask(http.MethodPost, base+"/jobs", `{"data":{"action":"`+action+`","owner_id":"`+admin+`"`+members+`}}`, 201)
	return r.text("data", "id")
}

// jobOverTwo prepares a confirmed job over two recordings.
func jobOverTwo(action, members string) func(*client) {
	return func(c *client) {
		c.ready("one", "two")
		c.kept["job"] = c.startJob(action, members)
		c.background(c.work)
		c.confirm(c.kept["job"])
	}
}

// plan returns the plan of a job.
func (c *client) plan(id string) string {
	var got struct {
		Data struct {
			Plan *struct {
				Count int   `json:"count"`
				Bytes int64 `json:"bytes"`
			} `json:"plan"`
		} `json:"data"`
	}
	r := c.ask(http.MethodGet, base+"/jobs/"+id, "", 200)
	if err := json.Unmarshal(r.body, &got); err != nil || got.Data.Plan == nil {
		c.fail("the job has no plan: %s", r.body)
	}
	text, err := json.Marshal(got.Data.Plan)
	c.must(err)
	return string(text)
}

// planned checks that a job has a plan.
func (c *client) planned(id string) { _ = c.plan(id) }

// confirm confirms the plan of a job.
func (c *client) confirm(id string) {
	c.ask(http.MethodPut, base+"/jobs/"+id, `{"data":`+c.plan(id)+`}`, 200)
}

// ended checks the state of a job.
func (c *client) ended(id, state string) {
	if r := c.ask(http.MethodGet, base+"/jobs/"+id, "", 200); r.text("data", "state") != state {
		c.fail("the job is not %s: %s", state, r.body)
	}
}
