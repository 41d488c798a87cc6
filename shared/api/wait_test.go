package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

func TestPreferredWait(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header []string
		want   time.Duration
	}{
		{nil, 0},
		{[]string{"wait=10"}, 10 * time.Second},
		{[]string{"respond-async, Wait=5; foo=bar"}, 5 * time.Second},
		{[]string{"respond-async", `wait="7"`}, 7 * time.Second},
		{[]string{"wait=1, wait=9"}, time.Second},
		{[]string{"wait = 3"}, 3 * time.Second},
		{[]string{"wait"}, 0},
		{[]string{"wait=-1"}, 0},
		{[]string{"wait=1e3"}, 0},
		{[]string{"wait=99999999999999999999"}, 0},
		{[]string{"wait=4000000000"}, maxWait * time.Second},
		{[]string{"waits=5"}, 0},
	} {
		if got := preferredWait(c.header); got != c.want {
			t.Errorf("preferredWait(%q) = %v, want %v", c.header, got, c.want)
		}
	}
}

func FuzzPreferredWait(f *testing.F) {
	for _, seed := range []string{"wait=10", `respond-async, wait="7"; x`, "wait=,wait=5", "=;=,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if got := preferredWait([]string{header}); got < 0 || got > maxWait*time.Second {
			t.Errorf("preferredWait(%q) = %v", header, got)
		}
	})
}

// arriving is a reader whose recording is ready from the n-th look on.
type arriving struct {
	store.Reader
	looks, ready int
}

func (a *arriving) Get(context.Context, string, string) (*recording.Recording, error) {
	a.looks++
	r := &recording.Recording{Account: "a", ID: "202601-a"}
	if a.looks >= a.ready {
		r.Audio = recording.Audio{Place: recording.Managed}
	}
	return r, nil
}

func TestAwait(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		prefer, max     string
		ready, deadline int // looks; seconds
		state           recording.State
		took            time.Duration
	}{
		{"arrives at once", "wait=10", "10s", 1, 29, recording.Ready, 200 * time.Millisecond},
		{"arrives in a while", "wait=10", "10s", 4, 29, recording.Ready, 2400 * time.Millisecond},
		{"never arrives", "wait=10", "10s", 1000, 29, recording.Pending, 10 * time.Second},
		{"the operator allows less", "wait=10", "3s", 1000, 29, recording.Pending, 3 * time.Second},
		{"the operator allows nothing", "wait=10", "0s", 1, 29, recording.Pending, 0},
		{"nobody would wait", "", "10s", 1, 29, recording.Pending, 0},
		{"the function ends first", "wait=10", "10s", 1000, 5, recording.Pending, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				longest, err := time.ParseDuration(c.max)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(c.deadline)*time.Second)
				defer cancel()
				hr, err := http.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
				if err != nil {
					t.Fatal(err)
				}
				hr.Header.Set("Prefer", c.prefer)
				p := &player{store: &arriving{ready: c.ready}, Delivery: Delivery{MaxWait: longest}}
				w := &answer{ResponseWriter: headers{}}
				begun := time.Now()
				rec, err := p.await(w, &request{Request: hr}, &recording.Recording{Account: "a", ID: "202601-a"})
				if took := time.Since(begun); err != nil || rec.Audio.Condition() != c.state || took != c.took {
					t.Errorf("await = %+v, %v after %v, want it %s after %v", rec, err, took, c.state, c.took)
				}
				if applied := w.Header().Get("Preference-Applied"); (applied != "") != (c.took > 0) {
					t.Errorf("Preference-Applied = %q", applied)
				}
			})
		})
	}
}

// headers is a response writer that has nothing else.
type headers http.Header

func (h headers) Header() http.Header         { return http.Header(h) }
func (h headers) Write(p []byte) (int, error) { return len(p), nil }
func (h headers) WriteHeader(int)             {}

func TestAudioThatFailedSaysWhy(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{MaxWait: 10 * time.Second})
	s.put(t, nil, func(r *recording.Recording) {
		r.Audio = recording.Audio{State: recording.Failed, Reason: recording.NotAudio}
	})
	begun := time.Now()
	p := s.do(t, http.MethodGet, soundPath, "", "Prefer", "wait=10")
	p.wantStatus(t, http.StatusNotFound, "bad_identifier")
	if !strings.Contains(p.text(t, "data", "details"), "not_audio") || p.header.Get("Retry-After") != "" || time.Since(begun) > 5*time.Second {
		t.Errorf("answer %v %s after %v, want why, at once, and no other try", p.header, p.body, time.Since(begun))
	}
}
