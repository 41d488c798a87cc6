//go:build e2e

package load_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// slowRead is how many bytes a slow client reads each second. The API cuts off a stream of
	// which less than 64 KiB are read in 30 s.
	slowRead = 4 << 10
	// slowAudio is the size of what slow clients read. It does not fit into the buffers of a
	// connection, so the server must keep sending.
	slowAudio = 4 << 20
	// most is how many streams of one account the API sends at once.
	most = 384
)

// slowKind is a kind of slow clients on one port. The clients hold a connection: those that
// read while they get their answer, the others while the server keeps the connection open.
type slowKind struct {
	name, host, request string
	// step goes on for a second. An error ends the connection.
	step func(*slowConn) error
	// floor is the part of the clients, in percent, that must hold a connection in the middle
	// of the test; limit is how many of them the server serves at once. Those on the port of S3
	// share three quarters of its 1,024 connections.
	floor, limit int

	held, opened, refused atomic.Int64
}

// slowConn is the connection of a slow client.
type slowConn struct {
	net.Conn
	w    *world
	kind *slowKind
	held bool
}

// slowKinds prepares recordings and returns the kinds of slow clients.
func (w *world) slowKinds() []*slowKind {
	w.t.Helper()
	audio := w.create(slowAccount, tone(0, slowAudio))
	token := "X-Auth-Token: " + w.tokens[slowAccount] + "\r\n"
	path := "/v2/accounts/" + slowAccount + "/recordings"
	api, store := strings.TrimPrefix(w.url, "http://"), strings.TrimPrefix(w.s3, "http://")
	half := "GET / HTTP/1.1\r\nHo"
	return []*slowKind{
		{
			name: "read from the API", host: api, step: readSlowly, floor: 75, limit: most,
			request: head(http.MethodGet, path+"/"+audio.id+"/audio?delivery=stream", api, token),
		},
		{
			name: "read from S3", host: store, step: readSlowly, floor: 50, limit: 1 << 20,
			request: head(http.MethodGet, requestURI(w.link(slowAccount, audio)), store, ""),
		},
		{
			name: "write to the API", host: api, step: writeSlowly, floor: 50, limit: 1 << 20,
			request: head(http.MethodPut, path, api, token+"Content-Type: audio/wav\r\nContent-Length: 100000\r\n") + "R",
		},
		{name: "write to S3", host: store, step: writeSlowly, floor: 50, limit: 1 << 20, request: w.upload(store) + "R"},
		{name: "send nothing to the API", host: api, step: wait, floor: 50, limit: 1 << 20},
		{name: "send nothing to S3", host: store, step: wait},
		{name: "send half a header to the API", host: api, step: wait, floor: 50, limit: 1 << 20, request: half},
		{name: "send half a header to S3", host: store, step: wait, request: half},
	}
}

// head returns the head of a request.
func head(method, uri, host, more string) string {
	return method + " " + uri + " HTTP/1.1\r\nHost: " + host + "\r\n" + more + "\r\n"
}

// requestURI returns the path and the query of a URL.
func requestURI(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return "/"
	}
	return u.RequestURI()
}

// link returns the presigned URL of a recording's audio, once the audio has been examined.
func (w *world) link(account string, r recorded) string {
	w.t.Helper()
	status := 0
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		var header http.Header
		if status, header, _ = w.send(http.MethodGet, account, "/"+r.id+"/audio?delivery=redirect", "", nil); status == http.StatusFound {
			return header.Get("Location")
		}
	}
	w.t.Fatalf("no redirect to the audio: %d", status)
	return ""
}

// upload returns the head of an upload to the S3 server, by the URL that the API gives.
func (w *world) upload(host string) string {
	w.t.Helper()
	status, _, body := w.send(http.MethodPut, slowAccount, "", "application/json", []byte(`{"data":{},"upload":{"content_type":"audio/wav","size":100000}}`))
	var created struct {
		Data struct {
			ReadOnly struct {
				Upload struct {
					Method, URL string
					Headers     map[string]string
				}
			} `json:"_read_only"`
		}
	}
	to := &created.Data.ReadOnly.Upload
	if err := json.Unmarshal(body, &created); status != http.StatusCreated || err != nil || to.URL == "" {
		w.t.Fatalf("create: %d %.300s", status, body)
	}
	more := []string{"Content-Length: 100000"}
	for name, value := range to.Headers {
		if !strings.EqualFold(name, "Content-Length") {
			more = append(more, name+": "+value)
		}
	}
	return head(to.Method, requestURI(to.URL), host, strings.Join(more, "\r\n")+"\r\n")
}

// small makes the buffer of a connection small, so that it holds little of an answer.
func small(_, _ string, c syscall.RawConn) error {
	var err error
	return errors.Join(c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4*slowRead)
	}), err)
}

// slowly is one slow client. If the server closes its connection, it opens another one.
func (w *world) slowly(k *slowKind) {
	for time.Now().Before(w.end) {
		if c := w.connect(k); c != nil {
			for time.Now().Before(w.end) && k.step(c) == nil {
			}
			c.hold(false)
			_ = c.Close()
		}
		time.Sleep(time.Second)
	}
}

// connect opens a connection and sends the request. It returns nil if the server refuses it.
func (w *world) connect(k *slowKind) *slowConn {
	c, err := (&net.Dialer{Timeout: 10 * time.Second, Control: small}).DialContext(w.t.Context(), "tcp", k.host)
	if err != nil {
		return nil
	}
	if _, err := io.WriteString(c, k.request); err != nil {
		_ = c.Close()
		return nil
	}
	k.opened.Add(1)
	return &slowConn{Conn: c, w: w, kind: k}
}

// hold counts the connection as held, or no longer.
func (c *slowConn) hold(held bool) {
	if held != c.held {
		c.held = held
		c.kind.held.Add(map[bool]int64{true: 1, false: -1}[held])
	}
}

// readSlowly reads a little of the answer each second. The answer must be audio, or an
// honest refusal.
func readSlowly(c *slowConn) error {
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	text := make([]byte, slowRead)
	n, err := c.Read(text)
	if err != nil {
		return err
	}
	if !c.held {
		if err := c.status(text[:n], "200"); err != nil {
			return err
		}
		c.hold(true)
	}
	time.Sleep(time.Second)
	return nil
}

// writeSlowly sends a byte of a body each second. The server may give up.
func writeSlowly(c *slowConn) error {
	if err := wait(c); err != nil {
		return err
	}
	_, err := c.Write([]byte("x"))
	return err
}

// wait waits for a second, or until the server answers or closes the connection.
func wait(c *slowConn) error {
	c.hold(true)
	_ = c.SetDeadline(time.Now().Add(time.Second))
	text := make([]byte, slowRead)
	n, err := c.Read(text)
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	case err != nil:
		return err
	}
	return c.status(text[:n], "408", "400")
}

// errAnswered means that the server has answered a request that was not complete.
var errAnswered = errors.New("the server has answered")

// status checks the status of an answer. A refusal is an error. Any status other than the wanted
// ones is noted as wrong, and so is a refusal without a Retry-After.
func (c *slowConn) status(text []byte, wanted ...string) error {
	line, _, _ := bytes.Cut(text, []byte("\r\n"))
	_, status, _ := strings.Cut(string(line), " ")
	status, _, _ = strings.Cut(status, " ")
	for _, one := range wanted {
		if status == one {
			if one == "200" {
				return nil
			}
			return errAnswered
		}
	}
	c.kind.refused.Add(1)
	if status != "429" && status != "503" || !bytes.Contains(text, []byte("\r\nRetry-After: ")) {
		c.w.note(fmt.Sprintf("slow clients that %s: %.300s", c.kind.name, text))
	}
	return errAnswered
}

// heldBy logs how many connections the slow clients hold, and fails the test if these are too
// few of that many clients of each kind.
func (w *world) heldBy(clients int) {
	w.t.Helper()
	for _, k := range w.slow {
		held := int(k.held.Load())
		w.t.Logf("%d of %d clients that %s hold a connection; %d were opened, %d requests were refused",
			held, k.clients(clients), k.name, k.opened.Load(), k.refused.Load())
		if held*100 < min(k.clients(clients), k.limit)*k.floor {
			w.t.Errorf("only %d clients %s", held, k.name)
		}
	}
}

// clients returns how many clients of the kind there are, if clients read, write and open.
func (k *slowKind) clients(clients int) int {
	if strings.HasPrefix(k.name, "send") {
		return clients / 4
	}
	return clients / 2
}
