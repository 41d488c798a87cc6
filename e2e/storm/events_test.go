//go:build e2e

package storm_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// delivered is an event as it was delivered.
type delivered struct {
	Type   string `json:"detail-type"`
	Detail struct {
		Account  string `json:"account_id"`
		ID       string `json:"id"`
		Revision string `json:"revision"`
		State    string `json:"state"`
	} `json:"detail"`
}

// eventLog returns a function that reads the events in a file, grouped by account and
// ID, in order of delivery. If a kill cuts off a line, the event is delivered again.
func eventLog(t *testing.T, path string) func() map[string][]delivered {
	return func() map[string][]delivered {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string][]delivered{}
		for line := range strings.Lines(string(text)) {
			var e delivered
			if json.Unmarshal([]byte(line), &e) == nil {
				name := e.Detail.Account + "/" + e.Detail.ID
				all[name] = append(all[name], e)
			}
		}
		return all
	}
}

// checkEvents compares the events with the revisions of the recordings. A revision
// begins with the number of writes. Each write produces one event, which may be
// delivered more than once.
func (p place) checkEvents(t *testing.T, client *http.Client, end time.Time) {
	t.Helper()
	revisions := map[string]string{}
	for account := range p.storage {
		for _, r := range p.list(t, client, account) {
			var one struct{ Revision string }
			if err := json.Unmarshal(p.get(t, client, account, "/"+r.ID), &one); err != nil {
				t.Fatal(err)
			}
			revisions[account+"/"+r.ID] = one.Revision
		}
	}
	var all map[string][]delivered
	for {
		all = p.events()
		wrong := 0
		for name, revision := range revisions {
			if missing(all[name], revision) != "" {
				wrong++
			}
		}
		if wrong == 0 || time.Now().After(end) {
			break
		}
		time.Sleep(time.Second)
	}
	for name, revision := range revisions {
		if what := missing(all[name], revision); what != "" {
			t.Errorf("%s, revision %s: %s in %+v", name, revision, what, all[name])
		}
	}
	for name := range all {
		if revisions[name] == "" {
			t.Errorf("%s has events, but does not exist: %+v", name, all[name])
		}
	}
	t.Logf("the events of %d recordings were compared with their revisions", len(revisions))
}

// missing explains how the events of a recording fail to match its revision, or
// returns "" if they match. The recording must be ready.
func missing(events []delivered, revision string) string {
	last := 0
	seen := map[int]string{}
	ready := false
	for _, e := range events {
		count, _, _ := strings.Cut(e.Detail.Revision, "-")
		n, err := strconv.Atoi(count)
		switch {
		case err != nil:
			return "there is a revision without a number"
		case seen[n] != "" && seen[n] != e.Detail.Revision:
			return "there are two revisions " + count
		case seen[n] == "" && n != last+1:
			return "there is a gap before revision " + count
		case n == 1 && e.Type != "Recording Created":
			return "the first event is not of the creation"
		}
		seen[n] = e.Detail.Revision
		last = max(last, n)
		ready = ready || e.Detail.State == "ready"
	}
	switch {
	case seen[last] != revision || last == 0:
		return "there is no event of the revision"
	case !ready:
		return "there is no event of the audio"
	}
	return ""
}
