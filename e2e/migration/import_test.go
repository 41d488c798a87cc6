//go:build e2e

package migration_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/recording"
)

// kills is the number of times that the test starts and kills an import.
const kills = 12

// TestImportLocal imports into the data folder of make run, exports that folder to
// files, and imports the files into another data folder.
func TestImportLocal(t *testing.T) {
	bin := given.Programs(t, "github.com/callrecordings/api/local", "github.com/callrecordings/api/cmd/recordings")
	work := t.TempDir()
	data := filepath.Join(work, "data")
	k := start(t, recordingCount(t, 10_000))
	c := &command{path: filepath.Join(bin, "recordings"), args: []string{"--data-dir", data}, dir: work}
	dir, err := datadir.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	prove(t, k, c, 2*time.Second, 6*time.Second, func() api {
		return api{url: given.StartBox(t, filepath.Join(bin, "local"), data, given.Ports(t)).URL, token: token(t, dir.Keys.Token)}
	}, 1)
	exports(t, c, data)
}

// TestImportDeployed imports into a deployment.
func TestImportDeployed(t *testing.T) {
	bin := given.Programs(t, "github.com/callrecordings/api/cmd/recordings")
	k := start(t, recordingCount(t, 10_000))
	c := &command{path: filepath.Join(bin, "recordings"), dir: t.TempDir(), args: []string{
		"--table", given.Variable(t, "TABLE_NAME"), "--bucket", given.Variable(t, "BUCKET_NAME"), "--endpoint", given.Variable(t, "AWS_ENDPOINT_URL"),
	}}
	prove(t, k, c, 3*time.Second, 8*time.Second, func() api {
		return api{url: given.Variable(t, "URL"), token: token(t, []byte(given.Variable(t, "TOKEN_KEYS")))}
	}, 100)
}

// prove runs the import and kills it repeatedly, until everything is copied. Then it
// compares all documents with those of the API. It compares the audio of every n-th
// recording, where n is the parameter every.
func prove(t *testing.T, k *standIn, c *command, shortest, longest time.Duration, open func() api, every int) {
	t.Helper()
	began := time.Now()
	killed, duplicated := c.killed(t, k, kills, shortest, longest)
	if killed < kills*3/4 {
		t.Errorf("only %d imports were killed", killed)
	}
	r, _ := c.finish(t, k, 1)
	t.Logf("after %d kills, %v: %+v", killed, time.Since(began).Round(time.Second), r)
	if r.Failed != int64(len(k.faulty)) || r.Refused != int64(len(k.refused))+1 || r.NotTried != 0 || r.Lists != 0 {
		t.Errorf("report %+v, want %d failed and %d refused", r, len(k.faulty), len(k.refused)+1)
	}
	for id := range c.named(t, "failed") {
		if !k.faulty[id] {
			t.Errorf("%s failed, although it has no fault", id)
		}
	}
	k.heal()
	r, v := c.finish(t, k, 0, "--verify")
	t.Logf("at the end: %+v, verified %+v; peak memory %d MB", r, v, c.peak>>10)
	if r.Failed != 0 || r.Copied != int64(len(k.faulty)) {
		t.Errorf("report %+v, want %d copied", r, len(k.faulty))
	}
	if v.Same != v.Found-v.Refused || v.Missing+v.Different+v.Damaged+v.Unchecked+v.More != 0 {
		t.Errorf("verified %+v", v)
	}
	t.Log(k.summary())
	// Audio in transit at a kill is delivered again.
	_, again := k.fetched()
	t.Logf("audio delivered again %d times while two imports ran, %d times otherwise; %d kills of 16 workers", duplicated, again-duplicated, killed)
	if again-duplicated > killed*16 {
		t.Error("more audio was delivered again than can have been in transit")
	}
	compare(t, k, open(), every)
}

// compare checks that the API has exactly Kazoo's recordings, with equal documents apart
// from an unsafe url, which an import removes. It compares the audio of every n-th recording, where n is the parameter every.
func compare(t *testing.T, k *standIn, a api, every int) {
	t.Helper()
	got := a.list(t)
	var wg sync.WaitGroup
	turns := make(chan struct{}, 8)
	wanted, played := 0, 0
	for i, want := range k.all {
		if k.refused[want.ID] {
			if _, ok := got[want.ID]; ok {
				t.Errorf("%.40s was imported, but is invalid", want.ID)
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
		document, _ = document.WithoutUnsafeURL()
		here, other := recording.ParseDocument(row)
		if err != nil || other != nil || document != here {
			t.Errorf("%s is %.300s, want %.300s", want.ID, here, document)
		}
		if len(want.Audio) > 0 && want.ID != "202603-page" && i%every == 0 {
			played++
			turns <- struct{}{}
			wg.Go(func() {
				defer func() { <-turns }()
				if body := a.get(t, "/"+want.ID+"?accept=audio/mpeg"); !bytes.Equal(body, want.Audio) {
					t.Errorf("%s has %d bytes of audio that differ from Kazoo's %d", want.ID, len(body), len(want.Audio))
				}
			})
		}
	}
	wg.Wait()
	if len(got) != wanted {
		t.Errorf("imported %d recordings, want %d", len(got), wanted)
	}
	t.Logf("compared %d documents and the audio of %d", wanted, played)
	a.remove(t, k.withAudio(0))
}

// exports exports everything to files, imports the files into another data folder,
// and exports that folder. Both exports must be equal.
func exports(t *testing.T, c *command, data string) {
	t.Helper()
	began := time.Now()
	c.run(t, "export", "dir", "out", "--account", account, "--data-dir", data)
	c.run(t, "import", "dir", "out", "--account", account, "--data-dir", "other", "--report", "-", "--verify")
	c.run(t, "export", "dir", "back", "--account", account, "--data-dir", "other")
	out, err := exec.CommandContext(t.Context(), "diff", "-r", filepath.Join(c.dir, "out"), filepath.Join(c.dir, "back")).CombinedOutput()
	if err != nil {
		t.Errorf("the export differs after an import and a second export: %v\n%s", err, tail(string(out)))
	}
	files := 0
	_ = filepath.WalkDir(filepath.Join(c.dir, "out"), func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files++
		}
		return err
	})
	if files == 0 {
		t.Error("the export has no files")
	}
	t.Logf("exported, imported and exported %d files in %v; peak memory %d MB", files, time.Since(began).Round(time.Second), c.peak>>10)
}

// api is the API of the target, with a token for the account.
type api struct{ url, token string }

func token(t *testing.T, keys []byte) string {
	t.Helper()
	signed, err := auth.Sign(keys, auth.Claims{Account: account, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// list returns all recordings of the account by their IDs.
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

// get requests a path below the account's recordings and returns the body.
func (a api) get(t *testing.T, rest string) []byte {
	t.Helper()
	status, body := a.request(t, http.MethodGet, rest)
	if status != http.StatusOK {
		t.Errorf("%s: %d %.300s", rest, status, body)
	}
	return body
}

// request sends a request and retries up to 20 times after a network error or a
// 5xx status.
func (a api) request(t *testing.T, method, rest string) (status int, body []byte) {
	t.Helper()
	var last error
	for range 20 {
		r, err := http.NewRequestWithContext(t.Context(), method, a.url+"/v2/accounts/"+account+"/recordings"+rest, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Auth-Token", a.token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			last = err
			time.Sleep(200 * time.Millisecond)
			continue
		}
		body, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err == nil && resp.StatusCode < 500 {
			return resp.StatusCode, body
		}
		last = fmt.Errorf("%d %.300s, %w", resp.StatusCode, body, err)
		time.Sleep(200 * time.Millisecond)
	}
	t.Errorf("%s: %v", rest, last)
	return 0, nil
}

// remove deletes an imported recording with its audio through the API.
func (a api) remove(t *testing.T, id string) {
	t.Helper()
	if status, body := a.request(t, http.MethodDelete, "/"+id); status != http.StatusOK || !strings.Contains(string(body), `"deleted":true`) {
		t.Errorf("DELETE: %d %.300s", status, body)
	}
	if status, _ := a.request(t, http.MethodGet, "/"+id); status != http.StatusNotFound {
		t.Errorf("after DELETE: %d, want 404", status)
	}
}
