package faults

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
)

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

// drop removes something other than a recording. After an attempt that was answered with an error it
// may be gone.
func (c *client) drop(target string) {
	r := c.send(http.MethodDelete, target, "")
	if r.status == http.StatusNotFound && c.inject.hit() {
		return
	}
	c.expect(r, "DELETE "+target, 200)
}
