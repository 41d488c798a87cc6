package hold

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/callrecordings/api/shared/phone"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Limits.
const (
	// MaxActive is the maximum number of active holds of an account. They also have to fit
	// into one entry (store.MaxEntry).
	MaxActive = 1000
	// MaxCase and MaxReason are the maximum lengths of a case name and of a reason, in
	// bytes.
	MaxCase   = 200
	MaxReason = 500
	// maxNumber is the maximum length of the spelling of a number, in bytes.
	maxNumber = 200
)

var (
	// ErrNotFound means that the account has no hold with this ID.
	ErrNotFound = errors.New("no such hold")
	// ErrNoRecording means that the recording of a new hold does not exist, and cannot be
	// restored.
	ErrNoRecording = errors.New("no such recording")
	// ErrTooMany means that the account has as many active holds as fit.
	ErrTooMany = errors.New("too many active holds")
)

// Book places and releases the holds of all accounts.
type Book struct {
	entries store.Entries
	now     func() time.Time
	random  io.Reader
	// lock is true if every change leaves work for a Locker.
	lock bool
}

// NewBook returns the holds in entries. random is the source of IDs. With lock true, every
// change also leaves work for a [Locker], in the same write.
func NewBook(entries store.Entries, now func() time.Time, random io.Reader, lock bool) *Book {
	return &Book{entries: entries, now: now, random: random, lock: lock}
}

// Draft gives a new hold its ID and its time. The caller has set Case, Reason, By and Scope.
// [Book.Place] stores the hold. Errors: recording.FieldErrors, and those of the source of
// IDs.
func (b *Book) Draft(h Hold) (Hold, error) {
	if err := h.check(); err != nil {
		return Hold{}, err
	}
	var id [8]byte
	if _, err := io.ReadFull(b.random, id[:]); err != nil {
		return Hold{}, fmt.Errorf("make the ID of a hold: %w", err)
	}
	h.ID, h.Placed, h.Released = hex.EncodeToString(id[:]), recording.SecondsOf(b.now()), nil
	return h, nil
}

// CheckRecording checks that the recording of a new hold exists, or can still be restored. Errors:
// ErrNoRecording, and those of the store.
func (s *Scope) CheckRecording(ctx context.Context, find store.Finder, account string) error {
	if s.Recording == "" {
		return nil
	}
	found, err := find.Find(ctx, account, []string{s.Recording})
	if err != nil {
		return fmt.Errorf("find the recording of a hold: %w", err)
	}
	if recordingOf(found[s.Recording]) == nil {
		return ErrNoRecording
	}
	return nil
}

// Twin returns the active hold with the case, the reason, the placer and the scope of h, so
// that a client that retries after a lost answer does not place a second hold.
func (s Set) Twin(h Hold) (Hold, bool) {
	for _, other := range s.holds {
		if other.Case == h.Case && other.Reason == h.Reason && other.By == h.By && other.Scope == h.Scope {
			return other, true
		}
	}
	return Hold{}, false
}

// Active returns the active hold with an ID.
func (s Set) Active(id string) (Hold, bool) {
	i := slices.IndexFunc(s.holds, func(h Hold) bool { return h.ID == id })
	if i < 0 {
		return Hold{}, false
	}
	return s.holds[i], true
}

// TwinError means that a hold was not placed, because the account has one with the same case,
// reason, placer and scope.
type TwinError struct {
	// Hold is the active hold.
	Hold Hold
}

// Error implements error.
func (e *TwinError) Error() string { return "the same hold is active already: " + e.Hold.ID }

// Place stores a hold that Draft returned. Once Place returns, nothing that the hold covers
// is removed: a deletion that has read the holds before fails by its guard. Errors:
// *TwinError, ErrTooMany, and those of the store.
func (b *Book) Place(ctx context.Context, account string, h Hold) error {
	stored, err := b.PlaceAll(ctx, account, []Hold{h})
	if err == nil && stored[0].ID != h.ID {
		return &TwinError{Hold: stored[0]}
	}
	return err
}

// PlaceAll is [Book.Place] for several holds: it stores all of them or none. But it leaves out
// those with a twin ([Set.Twin]), because a second worker may do the same work at the same time.
// It returns the active hold for each of them, in their order: itself or its twin. There may be
// at most store.MaxEntries - 1.
func (b *Book) PlaceAll(ctx context.Context, account string, holds []Hold) (stored []Hold, err error) {
	err = b.change(ctx, account, func(s Set) ([]Hold, []store.EntryWrite, error) {
		all := Set{holds: slices.Clip(s.holds)}
		var writes []store.EntryWrite
		stored = make([]Hold, len(holds))
		for i, h := range holds {
			if _, ok := s.Active(h.ID); ok { // placed by an earlier try, but its answer was lost
				stored[i] = h
				continue
			}
			if twin, ok := all.Twin(h); ok {
				stored[i] = twin
				continue
			}
			more, err := b.lockWrites(account, h.ID, placed)
			if err != nil {
				return nil, nil, err
			}
			stored[i], all.holds, writes = h, append(all.holds, h), append(writes, more...)
		}
		switch {
		case len(all.holds) == len(s.holds):
			return nil, nil, errUnchanged
		case len(all.holds) > MaxActive:
			return nil, nil, fmt.Errorf("%w: %d", ErrTooMany, len(s.holds))
		}
		return all.holds, writes, nil
	})
	if err != nil {
		return nil, err
	}
	return stored, nil
}

// Release ends a hold and keeps it as released. Releasing it again changes nothing. It
// returns the hold as stored. Errors: ErrNotFound, recording.FieldErrors, and those of the
// store.
func (b *Book) Release(ctx context.Context, account, id string, r Release) (Hold, error) {
	if err := r.Check(); err != nil {
		return Hold{}, err
	}
	r.At = recording.SecondsOf(b.now())
	var ended Hold
	err := b.change(ctx, account, func(s Set) ([]Hold, []store.EntryWrite, error) {
		h, ok := s.Active(id)
		if !ok {
			return nil, nil, errUnchanged
		}
		h.Released = &r
		value, err := json.Marshal(h)
		if err != nil {
			return nil, nil, fmt.Errorf("encode a released hold: %w", err)
		}
		ended = h
		rest := slices.DeleteFunc(slices.Clone(s.holds), func(h Hold) bool { return h.ID == id })
		writes, err := b.lockWrites(account, id, released)
		return rest, append(writes, store.EntryWrite{Entry: store.Entry{EntryKey: releasedKey(account, id), Value: value}}), err
	})
	if err != nil {
		return Hold{}, err
	}
	if ended.ID == "" {
		return b.released(ctx, account, id)
	}
	return ended, nil
}

// lockWrites returns the write that leaves work for the Locker, if there is one.
func (b *Book) lockWrites(account, id string, t task) ([]store.EntryWrite, error) {
	if !b.lock {
		return nil, nil
	}
	w, err := lockWrite(account, id, t)
	return []store.EntryWrite{w}, err
}

// Check returns recording.FieldErrors unless the reason is valid.
func (r *Release) Check() error { return checkTexts(field{"reason", r.Reason, MaxReason}) }

// Find returns a hold, active or released. Errors: ErrNotFound, and those of the store.
func (b *Book) Find(ctx context.Context, account, id string) (Hold, error) {
	s, err := Read(ctx, b.entries, account)
	if err != nil {
		return Hold{}, err
	}
	if h, ok := s.Active(id); ok {
		return h, nil
	}
	return b.released(ctx, account, id)
}

// Active returns the active holds of an account. Errors: those of the store.
func (b *Book) Active(ctx context.Context, account string) (Set, error) {
	return Read(ctx, b.entries, account)
}

// Released returns up to limit released holds with IDs after the given one, ordered by ID.
// The next page begins after the ID next; "" means that this is the last page. Errors: those of
// the store.
func (b *Book) Released(ctx context.Context, account, after string, limit int) (page []Hold, next string, err error) {
	q := store.EntryQuery{Partition: releasedKey(account, "").Partition, After: after, Limit: limit}
	found, err := b.entries.PageEntries(ctx, q)
	if err != nil {
		return nil, "", fmt.Errorf("list released holds: %w", err)
	}
	page = make([]Hold, len(found.Entries))
	for i := range found.Entries {
		if err := json.Unmarshal(found.Entries[i].Value, &page[i]); err != nil {
			return nil, "", fmt.Errorf("decode a released hold: %w", err)
		}
	}
	return page, found.Next, nil
}

func (b *Book) released(ctx context.Context, account, id string) (Hold, error) {
	if !validID(id) {
		return Hold{}, ErrNotFound // the store may not accept it as a key
	}
	found, err := b.entries.Entries(ctx, releasedKey(account, id))
	switch {
	case err != nil:
		return Hold{}, fmt.Errorf("find a hold: %w", err)
	case len(found) == 0:
		return Hold{}, ErrNotFound
	}
	var h Hold
	if err := json.Unmarshal(found[0].Value, &h); err != nil {
		return Hold{}, fmt.Errorf("decode a released hold: %w", err)
	}
	return h, nil
}

// validID reports whether id has the form of a hold's ID: 16 hex digits.
func validID(id string) bool { return len(id) == 16 && strings.Trim(id, "0123456789abcdef") == "" }

func releasedKey(account, id string) store.EntryKey {
	return store.EntryKey{Partition: "holds/" + account, Key: id}
}

// errUnchanged ends a change that has nothing to do.
var errUnchanged = errors.New("nothing to change")

// changeTries is how often a change starts over while others change the holds of the same
// account.
const changeTries = 10

// change replaces the active holds of an account by those that decide returns, together
// with other writes. It starts over if the holds change meanwhile, up to changeTries
// times.
func (b *Book) change(ctx context.Context, account string, decide func(Set) ([]Hold, []store.EntryWrite, error)) error {
	err := store.Retry(ctx, changeTries, func() error { return b.tryChange(ctx, account, decide) })
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("change holds: %w: too many changes at once", store.ErrUnavailable)
	}
	return err
}

// tryChange makes one attempt at a change. Error: store.ErrConflict if the holds have changed
// meanwhile.
func (b *Book) tryChange(ctx context.Context, account string, decide func(Set) ([]Hold, []store.EntryWrite, error)) error {
	s, err := Read(ctx, b.entries, account)
	if err != nil {
		return err
	}
	holds, writes, err := decide(s)
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err != nil {
		return err
	}
	text, err := json.Marshal(value{Holds: holds})
	if err != nil {
		return fmt.Errorf("encode holds: %w", err)
	}
	writes = append(writes, store.Replace(store.Entry{EntryKey: s.key, Value: text, Revision: s.revision}))
	if err = b.entries.WriteEntries(ctx, writes...); errors.Is(err, store.ErrTooLarge) {
		return fmt.Errorf("%w: %d bytes", ErrTooMany, len(text))
	}
	return err
}

// field is a text of a hold.
type field struct {
	name, text string
	most       int
}

// checkTexts checks required texts.
func checkTexts(fields ...field) error {
	var errs recording.FieldErrors
	for _, f := range fields {
		switch {
		case strings.TrimSpace(f.text) == "":
			errs = append(errs, recording.FieldError{Field: f.name, Code: "required", Message: "Field is required but missing"})
		case len(f.text) > f.most || !utf8.ValidString(f.text) || strings.ContainsFunc(f.text, func(c rune) bool { return c < ' ' || c == 0x7f }):
			errs = append(errs, badField(f.name, fmt.Sprintf("at most %d bytes of text without control characters", f.most)))
		}
	}
	return errs.Err()
}

// CheckTexts checks the case and the reason of new holds. Error: recording.FieldErrors.
func CheckTexts(caseName, reason string) error {
	return checkTexts(field{"case", caseName, MaxCase}, field{"reason", reason, MaxReason})
}

func badField(name, format string) recording.FieldError {
	return recording.FieldError{
		Field: name, Code: "wrong_format", Message: "Field is not in the correct format: " + format, Target: format,
	}
}

// check checks the texts and the scope of a new hold. The caller has checked the IDs.
func (h *Hold) check() error {
	var errs recording.FieldErrors
	if err := CheckTexts(h.Case, h.Reason); err != nil {
		errors.As(err, &errs)
	}
	s := &h.Scope
	if s.Number != "" && (phone.Digits(s.Number) == "" || len(s.Number) > maxNumber) {
		errs = append(errs, badField("number", "a phone number"))
	}
	for name, at := range map[string]recording.Seconds{"from": s.From, "to": s.To} {
		if at < 0 || at > recording.MaxSeconds {
			errs = append(errs, badField(name, "Gregorian seconds"))
		}
	}
	if s.From != 0 && s.To != 0 && s.From > s.To {
		errs = append(errs, badField("to", "not before from"))
	}
	return errs.Err()
}
