package issuer

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/store"
)

// ErrUnknown means that an issuer does not exist.
var ErrUnknown = errors.New("unknown issuer")

// ErrExists means that another issuer has the name.
var ErrExists = errors.New("the issuer exists already")

// ErrFull means that there are as many issuers as allowed.
var ErrFull = errors.New("too many issuers")

// tries is how often a write is tried that conflicts with another one.
const tries = 5

// Book lists and changes the issuers in the table.
type Book struct {
	// Entries is the table.
	Entries store.Entries
}

// List returns all issuers in the order of their names. Errors: those of the store.
func (b Book) List(ctx context.Context) ([]Record, error) {
	return list(ctx, b.Entries)
}

func list(ctx context.Context, entries store.EntryReader) ([]Record, error) {
	var all []Record
	for q := (store.EntryQuery{Partition: Partition, Limit: MaxIssuers}); ; {
		page, err := entries.PageEntries(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("read the issuers: %w", err)
		}
		for _, e := range page.Entries {
			if r, err := record(e); err == nil { // a damaged entry must not disable the others
				all = append(all, r)
			}
		}
		if q.After = page.Next; q.After == "" || len(all) > MaxIssuers {
			return all, nil
		}
	}
}

// Get returns an issuer. Errors: ErrUnknown, those of the store.
func (b Book) Get(ctx context.Context, name string) (Record, error) {
	return get(ctx, b.Entries, name)
}

func get(ctx context.Context, entries store.EntryReader, name string) (Record, error) {
	found, err := entries.Entries(ctx, key(name))
	if err != nil {
		return Record{}, fmt.Errorf("read issuer %s: %w", name, err)
	}
	if len(found) == 0 {
		return Record{}, fmt.Errorf("%w %s", ErrUnknown, name)
	}
	return record(found[0])
}

// Put stores an issuer. With replace it may exist already. Errors: ErrExists, ErrFull,
// those of Definition.Check and of the store.
func (b Book) Put(ctx context.Context, r Record, replace bool) error {
	if !auth.ValidName(r.Name) {
		return fmt.Errorf("name %q: want 1 to %d of A-Z, a-z, 0-9, _ -", r.Name, auth.MaxName)
	}
	if err := r.Check(); err != nil {
		return err
	}
	if err := b.room(ctx, r); err != nil {
		return err
	}
	e, err := r.entry()
	if err != nil {
		return err
	}
	w := store.EntryWrite{Entry: e, If: store.IfAbsent}
	if replace {
		w.If = store.Always
	}
	if err := b.Entries.WriteEntries(ctx, w); errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("%w: %s", ErrExists, r.Name)
	} else if err != nil {
		return fmt.Errorf("store issuer %s: %w", r.Name, err)
	}
	return nil
}

// room checks that there is room for r besides the other issuers.
func (b Book) room(ctx context.Context, r Record) error {
	all, err := b.List(ctx)
	if err != nil {
		return err
	}
	others, same := 0, 0
	for _, one := range all {
		if one.Name == r.Name {
			continue
		}
		others++
		if one.Iss == r.Iss {
			same++
		}
	}
	if others >= MaxIssuers {
		return fmt.Errorf("%w: the limit is %d", ErrFull, MaxIssuers)
	}
	if same >= MaxSame {
		return fmt.Errorf("%w with this iss: the limit is %d", ErrFull, MaxSame)
	}
	return nil
}

// Remove deletes an issuer. Its tokens are rejected within a minute. Errors:
// ErrUnknown, those of the store.
func (b Book) Remove(ctx context.Context, name string) error {
	return store.Retry(ctx, tries, func() error {
		r, err := b.Get(ctx, name)
		if err != nil {
			return err
		}
		w := store.EntryWrite{Entry: store.Entry{EntryKey: key(name), Revision: r.revision}, If: store.IfUnchanged, Delete: true}
		if err := b.Entries.WriteEntries(ctx, w); err != nil {
			return fmt.Errorf("remove issuer %s: %w", name, err)
		}
		return nil
	})
}

// Update changes the keys of an issuer. It reads the issuer again if another write
// comes between, so that it neither undoes a change of the definition nor brings a
// removed issuer back. change may be called several times; it returns false to leave
// the issuer as it is. Errors: ErrUnknown, those of the store.
func (b Book) Update(ctx context.Context, name string, change func(*Record) bool) error {
	return store.Retry(ctx, tries, func() error {
		r, err := b.Get(ctx, name)
		if err != nil {
			return err
		}
		if !change(&r) {
			return nil
		}
		e, err := r.entry()
		if err != nil {
			return err
		}
		if err := b.Entries.WriteEntries(ctx, store.EntryWrite{Entry: e, If: store.IfUnchanged}); err != nil {
			return fmt.Errorf("store the keys of issuer %s: %w", name, err)
		}
		return nil
	})
}
