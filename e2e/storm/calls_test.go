//go:build e2e

package storm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/callrecordings/api/e2e/pbx"
)

// call is a recorded call of TestKills. The number and the name of its caller occur
// nowhere else.
type call struct {
	i                         int
	account, id, number, name string
	audio                     []byte
	patched, deleted          bool
}

// The beginnings of all callers' numbers and names. The number of the call follows,
// with eight digits.
const (
	numbers = "+707071"
	names   = "Zaphod-"
)

// live sends a call in one of the ways, changes it, and deletes every other one.
func (k *killed) live(i int) {
	ways := []func(*call){
		k.presigned, k.body, k.storageRequest, k.ownSecret, k.drop, k.presigned, k.body, k.storageRequest, k.drop,
		k.add, k.late, k.rejected, k.lateSidecar, k.folder,
	}
	c := k.newCall(i)
	ways[i%len(ways)](c)
	for _, c := range append(c.others(k), c) {
		if c.i%3 == 0 {
			k.patch(c)
		}
		if c.i%2 == 0 || rand.N(8) == 0 {
			k.remove(c)
		}
	}
}

// others returns the further calls that the way of c has sent: those of a folder.
func (c *call) others(k *killed) (all []*call) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, o := range k.calls {
		if o.i >= folderCalls && (o.i-folderCalls)/perFolder == c.i {
			all = append(all, o)
		}
	}
	return all
}

// newCall returns the i-th call and adds it to k.calls.
func (k *killed) newCall(i int) *call {
	c := &call{
		i: i, account: fmt.Sprintf("%032x", 0xa0+i%accounts), id: fmt.Sprintf("202611-%032x", i),
		number: fmt.Sprintf("%s%08d", numbers, i), name: fmt.Sprintf("%s%08d", names, i), audio: tone(i),
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls = append(k.calls, c)
	return c
}

// call sends a request of the API until it succeeds, or returns one of the other
// statuses given.
func (k *killed) call(c *call, method, path, kind string, body []byte, more ...int) (int, []byte) {
	k.operations.Add(1)
	_, status, answer := untilDone(k.t, k.client, method+" "+c.id, func(ctx context.Context) (*http.Request, error) {
		r, err := http.NewRequestWithContext(ctx, method, k.url+"/v2/accounts/"+c.account+"/recordings"+path, bytes.NewReader(body))
		if err == nil {
			r.Header.Set("X-Auth-Token", k.tokens[c.account])
			r.Header.Set("Content-Type", kind)
		}
		return r, err
	}, more...)
	return status, answer
}

// create creates a recording and returns the request for its upload.
func (k *killed) create(c *call) request {
	text, _ := json.Marshal(map[string]any{
		"data":   map[string]any{"id": c.id, "caller_id_number": c.number, "caller_id_name": c.name, "from": c.number + "@pbx"},
		"upload": map[string]any{"size": len(c.audio)},
	})
	_, answer := k.call(c, http.MethodPut, "", "application/json", text)
	var created struct {
		Data struct {
			ReadOnly struct {
				Upload struct {
					URL     string
					Headers map[string]string
				}
			} `json:"_read_only"`
		}
	}
	if err := json.Unmarshal(answer, &created); err != nil {
		k.t.Errorf("%s: %v in %.300s", c.id, err, answer)
	}
	u := created.Data.ReadOnly.Upload
	return func(ctx context.Context) (*http.Request, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPut, u.URL, bytes.NewReader(c.audio))
		for name, value := range u.Headers {
			r.Header.Set(name, value)
		}
		return r, err
	}
}

// upload sends the audio to a presigned URL. A retry meets the audio of an earlier
// attempt.
func (k *killed) upload(c *call, audio request) {
	k.operations.Add(1)
	untilDone(k.t, k.client, "upload of "+c.id, audio, http.StatusPreconditionFailed)
}

// presigned creates a recording and uploads its audio.
func (k *killed) presigned(c *call) { k.upload(c, k.create(c)) }

// late uploads the audio of a recording that has been deleted.
func (k *killed) late(c *call) {
	audio := k.create(c)
	k.remove(c)
	k.upload(c, audio)
}

// rejected uploads bytes that are not audio, and deletes the recording while they are
// being set aside.
func (k *killed) rejected(c *call) {
	c.audio = bytes.Repeat([]byte("not audio"), 1000)
	k.upload(c, k.create(c))
	time.Sleep(rand.N(400 * time.Millisecond))
	k.remove(c)
}

// body creates a recording with the audio in the request.
func (k *killed) body(c *call) {
	q := url.Values{"id": {c.id}, "caller_id_number": {c.number}, "caller_id_name": {c.name}}
	k.call(c, http.MethodPut, "?"+q.Encode(), "audio/x-wav", c.audio)
}

// storageRequest stores a recording as a PBX does, with the secret of the account.
func (k *killed) storageRequest(c *call) { k.store(c, k.storage[c.account]) }

func (k *killed) store(c *call, base string) {
	k.operations.Add(1)
	p := pbx.Call{
		Account: c.account, ID: c.id, CallID: fmt.Sprintf("call-%d@10.0.0.1", c.i), Start: gregorian(begun), DurationMS: 2000,
		From: c.number + "@pbx", Caller: c.number, Attachment: "x.wav", Type: "audio/x-wav", Audio: c.audio,
	}
	u := pbx.Recorder(base, p, false)
	u.URL = strings.Replace(u.URL, "caller_id_name=", "caller_id_name="+c.name, 1)
	deliver(k.t, k.client, c.id, send(u))
}

// ownSecret stores a recording with a secret of its own, and then revokes the secret.
func (k *killed) ownSecret(c *call) {
	out := k.run("storage-secret", "create", "--account", c.account, "--json")
	var made struct{ ID, URL string }
	if err := json.Unmarshal(out, &made); err != nil {
		k.t.Errorf("%v in %s", err, out)
		return
	}
	base := k.url + made.URL
	k.store(c, base)
	k.run("storage-secret", "revoke", "--account", c.account, "--id", made.ID)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.revoked = append(k.revoked, base)
}

// drop puts a file into the inbox: its name has the caller's number. A sidecar file
// and the object's metadata have the name.
func (k *killed) drop(c *call) {
	audio, sidecar := k.dropped(c)
	parts := []request{audio, sidecar}
	if c.i%2 == 0 {
		parts = []request{sidecar, audio}
	}
	k.put(c, parts...)
	c.id = k.find(c)
}

// lateSidecar drops a file, deletes its recording, and then drops the sidecar file.
func (k *killed) lateSidecar(c *call) {
	audio, sidecar := k.dropped(c)
	k.put(c, audio)
	c.id = k.find(c)
	k.remove(c)
	k.put(c, sidecar)
}

func (k *killed) put(c *call, parts ...request) {
	for _, part := range parts {
		k.operations.Add(1)
		deliver(k.t, k.client, c.number, part)
	}
}

// dropped returns the requests that put a file and its sidecar file into an inbox.
func (k *killed) dropped(c *call) (audio, sidecar request) {
	key := "inbox/" + c.account + "/" + strings.TrimSuffix(pbx.FreePBX("in", "15550100", c.number, begun, "1", "wav"), "wav")
	text, _ := json.Marshal(map[string]string{"caller_id_name": c.name})
	audio = func(ctx context.Context) (*http.Request, error) {
		return k.s3.RequestWith(ctx, http.MethodPut, key+"wav", c.audio, map[string]string{"Caller-Id-Name": c.name})
	}
	return audio, func(ctx context.Context) (*http.Request, error) {
		return k.s3.Request(ctx, http.MethodPut, key+"json", text)
	}
}

// find waits for the recording of a call that has no ID yet, and returns the ID.
func (k *killed) find(c *call) string {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var page struct{ Data []item }
		_, answer := k.call(c, http.MethodGet, "?page_size=1000&filter_caller_id_number="+url.QueryEscape(c.number), "", nil)
		if err := json.Unmarshal(answer, &page); err == nil && len(page.Data) == 1 && page.Data[0].ReadOnly.State == "ready" {
			return page.Data[0].ID
		}
	}
	k.t.Errorf("the file of %s did not become a recording", c.number)
	return c.id
}

// patch adds the caller's name to a recording.
func (k *killed) patch(c *call) {
	if !c.deleted {
		k.call(c, http.MethodPatch, "/"+c.id, "application/json", []byte(`{"data":{"user_metadata":{"note":"`+c.name+`"}}}`))
		c.patched = true
	}
}

// remove deletes a recording. A retry may find it deleted.
func (k *killed) remove(c *call) {
	if !c.deleted {
		k.call(c, http.MethodDelete, "/"+c.id, "", nil, http.StatusNotFound)
		c.deleted = true
	}
}

// run runs the recordings command until it succeeds, and returns its output.
func (k *killed) run(args ...string) []byte {
	k.operations.Add(1)
	out, err := []byte(nil), error(nil)
	for range 20 {
		cmd := exec.CommandContext(k.t.Context(), k.program, append(args, "--data-dir", k.data)...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if out, err = cmd.Output(); err == nil {
			return out
		}
		err = fmt.Errorf("%w: %s", err, errs.Bytes())
	}
	k.t.Errorf("%q: %v", args, err)
	return out
}

// runKilled starts the recordings command and kills it after a random time.
func (k *killed) runKilled(args ...string) {
	cmd := exec.CommandContext(k.t.Context(), k.program, append(args, "--data-dir", k.data)...)
	if err := cmd.Start(); err != nil {
		k.t.Error(err)
		return
	}
	time.Sleep(rand.N(150 * time.Millisecond))
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// add adds a file with the command. The first run is killed.
func (k *killed) add(c *call) {
	file := filepath.Join(k.work, fmt.Sprintf("%d.wav", c.i))
	if err := os.WriteFile(file, c.audio, 0o600); err != nil {
		k.t.Error(err)
	}
	args := []string{"add", file, "--account", c.account, "--id", c.id, "--caller", c.number, "--caller-name", c.name}
	k.runKilled(args...)
	if status, _ := k.call(c, http.MethodGet, "/"+c.id, "", nil, http.StatusNotFound); status == http.StatusNotFound {
		k.run(args...)
	}
}

// folderCalls is the number of the first call in a folder. Each folder has perFolder
// calls in addition to the call that stands for it.
const (
	folderCalls = 10_000_000
	perFolder   = 5
)

// folder imports a folder with the call and perFolder others. The import is killed
// the first time.
func (k *killed) folder(c *call) {
	all := []*call{c}
	for n := range perFolder {
		more := k.newCall(folderCalls + perFolder*c.i + n)
		more.account = c.account
		all = append(all, more)
	}
	dir := filepath.Join(k.work, fmt.Sprint("folder-", c.i))
	if err := os.Mkdir(dir, 0o700); err != nil {
		k.t.Error(err)
	}
	for _, c := range all {
		stem := filepath.Join(dir, c.number)
		text, _ := json.Marshal(map[string]string{"caller_id_name": c.name, "caller_id_number": c.number})
		for name, text := range map[string][]byte{stem + ".wav": c.audio, stem + ".json": text} {
			if err := os.WriteFile(name, text, 0o600); err != nil {
				k.t.Error(err)
			}
		}
	}
	args := []string{"import", "dir", dir, "--account", c.account, "--settle", "1ms", "--report", "-"}
	k.runKilled(args...)
	k.run(args...)
	for _, c := range all {
		c.id = k.find(c)
	}
}
