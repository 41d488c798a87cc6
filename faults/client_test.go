package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/recording"
)

// errLeft ends an operation after a crash, or an error, if its client does not come back.
var errLeft = errors.New("the client has left")

// client runs an operation: it sends requests as a client does, and runs background work. A
// method that fails ends the operation by a panic, which attempt turns into an error.
type client struct {
	*world
	ctx context.Context
	// leaves is true if the client does not come back after a crash, or after an error.
	leaves bool
	// kept are values that an operation keeps for later steps.
	kept map[string]string
}

// failure is the panic of an operation.
type failure struct{ err error }

// attempt runs a step of an operation.
func (c *client) attempt(step func(*client)) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case failure:
			err = p.err
		default:
			panic(p)
		}
	}()
	step(c)
	return nil
}

// fail ends the operation.
func (c *client) fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// must ends the operation if there is an error.
func (c *client) must(err error) {
	if err != nil {
		panic(failure{err})
	}
}

// reply is an answer of the API.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// text returns a text in the answer's JSON.
func (r reply) text(path ...string) string {
	var v any
	if json.Unmarshal(r.body, &v) != nil {
		return ""
	}
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	s, _ := v.(string)
	return s
}

// once sends a request once. lost is true if the process died before it answered.
func (c *client) once(method, target string, body []byte, header ...string) (r reply, lost bool) {
	a := c.app
	ctx, cancel := context.WithTimeout(a.ctx, 25*time.Second)
	defer cancel()
	in := httptest.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	in.Header.Set("X-Auth-Token", c.token)
	for i := 0; i < len(header); i += 2 {
		in.Header.Set(header[i], header[i+1])
	}
	if c.inject.busy() {
		noteRoute(in.Method, in.URL.EscapedPath())
	}
	w := httptest.NewRecorder()
	op := api.Match(in.Method, in.URL.EscapedPath())
	h := a.handlers[op]
	if h == nil {
		c.fail("%s %s: no handler for %s", method, target, op)
	}
	h.ServeHTTP(w, in)
	if c.inject.dead() {
		c.must(c.restart(c.ctx))
		return reply{}, true
	}
	return reply{w.Code, w.Header(), w.Body.Bytes()}, false
}

// patience is how often a client tries.
const patience = 6

// send sends a request until there is an answer that a retry does not change.
func (c *client) send(method, target, body string, header ...string) reply {
	var r reply
	for range patience {
		var lost bool
		r, lost = c.once(method, target, []byte(body), header...)
		if !lost && r.status < 500 && r.status != http.StatusTooManyRequests {
			return r
		}
		if c.leaves {
			panic(failure{errLeft})
		}
		c.advance(time.Second)
	}
	c.fail("%s %s = %d %.300s after %d tries", method, target, r.status, r.body, patience)
	return r
}

// ask is send with the statuses that an answer may have.
func (c *client) ask(method, target, body string, statuses ...int) reply {
	r := c.send(method, target, body)
	c.expect(r, method+" "+target, statuses...)
	return r
}

// expect ends the operation unless the answer has one of the statuses.
func (c *client) expect(r reply, what string, statuses ...int) {
	if !slices.Contains(statuses, r.status) {
		c.fail("%s = %d %.400s, want %v", what, r.status, r.body, statuses)
	}
}

// id returns the ID of a recording. IDs begin with the month.
func (c *client) id(name string) string { return c.begun.Format("200601") + "-" + name }

// path returns the path of a recording.
func (c *client) path(name string) string { return base + "/" + c.id(name) }

// document is the body of a new recording.
func (c *client) document(name string) string {
	return fmt.Sprintf(`{"data":{"id":%q,"call_id":"call-%s","caller_id_name":"Renate Schmidt","caller_id_number":"+15550101234",`+
		`"direction":"inbound","owner_id":%q,"user_metadata":{"tags":{"x":true}}}}`, c.id(name), name, admin)
}

// create creates a recording.
func (c *client) create(name string) { c.ask(http.MethodPut, base, c.document(name), 201, 200) }

// upload sends the audio of a recording to the bucket, without faults: it is a client's call.
func (c *client) upload(name string, audio []byte) {
	armed := c.inject.pause()
	defer c.inject.arm(armed)
	c.must(c.plain.PutNew(c.ctx, recording.AudioKey(account, c.id(name)), "audio/wav", audio))
}

// ready makes a recording with audio.
func (c *client) ready(names ...string) {
	for _, name := range names {
		c.create(name)
		c.upload(name, c.audio)
	}
	c.must(c.drain(c.ctx))
}

// remove deletes a recording.
func (c *client) remove(name string) {
	r := c.send(http.MethodDelete, c.path(name), "")
	if r.status == http.StatusNotFound && c.inject.hit() { // the first try took effect
		r.status = 200
	}
	c.expect(r, "DELETE "+name, 200)
	c.gone[c.id(name)] = true
}

// background runs a piece of background work once. A failure is left to its next run.
func (c *client) background(work func(*application) error) {
	c.must(c.pull(c.ctx))
	_ = work(c.app)
	if c.inject.dead() {
		c.must(c.restart(c.ctx))
	}
}

// plays reports whether the audio of a recording can be played.
func (c *client) plays(name string) bool {
	r, _ := c.once(http.MethodGet, c.path(name)+"/audio", nil)
	return r.status == 200 && bytes.Equal(r.body, c.audio)
}

// has ends the operation unless the audio of the recordings can be played.
func (c *client) has(names ...string) {
	for _, name := range names {
		if !c.plays(name) {
			r, _ := c.once(http.MethodGet, c.path(name)+"/audio", nil)
			c.fail("the audio of %s is %d %.100s, want it to play", name, r.status, r.body)
		}
	}
}

// lacks ends the operation if a recording can be read.
func (c *client) lacks(name string) {
	if r, _ := c.once(http.MethodGet, c.path(name), nil); r.status != http.StatusNotFound {
		c.fail("GET of %s = %d, want 404", name, r.status)
	}
}

// silent checks that a recording no longer plays once its deletion was acknowledged.
func (w *world) silent(ctx context.Context) error {
	c := &client{world: w, ctx: ctx}
	return c.attempt(func(c *client) {
		for id := range w.gone {
			for _, path := range []string{base + "/" + id, base + "/" + id + "/audio"} {
				if r, _ := c.once(http.MethodGet, path, nil); r.status != http.StatusNotFound {
					c.fail("%s was deleted, but GET of %s = %d", id, strings.TrimPrefix(path, base), r.status)
				}
			}
		}
	})
}
