package keyset

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/issuer"
	"github.com/callrecordings/api/shared/store/sqlite"
)

var at = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// newRefresher returns a refresher of an empty store for the keys of p.
func newRefresher(t *testing.T, p *provider) Refresher {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return Refresher{Book: issuer.Book{Entries: s}, Fetcher: p.fetcher(), Now: func() time.Time { return at }}
}

// add adds an issuer with a URL, "" for none.
func (r Refresher) add(t *testing.T, name, url string) {
	t.Helper()
	one := issuer.Record{Name: name, Definition: definition(url)}
	one.AccountClaim = "account_id"
	if err := r.Book.Put(t.Context(), one, true); err != nil {
		t.Fatal(err)
	}
}

func (r Refresher) stored(t *testing.T, name string) issuer.Record {
	t.Helper()
	got, err := r.Book.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// A provider that fails changes neither its own keys nor those of others.
func TestRefresh(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	r := newRefresher(t, p)
	p.routes["/a"] = text(200, string(set(jwk("a", "", ecPair().Public()), jwk("x", "", rsaPair().Public()))))
	p.routes["/b"] = text(200, string(set(jwk("b", "", ecPair().Public()))))
	r.add(t, "a", p.URL+"/a")
	r.add(t, "b", p.URL+"/b")
	r.add(t, "hand", "")
	outcomes, err := r.Refresh(t.Context())
	if err != nil || len(outcomes) != 2 || outcomes[0].Err != nil || outcomes[0].Keys != 1 || len(outcomes[0].Skipped) != 1 || outcomes[1].Err != nil {
		t.Fatalf("Refresh = %+v, %v", outcomes, err)
	}
	if a := r.stored(t, "a"); len(a.List) != 1 || a.List[0].ID != "a" || a.Fetched != at.Unix() || a.Failure != "" {
		t.Errorf("stored %+v", a.Keys)
	}
	p.routes["/a"] = text(500, "")
	p.routes["/b"] = text(200, string(set(jwk("b2", "", ecPair().Public()))))
	first := r
	r.Now = func() time.Time { return at.Add(time.Hour) }
	outcomes, err = r.Refresh(t.Context())
	if err != nil || !errors.Is(outcomes[0].Err, ErrStatus) || outcomes[1].Err != nil {
		t.Fatalf("Refresh with a provider that is down = %+v, %v", outcomes, err)
	}
	r.Now = func() time.Time { return at.Add(2 * time.Hour) }
	if _, err := r.Refresh(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	a, b := r.stored(t, "a"), r.stored(t, "b")
	if len(a.List) != 1 || a.List[0].ID != "a" || a.Fetched != at.Unix() || a.Failed != at.Add(time.Hour).Unix() || !strings.Contains(a.Failure, "500") {
		t.Errorf("stored after failures %+v, want the keys of before and the time of the first failure", a.Keys)
	}
	if b.List[0].ID != "b2" || r.stored(t, "hand").Fetched != 0 {
		t.Errorf("stored %+v", b.Keys)
	}
	p.routes["/a"] = text(200, string(set(jwk("a2", "", ecPair().Public()))))
	if _, err := first.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := r.stored(t, "a"); a.List[0].ID != "a2" || a.Failure != "" || a.Failed != 0 {
		t.Errorf("stored after the recovery %+v", a.Keys)
	}
}

func TestRefreshByName(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	r := newRefresher(t, p)
	r.add(t, "hand", "")
	if _, err := r.Refresh(t.Context(), "absent"); !errors.Is(err, issuer.ErrUnknown) {
		t.Errorf("Refresh of an unknown issuer = %v, want %v", err, issuer.ErrUnknown)
	}
	if _, err := r.Refresh(t.Context(), "hand"); err == nil || !strings.Contains(err.Error(), "no URL") {
		t.Errorf("Refresh of keys given by hand = %v", err)
	}
}

// An issuer that is removed or changed while its keys are fetched stays removed or
// changed.
func TestRefreshMeetsChanges(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	r := newRefresher(t, p)
	keys := text(200, string(set(jwk("a", "", ecPair().Public()))))
	p.routes["/a"] = func(w http.ResponseWriter, q *http.Request) {
		_ = r.Book.Remove(context.Background(), "a")
		keys(w, q)
	}
	p.routes["/b"] = func(w http.ResponseWriter, q *http.Request) {
		r.add(t, "b", p.URL+"/new")
		keys(w, q)
	}
	r.add(t, "a", p.URL+"/a")
	r.add(t, "b", p.URL+"/b")
	outcomes, err := r.Refresh(t.Context())
	if err != nil || outcomes[0].Err != nil || outcomes[1].Err != nil {
		t.Fatalf("Refresh = %+v, %v", outcomes, err)
	}
	if _, err := r.Book.Get(t.Context(), "a"); !errors.Is(err, issuer.ErrUnknown) {
		t.Errorf("the removed issuer: %v, want %v", err, issuer.ErrUnknown)
	}
	if b := r.stored(t, "b"); b.URL != p.URL+"/new" || len(b.List) > 0 {
		t.Errorf("the changed issuer has keys of its old URL: %+v", b)
	}
}

// A slow provider delays only itself, and an interrupt does not count as a failure of the provider.
func TestRefreshWithASlowProvider(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	r := newRefresher(t, p)
	fetched := make(chan struct{})
	p.routes["/fast"] = func(w http.ResponseWriter, q *http.Request) {
		text(200, string(set(jwk("a", "", ecPair().Public()))))(w, q)
		close(fetched)
	}
	p.routes["/slow"] = func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() }
	r.add(t, "a-slow", p.URL+"/slow")
	r.add(t, "fast", p.URL+"/fast")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan []Outcome)
	go func() { outcomes, _ := r.Refresh(ctx); done <- outcomes }()
	<-fetched
	for len(r.stored(t, "fast").List) == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if outcomes := <-done; !errors.Is(outcomes[0].Err, context.Canceled) || outcomes[1].Err != nil {
		t.Errorf("outcomes %+v", outcomes)
	}
	if slow := r.stored(t, "a-slow"); slow.Failure != "" {
		t.Errorf("an interrupt is stored as a failure: %q", slow.Failure)
	}
}
