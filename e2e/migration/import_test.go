//go:build e2e

package importer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"callrecordings/e2e/given"
	"callrecordings/local/datadir"
	"callrecordings/shared/auth"
	"callrecordings/shared/recording"
)

// kills is how often an import is killed.
const kills = 12

// TestImportLocal imports into what make run serves, and out of it into files,
// and from these into another folder.
func TestImportLocal(t *testing.T) {
	bin := given.Programs(t, "callrecordings/local", "callrecordings/cmd/recordings")
	work := t.TempDir()
	data := filepath.Join(work, "data")
	k := start(t, recordingsOf(t, 10_000))
	c := &command{path: filepath.Join(bin, "recordings"), args: []string{"--data-dir", data}, dir: work}
	dir, err := datadir.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	prove(t, k, c, 2*time.Second, 6*time.Second, func() api {
		return api{url: serve(t, filepath.Join(bin, "local"), data), token: token(t, dir.Keys.Token)}
	}, 1)
	exports(t, c, data)
}

// TestImportDeployed imports into a deployment.
func TestImportDeployed(t *testing.T) {
	bin := given.Programs(t, "callrecordings/cmd/recordings")
	k := start(t, recordingsOf(t, 10_000))
	c := &command{path: filepath.Join(bin, "recordings"), dir: t.TempDir(), args: []string{
		"--table", given.Variable(t, "TABLE_NAME"), "--bucket", given.Variable(t, "BUCKET_NAME"), "--endpoint", given.Variable(t, "AWS_ENDPOINT_URL"),
	}}
	prove(t, k, c, 3*time.Second, 8*time.Second, func() api {
		return api{url: given.Variable(t, "URL"), token: token(t, []byte(given.Variable(t, "TOKEN_KEYS")))}
	}, 100)
}

// prove imports under kills, until nothing is left to do, and compares each
// recording through the API; the audio of every so many.
func prove(t *testing.T, k *standIn, c *command, shortest, longest time.Duration, open func() api, every int) {
	t.Helper()
	began := time.Now()
	died, twofold := c.killed(t, k, kills, shortest, longest)
	if died < kills*3/4 {
		t.Errorf("it was killed %d times only", died)
	}
	r, _ := c.finish(t, k, 1)
	t.Logf("after %d kills, %v: %+v", died, time.Since(began).Round(time.Second), r)
	if r.Failed != int64(len(k.wounded)) || r.Refused != int64(len(k.refused))+1 || r.NotTried != 0 || r.Lists != 0 {
		t.Errorf("report %+v, want %d failed and %d refused", r, len(k.wounded), len(k.refused)+1)
	}
	for id := range c.named(t, "failed") {
		if !k.wounded[id] {
			t.Errorf("%s failed, and nothing was wrong with it", id)
		}
	}
	k.heal()
	r, v := c.finish(t, k, 0, "--verify")
	t.Logf("at the end: %+v, verified %+v; memory's peak %d MB", r, v, c.peak>>10)
	if r.Failed != 0 || r.Copied != int64(len(k.wounded)) {
		t.Errorf("report %+v, want %d copied", r, len(k.wounded))
	}
	if v.Same != v.Found-v.Refused || v.Missing+v.Different+v.Damaged+v.Unchecked+v.More != 0 {
		t.Errorf("verified %+v", v)
	}
	t.Log(k.said())
	// What was on its way at a kill may have been handed out, and come again.
	_, again := k.fetched()
	t.Logf("audio was handed out again %d times while two imports ran, %d times else, for %d kills of 16 workers", twofold, again-twofold, died)
	if again-twofold > died*16 {
		t.Error("that is more than was on its way")
	}
	compare(t, k, open(), every)
}

// compare compares each recording with Kazoo's: nothing missing, nothing extra,
// nothing twice.
func compare(t *testing.T, k *standIn, a api, every int) {
	t.Helper()
	got := a.list(t)
	var wg sync.WaitGroup
	turns := make(chan struct{}, 8)
	wanted, heard := 0, 0
	for i, want := range k.all {
		if k.refused[want.ID] {
			if _, ok := got[want.ID]; ok {
				t.Errorf("%.40s is here", want.ID)
			}
			continue
		}
		wanted++
		row, ok := got[want.ID]
		if !ok {
			t.Errorf("%s is missing", want.ID)
			continue
		}
		document, err := recording.ParseDocument([]byte(want.Document))
		here, other := recording.ParseDocument(row)
		if err != nil || other != nil || document != here {
			t.Errorf("%s is %.300s, want %.300s", want.ID, here, document)
		}
		if len(want.Audio) > 0 && want.ID != "202603-page" && i%every == 0 {
			heard++
			turns <- struct{}{}
			wg.Go(func() {
				defer func() { <-turns }()
				if body := a.get(t, "/"+want.ID+"?accept=audio/mpeg"); !bytes.Equal(body, want.Audio) {
					t.Errorf("%s plays %d bytes, want the %d of Kazoo", want.ID, len(body), len(want.Audio))
				}
			})
		}
	}
	wg.Wait()
	if len(got) != wanted {
		t.Errorf("%d recordings are here, want %d", len(got), wanted)
	}
	t.Logf("%d compared field by field, %d heard", wanted, heard)
	a.remove(t, k.audible(0))
}

// exports writes all into files, reads these into another folder, and writes
// them again: the same bytes.
func exports(t *testing.T, c *command, data string) {
	t.Helper()
	began := time.Now()
	c.run(t, "export", "dir", "out", "--account", account, "--data-dir", data)
	c.run(t, "import", "dir", "out", "--account", account, "--data-dir", "other", "--report", "-", "--verify")
	c.run(t, "export", "dir", "back", "--account", account, "--data-dir", "other")
	out, err := exec.CommandContext(t.Context(), "diff", "-r", filepath.Join(c.dir, "out"), filepath.Join(c.dir, "back")).CombinedOutput()
	if err != nil {
		t.Errorf("what was exported, imported and exported again differs: %v\n%s", err, tail(string(out)))
	}
	files := 0
	_ = filepath.WalkDir(filepath.Join(c.dir, "out"), func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files++
		}
		return err
	})
	if files == 0 {
		t.Error("nothing was exported")
	}
	t.Logf("%d files out, in and out again in %v; memory's peak %d MB", files, time.Since(began).Round(time.Second), c.peak>>10)
}

// api is the API that the recordings are asked of.
type api struct{ url, token string }

// serve starts make run's program over a folder.
func serve(t *testing.T, program, data string) (url string) {
	t.Helper()
	port := given.Ports(t)
	log, err := os.Create(filepath.Join(t.TempDir(), "local.log"))
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(program, "--empty")
	server.Env = append(os.Environ(), "DATA_DIR="+data, "HOST=127.0.0.1", "PORT="+strconv.Itoa(port), "S3_PORT="+strconv.Itoa(port+1))
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	url = "http://127.0.0.1:" + strconv.Itoa(port)
	given.Await(t, url, log.Name())
	return url
}

func token(t *testing.T, keys []byte) string {
	t.Helper()
	signed, err := auth.Sign(keys, auth.Claims{Account: account, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// list are all recordings of the account, by their ids.
func (a api) list(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	found := map[string]json.RawMessage{}
	for cursor := ""; ; {
		var page struct {
			Data []json.RawMessage
			Next string `json:"next_start_key"`
		}
		if err := json.Unmarshal(a.get(t, "?page_size=500"+cursor), &page); err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Data {
			var r struct{ ID string }
			if err := json.Unmarshal(row, &r); err != nil {
				t.Fatal(err)
			}
			if found[r.ID] != nil {
				t.Errorf("%s is listed twice", r.ID)
			}
			found[r.ID] = row
		}
		if page.Next == "" {
			return found
		}
		cursor = "&start_key=" + page.Next
	}
}

// get asks for something of the account's recordings.
func (a api) get(t *testing.T, rest string) []byte {
	t.Helper()
	status, body := a.ask(t, http.MethodGet, rest)
	if status != http.StatusOK {
		t.Errorf("%s: %d %.300s", rest, status, body)
	}
	return body
}

func (a api) ask(t *testing.T, method, rest string) (status int, body []byte) {
	t.Helper()
	var problem error
	for range 20 {
		r, err := http.NewRequestWithContext(t.Context(), method, a.url+"/v2/accounts/"+account+"/recordings"+rest, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Auth-Token", a.token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			problem = err
			time.Sleep(200 * time.Millisecond)
			continue
		}
		body, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err == nil && resp.StatusCode < 500 {
			return resp.StatusCode, body
		}
		problem = fmt.Errorf("%d %.300s, %w", resp.StatusCode, body, err)
		time.Sleep(200 * time.Millisecond)
	}
	t.Errorf("%s: %v", rest, problem)
	return 0, nil
}

// remove deletes an imported recording, with its audio, through the API.
func (a api) remove(t *testing.T, id string) {
	t.Helper()
	if status, body := a.ask(t, http.MethodDelete, "/"+id); status != http.StatusOK || !strings.Contains(string(body), `"deleted":true`) {
		t.Errorf("DELETE: %d %.300s", status, body)
	}
	if status, _ := a.ask(t, http.MethodGet, "/"+id); status != http.StatusNotFound {
		t.Errorf("after DELETE: %d, want 404", status)
	}
}
