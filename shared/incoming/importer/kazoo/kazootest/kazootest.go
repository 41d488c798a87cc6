// Package kazootest is a stand-in Kazoo from which tests import recordings. It
// serves tokens, lists of recordings, single recordings, accounts and the lists of those
// below them, users, groups and devices over HTTP, exactly as kazoo.md describes; section numbers in comments
// refer to that file. It keeps everything in memory; reading a page takes as long with
// ten thousand recordings as with ten. It misbehaves on demand (see [Faults]) and
// counts the requests of its clients.
//
// As in Kazoo, an account has one database per month. The month in a recording's ID
// determines its database, even if the recording was saved later (2.1). A list reads the
// databases of its window one after another and starts in each at the same cursor, as
// crossbar_view.erl of 4.3 does (3.4). If a recording begins in one month and is
// saved in the next, and the window includes both, a client that follows the
// cursors may miss that recording or its neighbors, or see them twice. A single
// page for the whole window, or paginate=false, contains each of them once. This is
// not one of the Faults; Kazoo always behaves in this way.
//
// It does not support filters, CSV, chunked lists, lists of a user, gzip, CORS, the
// token buckets of the rate limit (5.8), or any request that writes. It orders IDs
// by their bytes; CouchDB's order differs for IDs of different forms.
package kazootest

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// The defaults of a Kazoo installation (3.1, 3.3).
const (
	defaultRange = 2_682_000
	defaultPage  = 50
)

// Tenant is an account with its descendants.
type Tenant struct {
	// ID is 32 hexadecimal digits.
	ID string
	// Name is shown in lists of accounts. The lists are sorted by name.
	Name     string
	Children []Tenant
	// Disabled makes enabled false in the account's document. Its recordings are still
	// served.
	Disabled bool
	// Users, Groups and Devices are those of this account.
	Users   []User
	Groups  []Group
	Devices []Device
}

// Options configures a server.
type Options struct {
	// Accounts lists the top-level accounts.
	Accounts []Tenant
	// APIKeys maps the keys that PUT /v2/api_auth accepts to their accounts (6.2).
	APIKeys map[string]string
	// Tokens maps tokens that are valid from the start and never expire to their
	// accounts.
	Tokens map[string]string
	// TokenTTL and TokenUses limit the tokens from api_auth: their lifetime, and the
	// number of requests made with each. 0 means no limit.
	TokenTTL  time.Duration
	TokenUses int
	// MaximumRange is the maximum width of a window in seconds, 2,682,000 by default
	// (3.1). PageSize is the default size of a page, 50 by default (3.3).
	MaximumRange int64
	PageSize     int
	// Now is the clock. It is required and should advance, because PeakRate uses it;
	// it need not show the real time.
	Now func() time.Time
	// Seed determines the faults and the tokens. The n-th attempt at a request has
	// the same fate in every server with the same seed, regardless of other
	// requests.
	Seed uint64
	// Faults are the initial faults; SetFaults replaces them.
	Faults Faults
	// RedirectTo, if not empty, is the URL to which every request is redirected with
	// 302.
	RedirectTo string
	// NotKazoo makes the server answer every request with 200 and a web page.
	NotKazoo bool
}

// Server is a stand-in Kazoo. It is a handler, for example for httptest.NewServer,
// and is safe for concurrent use.
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

// tenant is an account with its position in the tree.
type tenant struct {
	Tenant
	// tree lists the ancestors, the topmost first (6.4).
	tree []string
}

// New returns a server without recordings. It panics if o has no clock, if an
// account occurs twice, or if a key or token is for an unknown account.
func New(o Options) *Server {
	if o.Now == nil {
		panic("kazootest: Options.Now is required")
	}
	if o.MaximumRange == 0 {
		o.MaximumRange = defaultRange
	}
	if o.PageSize == 0 {
		o.PageSize = defaultPage
	}
	s := &Server{o: o, tenants: map[string]*tenant{}}
	s.register(o.Accounts, nil)
	s.tokens = tokens{o: o, issued: map[string]*token{}}
	for _, bearers := range []map[string]string{o.APIKeys, o.Tokens} {
		for _, account := range bearers {
			s.tenant(account)
		}
	}
	s.dice = dice{seed: o.Seed, seen: map[string]*history{}}
	s.archive = archive{accounts: map[string]*databases{}}
	s.counts = counts{played: map[string]int{}}
	s.SetFaults(o.Faults)
	return s
}

// register adds accounts and their descendants.
func (s *Server) register(accounts []Tenant, tree []string) {
	for _, a := range accounts {
		if _, taken := s.tenants[a.ID]; taken || len(a.ID) != accountLen {
			panic(fmt.Sprintf("kazootest: account %q occurs twice or does not have 32 digits", a.ID))
		}
		s.tenants[a.ID] = &tenant{Tenant: a, tree: tree}
		s.register(a.Children, append(tree[:len(tree):len(tree)], a.ID))
	}
}

// tenant returns an account; it panics if the account does not exist.
func (s *Server) tenant(account string) *tenant {
	t := s.tenants[account]
	if t == nil {
		panic(fmt.Sprintf("kazootest: unknown account %q", account))
	}
	return t
}

// SetFaults replaces the faults for later requests.
func (s *Server) SetFaults(f Faults) { s.faults.Store(&f) }

// Add saves recordings and replaces those with the same IDs. It panics if the
// account is unknown or a document is not a JSON object.
func (s *Server) Add(account string, rs ...Recording) {
	s.tenant(account)
	s.archive.add(account, rs)
}

// Remove deletes a recording, if it exists, as a client's DELETE does (1.9).
func (s *Server) Remove(account, id string) { s.archive.remove(account, id) }

// page is the answer of a web server that is not Kazoo.
const page = "<!DOCTYPE html>\n<html><head><title>It works!</title></head><body><h1>It works!</h1></body></html>\n"

// ServeHTTP answers a request, or fails it according to its fate.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.counts.begin(s.o.Now())()
	switch {
	case s.o.RedirectTo != "":
		w.Header().Set("Location", s.o.RedirectTo)
		w.WriteHeader(http.StatusFound)
		return
	case s.o.NotKazoo:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(page)) // fails only if the client is gone
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
	if failed := x.serve(); failed != nil {
		x.fail(failed)
	}
}
