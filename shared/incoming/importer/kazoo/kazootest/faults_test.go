package kazootest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming/importer/kazoo/kazootest"
)

// outcome sends a request directly to the handler and returns the name of the fault
// that occurred, or "".
func outcome(s *kazootest.Server, path string) (name string) {
	defer func() {
		switch e := recover(); e {
		case nil:
		case http.ErrAbortHandler:
			name = "cut"
		default:
			panic(e)
		}
	}()
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("X-Auth-Token", "tok")
	r.Header.Set("Accept", "application/json")
	s.ServeHTTP(w, r)
	switch {
	case w.Code == http.StatusTooManyRequests:
		return "too many"
	case w.Code == http.StatusInternalServerError:
		return "broken"
	case !json.Valid(w.Body.Bytes()):
		return "truncated"
	}
	return ""
}

func TestRates(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	const requests, rate = 3000, 0.1
	for name, f := range map[string]kazootest.Faults{
		"too many":  {TooMany: rate},
		"broken":    {Broken: rate},
		"cut":       {Cut: rate},
		"truncated": {Truncated: rate},
		"":          {},
	} {
		var runs [2][]string
		for i := range runs {
			s := open(t, kazootest.Options{Faults: f, Seed: 7})
			for n := range requests {
				runs[i] = append(runs[i], outcome(s.Server, fmt.Sprintf("%s?page_size=%d", recordings(top), n+1)))
			}
		}
		counted := map[string]int{}
		for _, fault := range runs[0] {
			counted[fault]++
		}
		if got := counted[name]; name != "" && (got < requests*rate*0.8 || got > requests*rate*1.2) || got+counted[""] != requests && name != "" {
			t.Errorf("%q: %v of %d, want a tenth", name, counted, requests)
		}
		if name == "" && counted[""] != requests {
			t.Errorf("without faults: %v", counted)
		}
		if !reflect.DeepEqual(runs[0], runs[1]) {
			t.Errorf("%q: the same seed produced different faults", name)
		}
	}
}

func TestNoMoreThanThreeInARow(t *testing.T) {
	t.Parallel()
	s := open(t, kazootest.Options{Faults: kazootest.Faults{TooMany: 0.4, Broken: 0.4, Cut: 0.5, Truncated: 0.5}})
	longest := 0
	for n := range 100 {
		row := 0
		for range 40 {
			if row++; outcome(s.Server, fmt.Sprintf("%s?page_size=%d", recordings(top), n+1)) == "" {
				row = 0
			}
			longest = max(longest, row)
		}
	}
	if longest != 3 {
		t.Errorf("%d failed in a row, want 3", longest)
	}
	s.SetFaults(kazootest.Faults{})
	if got := outcome(s.Server, recordings(top)); got != "" {
		t.Errorf("after SetFaults: %q, want none", got)
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	s := open(t, kazootest.Options{Faults: kazootest.Faults{Duplicates: 0.2}})
	now := seconds(noon)
	for n := range 500 {
		s.Add(top, saved("202311", n, now-int64(n)-1))
	}
	counted := map[string]int{}
	for _, page := range s.walk(t, recordings(top)+window(now-1000, now)+"&page_size=50") {
		for _, id := range page {
			counted[id]++
		}
	}
	twice := 0
	for _, n := range counted {
		twice += n - 1
	}
	if len(counted) != 500 || twice < 70 || twice > 130 {
		t.Errorf("%d recordings, %d of them twice, want 500 and about a fifth", len(counted), twice)
	}
}

// A client sees these faults over the network: cut, truncated, slow, 429.
func TestFaultsOnTheWire(t *testing.T) {
	t.Parallel()
	s := open(t, kazootest.Options{})
	s.Add(top, saved("202311", 1, seconds(noon)-1))
	path := recordings(top) + "/" + id("202311", 1)
	s.SetFaults(kazootest.Faults{Cut: 1})
	for _, p := range []string{recordings(top), path} {
		if r := s.get(t, p, "Accept: audio/mpeg, application/json"); !r.cutShort() || len(r.text) == 0 {
			t.Errorf("%s cut = %d %q, %v, want half of the body and an unexpected EOF", p, r.status, r.text, r.err)
		}
	}
	if r := s.get(t, path, "Accept: audio/mpeg"); !r.cutShort() || string(r.text) != "audio" {
		t.Errorf("audio cut = %d %q, %v, want half of it", r.status, r.text, r.err)
	}
	s.SetFaults(kazootest.Faults{Truncated: 1, Slow: 1, Delay: 30 * time.Millisecond})
	start := time.Now()
	if r := s.get(t, recordings(top)+"?page_size=9"); r.err != nil || r.status != http.StatusOK || json.Valid(r.text) || time.Since(start) < 30*time.Millisecond {
		t.Errorf("truncated = %d %q, %v after %v, want invalid JSON after a delay", r.status, r.text, r.err, time.Since(start))
	}
	for after, want := range map[int]string{0: "", 7: "7"} {
		s.SetFaults(kazootest.Faults{TooMany: 1, RetryAfter: after})
		r := s.get(t, fmt.Sprintf("%s?page_size=1%d", recordings(top), after))
		if r.status != http.StatusTooManyRequests || r.Message != "too_many_requests" || r.header.Get("Retry-After") != want {
			t.Errorf("429 = %d %s, Retry-After %q, want %q", r.status, r.text, r.header.Get("Retry-After"), want)
		}
	}
	if got := s.Rejected429(); got != 2 {
		t.Errorf("Rejected429() = %d, want 2", got)
	}
	if got := s.Played(); len(got) != 0 {
		t.Errorf("Played() = %v, want none", got)
	}
}

func TestAlways(t *testing.T) {
	t.Parallel()
	s := open(t, kazootest.Options{})
	always := map[string]kazootest.Misbehavior{}
	for n := range 6 {
		s.Add(top, saved("202311", n, seconds(noon)-1))
		always[id("202311", n)] = kazootest.Misbehavior(n)
	}
	s.SetFaults(kazootest.Faults{Always: always})
	for n, want := range []struct {
		bad     kazootest.Misbehavior
		status  int
		message string
		text    string
		cut     bool
	}{
		{0, 200, "", "audio of 0", false},
		{kazootest.AudioFails, 500, "datastore_fault", "", false},
		{kazootest.AudioEmpty, 200, "", "", false},
		{kazootest.AudioGone, 404, "bad_identifier", "", false},
		{kazootest.AudioCut, 200, "", "audio", true},
		{kazootest.AudioShort, 200, "", "audio of 5", true},
	} {
		if want.bad != kazootest.Misbehavior(n) {
			t.Fatalf("row %d has misbehavior %d", n, want.bad)
		}
		for range 5 {
			r := s.get(t, recordings(top)+"/"+id("202311", n), "Accept: audio/mpeg")
			if r.status != want.status || r.Message != want.message || r.cutShort() != want.cut || want.message == "" && string(r.text) != want.text {
				t.Errorf("misbehavior %d = %d %q, %v, want %+v", n, r.status, r.text, r.err, want)
			}
		}
	}
	if got, want := s.Played(), map[string]int{top + "/" + id("202311", 0): 5}; !reflect.DeepEqual(got, want) {
		t.Errorf("Played() = %v, want %v", got, want)
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	s := open(t, kazootest.Options{Faults: kazootest.Faults{Slow: 1, Delay: 100 * time.Millisecond}})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { s.get(t, recordings(top)) })
	}
	all.Wait()
	if got := s.MostAtOnce(); got < 2 || got > 8 {
		t.Errorf("MostAtOnce() = %d, want up to 8", got)
	}
	if got := s.Requests(); got != 8 {
		t.Errorf("Requests() = %d, want 8", got)
	}
}

func TestPeakRate(t *testing.T) {
	t.Parallel()
	now := noon
	s := kazootest.New(kazootest.Options{Now: func() time.Time { return now }})
	for _, at := range []time.Duration{0, 900, 1000, 1100, 1899, 1900, 5000} {
		now = noon.Add(at * time.Millisecond)
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	}
	if got := s.PeakRate(); got != 4 {
		t.Errorf("PeakRate() = %d, want the 4 from 0.9 to 1.899 seconds", got)
	}
}
