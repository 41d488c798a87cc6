// Package kazootest is a Kazoo to import recordings from, for tests: the token,
// the list of recordings and one of them, and the accounts below one, over real
// HTTP and to the letter of kazoo.md, which the comments cite. It keeps
// everything in memory, answers a page of ten thousand recordings as fast as one
// of ten, and misbehaves on demand; see [Faults]. It counts what a client does
// to it.
//
// An account's recordings lie in one database per month, as Kazoo has them: the
// one that the id names, whatever the time of saving (2.1). Pages go over those
// of the window one after the other and begin in each at the same cursor, as
// crossbar_view.erl of 4.3 does (3.4). So where a recording was begun in one
// month and saved in the next, and the window touches both, a walk by cursors
// may pass by that recording or its neighbours, or show them twice; one page
// that holds the whole window, or paginate=false, has each of them once. That is
// no fault to be asked for, it is how Kazoo is.
//
// What it does not do: filters, CSV, chunked lists, lists of a user, gzip, CORS,
// the rate limit's buckets (5.8), and anything that writes. Ids are ordered by
// their bytes; CouchDB's order differs for ids that are not all of one shape.
package kazootest

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// What an installation has unless it is told otherwise (3.1, 3.3).
const (
	defaultRange = 2_682_000
	defaultPage  = 50
)

// Tenant is an account and those below it.
type Tenant struct {
	// ID is 32 hexadecimal digits.
	ID string
	// Name is shown in lists of accounts, which are in its order.
	Name     string
	Children []Tenant
}

// Options say what a server is.
type Options struct {
	// Accounts there are.
	Accounts []Tenant
	// APIKeys are the keys that PUT /v2/api_auth takes, and the account of each
	// (6.2).
	APIKeys map[string]string
	// Tokens are tokens, and the account of each, that are there from the start
	// and never expire.
	Tokens map[string]string
	// TokenTTL and TokenUses bound the tokens that api_auth hands out, by time and
	// by the number of requests made with one; 0 is no bound.
	TokenTTL  time.Duration
	TokenUses int
	// MaximumRange is the widest window in seconds, 2,682,000 by default (3.1);
	// PageSize the size of a page that was not asked for, 50 (3.3).
	MaximumRange int64
	PageSize     int
	// Now is the clock, which is needed. Rates are measured by it, so it should
	// run, though it may be wrong.
	Now func() time.Time
	// Seed chooses the faults and tokens. The n-th request of one path has the
	// same fate in each server with that seed, whatever goes on beside it.
	Seed uint64
	// Faults at the start; see SetFaults.
	Faults Faults
	// RedirectTo, if set, is where every request is sent to, with 302.
	RedirectTo string
	// NotKazoo makes it a web server that answers everything with a page, and 200.
	NotKazoo bool
}

// Server is a Kazoo, a handler to be put behind httptest.NewServer. It is safe
// for concurrent use.
type Server struct {
	o       Options
	tenants map[string]*tenant
	tokens  tokens
	dice    dice
	archive archive
	counts  counts
	faults  atomic.Pointer[Faults]
	lists   atomic.Int64
}

// tenant is an account in its place.
type tenant struct {
	Tenant
	// tree are the accounts above it, the topmost first (6.4).
	tree []string
}

// New makes a server without recordings. It panics without a clock, and where an
// account is there twice or missing.
func New(o Options) *Server {
	if o.Now == nil {
		panic("kazootest: Options.Now is needed")
	}
	if o.MaximumRange == 0 {
		o.MaximumRange = defaultRange
	}
	if o.PageSize == 0 {
		o.PageSize = defaultPage
	}
	s := &Server{o: o, tenants: map[string]*tenant{}}
	s.settle(o.Accounts, nil)
	s.tokens = tokens{o: o, issued: map[string]*token{}}
	for _, bearers := range []map[string]string{o.APIKeys, o.Tokens} {
		for _, account := range bearers {
			s.tenant(account)
		}
	}
	s.dice = dice{seed: o.Seed, seen: map[string]*history{}}
	s.archive = archive{shelves: map[string]*shelf{}}
	s.counts = counts{played: map[string]int{}}
	s.SetFaults(o.Faults)
	return s
}

// settle notes accounts and all below them.
func (s *Server) settle(accounts []Tenant, tree []string) {
	for _, a := range accounts {
		if _, taken := s.tenants[a.ID]; taken || len(a.ID) != accountLen {
			panic(fmt.Sprintf("kazootest: account %q is there twice or has no 32 digits", a.ID))
		}
		s.tenants[a.ID] = &tenant{Tenant: a, tree: tree}
		s.settle(a.Children, append(tree[:len(tree):len(tree)], a.ID))
	}
}

// tenant is an account that tests speak of.
func (s *Server) tenant(account string) *tenant {
	t := s.tenants[account]
	if t == nil {
		panic(fmt.Sprintf("kazootest: there is no account %q", account))
	}
	return t
}

// SetFaults replaces the faults, for requests from now on.
func (s *Server) SetFaults(f Faults) { s.faults.Store(&f) }

// Add saves recordings, over those of the same ids. It panics where the account
// is unknown or a document is no JSON object.
func (s *Server) Add(account string, rs ...Recording) {
	s.tenant(account)
	s.archive.add(account, rs)
}

// Remove takes a recording away, as a client's DELETE does (1.9), if it is
// there.
func (s *Server) Remove(account, id string) { s.archive.remove(account, id) }

// page is what a web server that is no Kazoo says.
const page = "<!DOCTYPE html>\n<html><head><title>It works!</title></head><body><h1>It works!</h1></body></html>\n"

// ServeHTTP answers a request, or fails to.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.counts.begin(s.o.Now())()
	switch {
	case s.o.RedirectTo != "":
		w.Header().Set("Location", s.o.RedirectTo)
		w.WriteHeader(http.StatusFound)
		return
	case s.o.NotKazoo:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(page)) // whoever has gone does not need it
		return
	}
	x := &exchange{s: s, w: w, r: r, query: r.URL.Query(), faults: s.faults.Load()}
	x.path = segments(r)
	x.fate = s.dice.fate(x.faults, x.name(), x.listing())
	if x.fate.slow {
		select {
		case <-r.Context().Done():
		case <-time.After(x.faults.Delay):
		}
	}
	if no := x.serve(); no != nil {
		x.refuse(no)
	}
}
