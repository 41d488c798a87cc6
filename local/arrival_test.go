package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pendingRecording is the part of a PUT response that tests need.
type pendingRecording struct {
	ID       string `json:"id"`
	Duration int64  `json:"duration_ms"`
	ReadOnly struct {
		State  string `json:"state"`
		Upload struct {
			Method, URL string
			Headers     map[string]string
		} `json:"upload"`
	} `json:"_read_only"`
}

// document decodes the data of a response.
func document(t *testing.T, a answer) pendingRecording {
	t.Helper()
	var p pendingRecording
	if err := json.Unmarshal(a.Data, &p); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.Data, err)
	}
	return p
}

// upload sends audio to the presigned URL of p.
func (p pendingRecording) upload(ctx context.Context, audio []byte) error {
	r, err := http.NewRequestWithContext(ctx, p.ReadOnly.Upload.Method, p.ReadOnly.Upload.URL, bytes.NewReader(audio))
	if err != nil {
		return err
	}
	for name, value := range p.ReadOnly.Upload.Headers {
		r.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("upload = %s", res.Status)
	}
	return nil
}

// waitFor waits until a recording is in the given state.
func waitFor(t *testing.T, vars map[string]string, id, state string) pendingRecording {
	t.Helper()
	var p pendingRecording
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if p = document(t, call(t, vars, http.MethodGet, "/recordings/"+id, "")); p.ReadOnly.State == state {
			return p
		}
	}
	t.Fatalf("%s is %s, want %s", id, p.ReadOnly.State, state)
	return p
}

// delivery is one line of events.jsonl: one delivery of an event.
type delivery struct {
	Type   string `json:"detail-type"`
	Detail struct{ ID, Revision, State string }
}

// eventsOf returns the lines of events.jsonl in a data folder. It skips a line that a kill has
// cut off: that event is sent again.
func eventsOf(t *testing.T, dir string) []delivery {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var all []delivery
	for line := range strings.Lines(string(text)) {
		var e delivery
		if json.Unmarshal([]byte(line), &e) == nil {
			all = append(all, e)
		}
	}
	return all
}

// published returns the events of one recording, each as "type state", in the order of their
// first delivery. A kill between the sending of a batch and its removal from the queue makes the
// next start send the whole batch again, with the same revisions (docs/reference/events.md).
func published(t *testing.T, dir, id string) []string {
	t.Helper()
	var all []string
	seen := map[string]bool{}
	for _, e := range eventsOf(t, dir) {
		if e.Detail.ID == id && !seen[e.Detail.Revision] {
			seen[e.Detail.Revision] = true
			all = append(all, e.Type+" "+e.Detail.State)
		}
	}
	return all
}

// If the server is killed at any moment after an upload, its next start completes
// the recording, and all events are published in order.
func TestAKillLosesNoArrivalAndNoEvent(t *testing.T) {
	t.Parallel()
	audio, err := os.ReadFile("demo/01-appointment.mp3")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	want := map[string]bool{}
	for round, pause := range []time.Duration{0, 5 * time.Millisecond, 30 * time.Millisecond, 120 * time.Millisecond, 300 * time.Millisecond} {
		p := launch(t, dir, "--empty")
		id := fmt.Sprintf("202601-round%d", round)
		made := document(t, call(t, p.vars, http.MethodPut, "/recordings", `{"data":{"id":"`+id+`"},"upload":{"content_type":"audio/mpeg"}}`))
		if err := made.upload(t.Context(), audio); err != nil {
			t.Fatal(err)
		}
		want[id] = true
		time.Sleep(pause)
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = p.wait(t, 10*time.Second)
	}
	p := launch(t, dir, "--empty")
	if got := ids(t, p.vars); len(got) != len(want) {
		t.Errorf("recordings %q, want %d", got, len(want))
	}
	for id := range want {
		if ready := waitFor(t, p.vars, id, "ready"); ready.Duration != 14472 {
			t.Errorf("%s lasts %d ms, want 14472", id, ready.Duration)
		}
	}
	for id := range want {
		events := []string{"Recording Created pending", "Recording Completed ready"}
		for deadline := time.Now().Add(10 * time.Second); len(published(t, dir, id)) < len(events) && time.Now().Before(deadline); {
			time.Sleep(50 * time.Millisecond)
		}
		if diff := cmp.Diff(events, published(t, dir, id)); diff != "" {
			t.Errorf("events of %s (-want +got):\n%s", id, diff)
		}
	}
	stop(t, p, syscall.SIGINT)
}

// The next start finds an object that was stored without an event.
func TestMissedAudioIsFound(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	p := launch(t, dir, "--empty")
	made := document(t, call(t, p.vars, http.MethodPut, "/recordings", `{"data":{"id":"202601-missed"}}`))
	other := document(t, call(t, p.vars, http.MethodPut, "/recordings", `{"data":{"id":"202601-never"}}`))
	stop(t, p, syscall.SIGINT)
	// Write the object directly to the disk, so that no event is sent.
	key := strings.Split(strings.TrimPrefix(made.ReadOnly.Upload.URL, "http://"), "?")[0]
	_, key, _ = strings.Cut(key, "/recordings/")
	audio, err := os.ReadFile("demo/05-voicemail.wav")
	if err != nil {
		t.Fatal(err)
	}
	object := filepath.Join(dir, "audio", "objects", "recordings", filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(object), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(object, audio, 0o600); err != nil {
		t.Fatal(err)
	}
	p = launch(t, dir, "--empty")
	waitFor(t, p.vars, made.ID, "ready")
	if left := document(t, call(t, p.vars, http.MethodGet, "/recordings/"+other.ID, "")); left.ReadOnly.State != "pending" {
		t.Errorf("%s is %s, want pending", other.ID, left.ReadOnly.State)
	}
	stop(t, p, syscall.SIGINT)
}
