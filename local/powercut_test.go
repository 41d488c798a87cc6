//go:build e2e && linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/auth"
)

// 100 acknowledged recordings survive a power cut 1, 10 or 25 s after the answers:
// their documents, their state, the bytes of their audio and their events. Linux
// writes data back after up to 30 s. Half of the recordings get their audio in the
// request, the others by a presigned URL. The test needs root and loop devices, and
// fails without them.
func TestAPowerCutLosesNoRecording(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{time.Second, 10 * time.Second, 25 * time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			cutPower(t, after)
		})
	}
}

func cutPower(t *testing.T, after time.Duration) {
	disk := given.NewDisk(t)
	data := filepath.Join(disk.Path, "data")
	server := given.StartBox(t, os.Args[0], data, given.Ports(t), asServer)
	a := account{server: server, audio: map[string][]byte{}}
	dir, err := datadir.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	a.id = dir.Keys.Account
	if a.token, err = auth.Sign(dir.Keys.Token, auth.Claims{Account: a.id, Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	for n := range 100 {
		a.create(t, n)
	}
	time.Sleep(after)
	disk.Cut()
	server.CutOff(disk.Remount)
	a.until = time.Now().Add(20 * time.Second)
	for id, audio := range a.audio {
		a.wantReady(t, id)
		if got := a.request(t, http.MethodGet, "/"+id+"?accept=audio/mpeg", nil, http.StatusOK); !bytes.Equal(got, audio) {
			t.Errorf("%s has %d bytes of audio that differ from the %d sent", id, len(got), len(audio))
		}
	}
	a.wantEvents(t, filepath.Join(data, "events.jsonl"))
	server.Stop()
}

// account sends requests to a server in another process. audio holds the audio of its
// recordings by ID. It waits for states and events until the time until.
type account struct {
	server    *given.Box
	until     time.Time
	id, token string
	audio     map[string][]byte
}

// create creates the n-th recording and stores its audio.
func (a account) create(t *testing.T, n int) {
	t.Helper()
	id := fmt.Sprintf("202611-%d", n)
	a.audio[id] = append(wav(), strconv.Itoa(n)...)
	if n%2 == 0 {
		a.request(t, http.MethodPut, "?from="+callerOf(id)+"&id="+id, a.audio[id], http.StatusCreated)
		return
	}
	body := a.request(t, http.MethodPut, "", fmt.Appendf(nil, `{"data":{"id":%q,"from":%q}}`, id, callerOf(id)), http.StatusCreated)
	var created struct{ Data pendingRecording }
	if err := json.Unmarshal(body, &created); err != nil {
		t.Fatal(err)
	}
	if err := created.Data.upload(t.Context(), a.audio[id]); err != nil {
		t.Fatal(err)
	}
}

// wav returns a WAV file of 100 KB.
func wav() []byte {
	const size = 100_000
	head := "RIFF\xc4\x86\x01\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\xa0\x86\x01\x00"
	return append([]byte(head), bytes.Repeat([]byte("audio"), size/len("audio"))...)
}

func callerOf(id string) string { return id + "@pbx" }

// request sends a request with a body of audio or JSON, and returns the answer's body.
func (a account) request(t *testing.T, method, path string, body []byte, want int) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, a.server.URL+"/v2/accounts/"+a.id+"/recordings"+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", a.token)
	if bytes.HasPrefix(body, []byte("RIFF")) {
		r.Header.Set("Content-Type", "audio/wav")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		t.Errorf("%s %s: %d, %v, %.300s, want %d", method, path, res.StatusCode, err, text, want)
	}
	return text
}

// stored is the part of an answer with a document that the test reads.
type stored struct {
	Revision string
	Data     struct {
		From     string
		ReadOnly struct{ State string } `json:"_read_only"`
	}
}

// read returns the document of a recording.
func (a account) read(t *testing.T, id string) (d stored) {
	t.Helper()
	if err := json.Unmarshal(a.request(t, http.MethodGet, "/"+id, nil, http.StatusOK), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// wantReady waits until a recording is ready.
func (a account) wantReady(t *testing.T, id string) {
	t.Helper()
	d := a.read(t, id)
	for d.Data.ReadOnly.State != "ready" && time.Now().Before(a.until) {
		time.Sleep(50 * time.Millisecond)
		d = a.read(t, id)
	}
	if d.Data.ReadOnly.State != "ready" || d.Data.From != callerOf(id) {
		t.Errorf("%s: %+v, want it ready and from %s", id, d, callerOf(id))
	}
}

// wantEvents waits until the event log has the last revision of each recording.
func (a account) wantEvents(t *testing.T, path string) {
	t.Helper()
	for id := range a.audio {
		want := `"revision":"` + a.read(t, id).Revision + `"`
		found := false
		for last := false; !found && !last; {
			last = time.Now().After(a.until)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				found = found || strings.Contains(line, `"id":"`+id+`"`) && strings.Contains(line, want)
			}
			if !found && !last {
				time.Sleep(50 * time.Millisecond)
			}
		}
		if !found {
			t.Errorf("%s: no event with %s", id, want)
		}
	}
}
