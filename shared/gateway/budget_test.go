package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// guarded is a handler that admits requests with a token.
type guarded struct{ http.Handler }

func (guarded) Precheck(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("X-Auth-Token") != "" {
		return true
	}
	w.WriteHeader(http.StatusUnauthorized)
	return false
}

// unread is a body that fails the test if it is read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

// A request is rejected for its length, its headers or its token before its body is
// read. A client that expects "100 Continue" need not send the body.
func TestRejectedBodiesAreNotRead(t *testing.T) {
	t.Parallel()
	h := Local(guarded{handlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") })})
	for _, c := range []struct {
		name   string
		length int64
		token  string
		want   int
	}{
		{"too long", maxBody + 1, "x", http.StatusRequestEntityTooLarge},
		{"too long, without a token", 9_500_000, "", http.StatusRequestEntityTooLarge},
		{"without a token", 4_000_000, "", http.StatusUnauthorized},
		{"without a token or a length", -1, "", http.StatusUnauthorized},
		{"with long headers", 10, strings.Repeat("x", MaxHeader), http.StatusRequestHeaderFieldsTooLarge},
	} {
		r := httptest.NewRequest(http.MethodPut, "/", unread{t})
		r.ContentLength = c.length
		r.Header.Set("Expect", "100-continue")
		if c.token != "" {
			r.Header.Set("X-Auth-Token", c.token)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d", c.name, w.Code, c.want)
		}
	}
}

// zeros is a body of n zeros that takes no memory.
func zeros(n int64) io.Reader { return io.LimitReader(zero{}, n) }

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A hundred large uploads without a token take little memory, and each client gets
// its answer although it sends everything first.
//
//nolint:paralleltest // it measures the memory of the whole process
func TestUploadsWithoutATokenTakeNoMemory(t *testing.T) {
	s := httptest.NewServer(Local(guarded{http.NotFoundHandler()}))
	t.Cleanup(s.Close)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var sending sync.WaitGroup
	for i := range 100 {
		sending.Go(func() {
			size, want := int64(4_000_000), http.StatusUnauthorized
			if i%2 == 0 {
				size, want = 9_500_000, http.StatusRequestEntityTooLarge
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL, zeros(size))
			if err != nil {
				t.Error(err)
				return
			}
			r.ContentLength = size
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			_ = resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("an upload of %d bytes: %d, want %d", size, resp.StatusCode, want)
			}
		})
	}
	sending.Wait()
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 100<<20 {
		t.Errorf("%d MB were allocated, want less than 100", got>>20)
	}
}

// Bodies beyond the budget wait for room. If none becomes free in time, the answer
// is 429 with Retry-After, and a later request finds room.
func TestBodiesBeyondTheBudgetWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var mu sync.Mutex
		inside, most := 0, 0
		h := NewBudget(0).Local(handlerFunc(func(http.ResponseWriter, *http.Request) {
			mu.Lock()
			inside++
			most = max(most, inside)
			mu.Unlock()
			<-release
			mu.Lock()
			inside--
			mu.Unlock()
		}))
		send := func(length int) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/", bytes.NewReader(make([]byte, length))))
			return w
		}
		var sending sync.WaitGroup
		for range 2 {
			sending.Go(func() {
				if w := send(maxBody / 2); w.Code != http.StatusOK {
					t.Errorf("an upload within the budget: %d, want 200", w.Code)
				}
			})
		}
		synctest.Wait()
		w := send(maxBody / 2)
		var e envelope
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || w.Code != http.StatusTooManyRequests || e.Message != "too_many_requests" || w.Header().Get("Retry-After") == "" {
			t.Errorf("an upload beyond the budget: %d, %v, %s, %v, want 429 with Retry-After", w.Code, w.Header(), w.Body, err)
		}
		sending.Go(func() {
			if w := send(maxBody / 2); w.Code != http.StatusOK {
				t.Errorf("an upload that waits: %d, want 200", w.Code)
			}
		})
		synctest.Wait()
		close(release)
		sending.Wait()
		if most != 2 {
			t.Errorf("%d requests were in progress at once, want 2", most)
		}
	})
}

// A client that goes away while it waits does not keep a share of the budget.
func TestABudgetIsNotTakenByAClientThatLeft(t *testing.T) {
	t.Parallel()
	b := NewBudget(0)
	if !b.requests.take(t.Context(), "", maxBody) {
		t.Fatal("take = false, want true")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if b.requests.take(gone, "", 1) {
		t.Error("take of a client that left = true, want false")
	}
	b.requests.give("", maxBody)
	if !b.requests.take(t.Context(), "", maxBody) {
		t.Error("take after give = false, want true")
	}
}

// A body that ends before its announced length is an error.
func TestABodyThatEndsTooSoon(t *testing.T) {
	t.Parallel()
	s := serve(t, handlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") }))
	r := httptest.NewRequest(http.MethodPut, "/", strings.NewReader("abc"))
	r.ContentLength = 10
	w := httptest.NewRecorder()
	s.Config.Handler.ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest {
		t.Errorf("a body of 3 instead of 10 bytes: %d, want 400", w.Code)
	}
}
