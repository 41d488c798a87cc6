package bucket_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/incomingtest"
	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// An invocation that is killed at any of its calls, and then retried by the
// queue, leaves exactly one correct recording with its audio in one place. Each
// of its events is queued at least once, in order.
func TestKilledAtAnyCall(t *testing.T) {
	t.Parallel()
	good, bad := incomingtest.Sample(t, "vbr-48khz-stereo.mp3"), []byte("not audio at all")
	for _, c := range []struct {
		name   string
		before func(d *fixture)
		audio  []byte
		state  recording.State // "" for no recording
		served bool
		events string
	}{
		{"good audio", func(d *fixture) { d.create(recording.Upload{}) }, good, recording.Ready, true, "Recording Created, Recording Completed"},
		{"not audio", func(d *fixture) { d.create(recording.Upload{}) }, bad, recording.Failed, false, "Recording Created, Recording Failed"},
		{"audio before its recording", func(*fixture) {}, good, recording.Ready, true, "Recording Created"},
		{"audio of a deleted recording", func(d *fixture) {
			d.create(recording.Upload{})
			if _, err := d.Records.Delete(d.Context(), account, id, store.Deletion{}); err != nil {
				d.Fatal(err)
			}
		}, good, "", false, "Recording Created, Recording Deleted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			kills := 0
			for n := 1; ; n++ {
				calls := 0
				for _, after := range []bool{false, true} {
					d := open(t)
					c.before(d)
					d.Objects.Put(key, "audio/mpeg", c.audio, nil)
					k := &incomingtest.Killer{N: n, After: after}
					d.Objects.Fault = k.Fault
					d.Store = incomingtest.Store{Store: d.Records, Killer: k}
					a := incoming.Arrival{Key: key, Sequencer: "0A"}
					_, err := d.Ingest(t.Context(), a)
					if k.Dead != (err != nil) {
						t.Fatalf("killed %v, but Ingest = %v", k.Dead, err)
					}
					calls = k.Calls
					k.Revive()
					for range 2 { // the queue's retry and a duplicate event
						if _, err := d.Ingest(t.Context(), a); err != nil {
							t.Fatalf("Ingest again = %v", err)
						}
					}
					if err != nil {
						kills++
					}
					d.settled(fmt.Sprintf("killed at call %d, after %v", n, after), c.state, c.served, c.events)
				}
				if calls < n {
					break
				}
			}
			if kills < 6 {
				t.Errorf("only %d kills were tried", kills)
			}
		})
	}
}

// settled checks the final state.
func (d *fixture) settled(when string, state recording.State, served bool, events string) {
	d.Helper()
	r, err := d.Records.Get(d.Context(), account, id)
	switch {
	case state == "" && !errors.Is(err, store.ErrNotFound):
		d.Errorf("%s: Get = %+v, %v, want no recording", when, r, err)
	case state != "" && (err != nil || r.Audio.Condition() != state):
		d.Errorf("%s: Get = %+v, %v, want state %s", when, r, err, state)
	}
	d.Exists(key, served)
	d.Exists(aside, state == recording.Failed)
	page, err := d.Records.Page(d.Context(), store.Query{Account: account, Limit: 10})
	if want := map[bool]int{true: 0, false: 1}[state == ""]; err != nil || len(page.Recordings) != want {
		d.Errorf("%s: %d recordings are listed, %v, want %d", when, len(page.Recordings), err, want)
	}
	due, err := d.Records.Due(d.Context(), sqlite.Changes, 100)
	if err != nil {
		d.Fatal(err)
	}
	var types []string
	for _, m := range due {
		var c store.Change
		if err := json.Unmarshal(m.Body, &c); err != nil {
			d.Fatal(err)
		}
		if e, ok := notify.Of(c); ok {
			types = append(types, string(e.Type))
		}
	}
	if got := strings.Join(types, ", "); got != events {
		d.Errorf("%s: events %s, want %s", when, got, events)
	}
}
