package issuer

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/store"
)

const (
	// TTL is how long the issuers are used before they are read again. A removed issuer
	// stays trusted for that long.
	TTL = 60 * time.Second
	// RereadEvery is the least time between two reads of one issuer for unknown keys.
	// Each issuer has its own limit, so tokens with made-up keys of one tenant's issuer
	// do not delay the new keys of another's.
	RereadEvery = 15 * time.Second
)

// Registry finds the issuers of tokens for package auth. It is safe for concurrent use.
// It reads the table when the first token needs it. Requests that need the same read
// share it. If a read fails, the requests that wait for it fail, and the next one tries
// again.
type Registry struct {
	entries store.EntryReader
	now     func() time.Time

	mu      sync.Mutex
	read    time.Time // when byIss was read
	byIss   map[string][]*auth.Issuer
	reread  map[string]time.Time // when an issuer was last read for an unknown key, by name
	flights map[string]*flight   // reads that are under way: of an issuer by its name, of all by ""
}

// flight is a read that is under way.
type flight struct {
	done chan struct{} // closed at its end
	err  error
	// fresh is the issuer that was read; nil for a read of all issuers.
	fresh *auth.Issuer
}

// NewRegistry returns a registry of the issuers in a table. It reads nothing yet.
func NewRegistry(entries store.EntryReader, now func() time.Time) *Registry {
	return &Registry{entries: entries, now: now, reread: map[string]time.Time{}, flights: map[string]*flight{}}
}

// ByIss implements [auth.Issuers]. It reads the issuers if they are older than TTL.
// Errors: those of the store, and of ctx.
func (r *Registry) ByIss(ctx context.Context, iss string) ([]*auth.Issuer, error) {
	byIss, err := r.all(ctx)
	return byIss[iss], err
}

// Named implements [auth.Issuers], like ByIss.
func (r *Registry) Named(ctx context.Context, name string) (*auth.Issuer, error) {
	byIss, err := r.all(ctx)
	for _, issuers := range byIss {
		for _, i := range issuers {
			if i.Name == name {
				return i, nil
			}
		}
	}
	return nil, err
}

// all returns all issuers, at most TTL old. The map must not be changed.
func (r *Registry) all(ctx context.Context) (map[string][]*auth.Issuer, error) {
	for {
		r.mu.Lock()
		if r.byIss != nil && r.now().Sub(r.read) < TTL {
			found := maps.Clone(r.byIss) // readOne replaces entries
			r.mu.Unlock()
			return found, nil
		}
		f, mine := r.join("")
		r.mu.Unlock()
		if mine {
			f.err = r.readAll(ctx)
			r.land("", f)
			if f.err != nil {
				return nil, f.err
			}
			continue
		}
		if err := f.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// Reread implements [auth.Issuers]. It reads an issuer at most once in RereadEvery.
// Errors: those of the store, and of ctx.
func (r *Registry) Reread(ctx context.Context, i *auth.Issuer) (*auth.Issuer, error) {
	for {
		r.mu.Lock()
		if _, underway := r.flights[i.Name]; !underway && r.now().Sub(r.reread[i.Name]) < RereadEvery {
			r.mu.Unlock()
			return nil, nil //nolint:nilnil // the interface allows it
		}
		f, mine := r.join(i.Name)
		if mine {
			r.reread[i.Name] = r.now()
		}
		r.mu.Unlock()
		if mine {
			f.fresh, f.err = r.readOne(ctx, i.Name)
			r.land(i.Name, f)
			return f.fresh, f.err
		}
		if err := f.wait(ctx); err != nil || f.err == nil {
			return f.fresh, err
		}
		// The request that read was canceled, so this one reads.
	}
}

// join returns the flight of that name. mine is true if the caller has to make the
// read. r.mu is locked.
func (r *Registry) join(name string) (f *flight, mine bool) {
	if f, ok := r.flights[name]; ok {
		return f, false
	}
	f = &flight{done: make(chan struct{})}
	r.flights[name] = f
	return f, true
}

// land ends a flight.
func (r *Registry) land(name string, f *flight) {
	r.mu.Lock()
	delete(r.flights, name)
	if f.err != nil {
		delete(r.reread, name) // a failed read does not count
	}
	r.mu.Unlock()
	close(f.done)
}

// wait waits for the end of a flight of another request. If that request was canceled,
// its error means nothing here.
func (f *flight) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-f.done:
	}
	if errors.Is(f.err, context.Canceled) || errors.Is(f.err, context.DeadlineExceeded) {
		return ctx.Err()
	}
	return f.err
}

// readAll reads all issuers.
func (r *Registry) readAll(ctx context.Context) error {
	began := r.now()
	all, err := list(ctx, r.entries)
	if err != nil {
		return err
	}
	byIss := make(map[string][]*auth.Issuer, len(all))
	known := make(map[string]bool, len(all))
	for _, one := range all {
		i, err := one.issuer()
		if err != nil || len(byIss[i.Iss]) >= MaxSame {
			continue // a damaged entry must not disable the others
		}
		byIss[i.Iss] = append(byIss[i.Iss], i)
		known[i.Name] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byIss, r.read = byIss, began
	for name := range r.reread {
		if !known[name] {
			delete(r.reread, name)
		}
	}
	return nil
}

// readOne reads one issuer and replaces it. It returns nil if the issuer does not exist
// any more.
func (r *Registry) readOne(ctx context.Context, name string) (*auth.Issuer, error) {
	one, err := get(ctx, r.entries, name)
	if errors.Is(err, ErrUnknown) {
		return nil, nil //nolint:nilnil // the interface allows it
	}
	if err != nil {
		return nil, err
	}
	fresh, err := one.issuer()
	if err != nil {
		return nil, nil //nolint:nilnil // a damaged entry is like none
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for n, i := range r.byIss[fresh.Iss] {
		if i.Name == name {
			list := append([]*auth.Issuer(nil), r.byIss[fresh.Iss]...) // requests may hold the old one
			list[n] = fresh
			r.byIss[fresh.Iss] = list
		}
	}
	return fresh, nil
}
