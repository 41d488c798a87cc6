package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/waiting"
)

// arriving is a store with one recording, which becomes ready at a given read.
type arriving struct {
	store.Reader
	reads, ready int
}

func (a *arriving) Get(context.Context, string, string) (*recording.Recording, error) {
	a.reads++
	r := &recording.Recording{Account: "a", ID: "202601-a"}
	if a.reads >= a.ready {
		r.Audio = recording.Audio{Place: recording.Managed}
	}
	return r, nil
}

func TestAwait(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		prefer, max     string
		ready, deadline int // reads; seconds
		state           recording.State
		took            time.Duration
	}{
		{"arrives at once", "wait=10", "10s", 1, 29, recording.Ready, 200 * time.Millisecond},
		{"arrives in a while", "wait=10", "10s", 4, 29, recording.Ready, 2400 * time.Millisecond},
		{"never arrives", "wait=10", "10s", 1000, 29, recording.Pending, 10 * time.Second},
		{"the operator allows less", "wait=10", "3s", 1000, 29, recording.Pending, 3 * time.Second},
		{"the operator allows nothing", "wait=10", "0s", 1, 29, recording.Pending, 0},
		{"the client does not wait", "", "10s", 1, 29, recording.Pending, 0},
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
				p := &getter{store: &arriving{ready: c.ready}, Delivery: Delivery{MaxWait: longest, Places: &waiting.LocalPlaces{}}}
				w := &answer{ResponseWriter: headers{}}
				begun := time.Now()
				rec, err := p.await(w, &request{Request: hr, grant: access.Full}, &recording.Recording{Account: "a", ID: "202601-a"})
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

// headers is a response writer that keeps only headers.
type headers http.Header

func (h headers) Header() http.Header         { return http.Header(h) }
func (h headers) Write(p []byte) (int, error) { return len(p), nil }
func (h headers) WriteHeader(int)             {}

// preferring returns a request of an account that prefers to wait for 10 seconds.
func preferring(t *testing.T, account string) *request {
	t.Helper()
	hr, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	hr.Header.Set("Prefer", "wait=10")
	return &request{Request: hr, grant: access.Full, account: account}
}

// Requests beyond the places of their account are answered at once, whether they would wait for
// audio or for changes: both use the same places. Those of another account wait. A place is free
// again after the wait.
func TestWaitsInPlaces(t *testing.T) {
	t.Parallel()
	places := &waiting.LocalPlaces{}
	g := &getter{store: never{}, Delivery: Delivery{MaxWait: 10 * time.Second, Places: places}}
	f := &follower{feed: silent{}, places: places, maxWait: 10 * time.Second}
	ways := map[string]func(*answer, *request) error{
		"audio": func(w *answer, r *request) error {
			_, err := g.await(w, r, &recording.Recording{Account: r.account, ID: "202601-a"})
			return err
		},
		"changes": func(w *answer, r *request) error {
			_, err := f.await(w, r, feed.Cursor{Epoch: 1}, 10)
			return err
		},
	}
	synctest.Test(t, func(t *testing.T) {
		await := func(way, account string, want time.Duration) {
			w := &answer{ResponseWriter: headers{}}
			begun := time.Now()
			err := ways[way](w, preferring(t, account))
			if took := time.Since(begun); err != nil || took != want || (w.Header().Get("Preference-Applied") != "") != (want > 0) {
				t.Errorf("%s of %s took %v, %v, want %v; Preference-Applied is %q", way, account, took, err, want, w.Header().Get("Preference-Applied"))
			}
		}
		for _, first := range []string{"audio", "changes"} {
			for range waiting.MaxWaits {
				go await(first, "a", 10*time.Second)
			}
			synctest.Wait()
			for way := range ways {
				await(way, "a", 0)
			}
			for way := range ways {
				await(way, "b", 10*time.Second)
			}
			time.Sleep(time.Second)
			await(first, "a", 10*time.Second)
		}
	})
}

// never is a store with a recording whose audio never arrives. Unlike arriving, it is safe for
// concurrent use.
type never struct{ store.Reader }

func (never) Get(context.Context, string, string) (*recording.Recording, error) {
	return &recording.Recording{Account: "a", ID: "202601-a"}, nil
}

// noPlaces fails the test if a request asks for a place.
type noPlaces struct{ t *testing.T }

func (p noPlaces) Take(context.Context, string, time.Duration) (release func(), ok bool, err error) {
	p.t.Error("the request has asked for a place")
	return nil, false, nil
}

// A request that does not wait takes no place, which costs calls of the store: one for audio that
// is there or has failed, for a document, or without a preference.
func TestOnlyAWaitTakesAPlace(t *testing.T) {
	t.Parallel()
	d := Delivery{MaxWait: 10 * time.Second, Places: noPlaces{t}}
	ready := newSingle(t, d)
	ready.put(t, noise(10), nil)
	ready.do(t, http.MethodGet, audioPath, "", "Prefer", "wait=10").wantStatus(t, http.StatusOK, "")
	pending := newSingle(t, d)
	pending.put(t, nil, func(r *recording.Recording) { r.Audio = recording.Audio{} })
	pending.do(t, http.MethodGet, onePath, "", "Accept", "application/json", "Prefer", "wait=10").wantStatus(t, http.StatusOK, "")
	pending.do(t, http.MethodGet, audioPath, "").wantStatus(t, http.StatusNotFound, "bad_identifier")
	failed := newSingle(t, d)
	failed.put(t, nil, func(r *recording.Recording) {
		r.Audio = recording.Audio{State: recording.Failed, Reason: recording.NotAudio}
	})
	failed.do(t, http.MethodGet, audioPath, "", "Prefer", "wait=10").wantStatus(t, http.StatusNotFound, "bad_identifier")
}

// lostPlaces are places that cannot be taken.
type lostPlaces struct{}

func (lostPlaces) Take(context.Context, string, time.Duration) (release func(), ok bool, err error) {
	return nil, false, store.ErrUnavailable
}

// A preference does not make a request fail: if no place can be taken, it does not wait.
func TestAudioWhilePlacesAreLost(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{MaxWait: 10 * time.Second, Places: lostPlaces{}})
	s.put(t, nil, func(r *recording.Recording) { r.Audio = recording.Audio{} })
	p := s.do(t, http.MethodGet, audioPath, "", "Prefer", "wait=10")
	p.wantStatus(t, http.StatusNotFound, "bad_identifier")
	if p.header.Get("Preference-Applied") != "" || p.header.Get("Retry-After") == "" {
		t.Errorf("%v, want Retry-After without Preference-Applied", p.header)
	}
}

// Without a free place, the answer for pending audio is that of a request that does not wait.
func TestAudioWithoutAPlace(t *testing.T) {
	t.Parallel()
	places := &waiting.LocalPlaces{}
	s := newSingle(t, Delivery{MaxWait: 10 * time.Second, Places: places})
	rec := s.put(t, nil, func(r *recording.Recording) { r.Audio = recording.Audio{} })
	for range waiting.MaxWaits {
		if _, ok, err := places.Take(t.Context(), rec.Account, time.Second); !ok || err != nil {
			t.Fatal("no place", err)
		}
	}
	begun := time.Now()
	p := s.do(t, http.MethodGet, audioPath, "", "Prefer", "wait=10")
	p.wantStatus(t, http.StatusNotFound, "bad_identifier")
	if took := time.Since(begun); took > 5*time.Second || p.header.Get("Preference-Applied") != "" || p.header.Get("Retry-After") == "" {
		t.Errorf("%v after %v, want Retry-After at once, without Preference-Applied", p.header, took)
	}
}

func TestFailedAudioHasAReason(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{MaxWait: 10 * time.Second, Places: &waiting.LocalPlaces{}})
	s.put(t, nil, func(r *recording.Recording) {
		r.Audio = recording.Audio{State: recording.Failed, Reason: recording.NotAudio}
	})
	begun := time.Now()
	p := s.do(t, http.MethodGet, audioPath, "", "Prefer", "wait=10")
	p.wantStatus(t, http.StatusNotFound, "bad_identifier")
	if !strings.Contains(p.text(t, "data", "details"), "not_audio") || p.header.Get("Retry-After") != "" || time.Since(begun) > 5*time.Second {
		t.Errorf("answer %v %s after %v, want the reason at once, without Retry-After", p.header, p.body, time.Since(begun))
	}
}

// While the type of the audio is unknown, a request for any accepted type gets a 404
// with Retry-After, and waits if the client prefers that. Once the type is known, a
// request for another type gets a 406.
func TestPendingAudioOfAnyType(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{MaxWait: time.Second, Places: &waiting.LocalPlaces{}})
	rec := s.put(t, nil, func(r *recording.Recording) { r.Audio = recording.Audio{} })
	for _, name := range recording.AudioNames("") {
		p := s.do(t, http.MethodGet, onePath+"?accept="+name, "")
		p.wantStatus(t, http.StatusNotFound, "bad_identifier")
		if p.header.Get("Retry-After") == "" {
			t.Errorf("accept=%s: %v, want Retry-After", name, p.header)
		}
	}
	begun := time.Now()
	p := s.do(t, http.MethodGet, onePath, "", "Accept", "audio/opus", "Prefer", "wait=1")
	p.wantStatus(t, http.StatusNotFound, "bad_identifier")
	if p.header.Get("Preference-Applied") != "wait=1" || time.Since(begun) < 900*time.Millisecond {
		t.Errorf("%v after %v, want a wait of 1 s", p.header, time.Since(begun))
	}
	s.do(t, http.MethodGet, onePath+"?accept=video/x-matroska", "").wantStatus(t, http.StatusNotAcceptable, "not_acceptable")
	if _, err := s.store.Update(t.Context(), rec.Account, rec.ID, func(r *recording.Recording) error {
		r.Audio = recording.Audio{State: recording.Failed, Reason: recording.NotAudio}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.do(t, http.MethodGet, onePath+"?accept=audio/wav", "").wantStatus(t, http.StatusNotFound, "bad_identifier")
	ready := newSingle(t, Delivery{})
	ready.put(t, noise(10), nil) // audio/mpeg
	ready.do(t, http.MethodGet, onePath+"?accept=audio/wav", "").wantStatus(t, http.StatusNotAcceptable, "not_acceptable")
}
