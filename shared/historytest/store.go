package historytest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// Direct is a client that calls a store itself, and deletes, restores and holds as the
// handlers do.
type Direct struct {
	Store   faultstore.Driver
	Account string
	// RestoreDays is that of the history; see [Faults].
	RestoreDays int
}

var _ Client = Direct{}

var (
	errMismatch  = errors.New("another revision")
	errUnchanged = errors.New("the audio is noted already")
)

// Do implements [Client]. Create never returns an existing recording.
func (d Direct) Do(ctx context.Context, in Input) Output {
	if in.Kind == Hold || in.Kind == Release {
		id, err := d.hold(ctx, in)
		return outcome(err, func() Output { return Output{Result: Done, ID: id} })
	}
	r, err := d.do(ctx, in)
	return outcome(err, func() Output {
		out := Output{Result: Done, ID: r.ID, Revision: r.Revision, Document: Document{Ready: r.Audio.Place == recording.Managed}}
		for slot := range slots {
			text, _ := r.Document.Raw("user_metadata", tag(slot))
			out.Document.Tags[slot] = strings.Trim(text, `"`)
		}
		return out
	})
}

// outcome returns the output of err, or that of done if err is nil.
func outcome(err error, done func() Output) Output {
	var held *hold.HeldError
	switch {
	case errors.As(err, &held):
		return Output{Result: Held}
	case errors.Is(err, errMismatch):
		return Output{Result: Mismatch}
	case errors.Is(err, errUnchanged):
		return Output{Result: Unchanged}
	case errors.Is(err, store.ErrNotFound):
		return Output{Result: Missing}
	case errors.Is(err, store.ErrExists), errors.Is(err, store.ErrDeleted), errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrPurging):
		return Output{Result: Conflict}
	case errors.Is(err, store.ErrUnavailable):
		return Output{Result: Unknown}
	case err != nil:
		return Output{Err: err}
	}
	return done()
}

// hold places or releases a hold, and returns its ID.
func (d Direct) hold(ctx context.Context, in Input) (string, error) {
	book := hold.NewBook(d.Store, time.Now, rand.Reader, false)
	if in.Kind == Release {
		h, err := book.Release(ctx, d.Account, in.HoldID, hold.Release{Reason: "settled"})
		return h.ID, err
	}
	h, err := book.Draft(hold.Hold{Case: in.Case, Reason: "letter", Scope: hold.Scope{Recording: in.ID}})
	if err != nil {
		return "", err
	}
	return h.ID, book.Place(ctx, d.Account, h)
}

func (d Direct) do(ctx context.Context, in Input) (*recording.Recording, error) {
	match := func(r *recording.Recording) error {
		if in.IfMatch != "" && in.IfMatch != r.Revision {
			return errMismatch
		}
		return nil
	}
	switch in.Kind {
	case Create:
		r := &recording.Recording{
			Account: d.Account, ID: in.ID, Created: 63_900_000_000, Modified: 63_900_000_000,
			Document: recording.Document(NewDocument(in)),
		}
		return r, d.Store.Put(ctx, r)
	case Get:
		return d.Store.Get(ctx, d.Account, in.ID)
	case Patch:
		patch, err := recording.ParsePatch([]byte(PatchBody(in)))
		if err != nil {
			return nil, err
		}
		return d.Store.Update(ctx, d.Account, in.ID, func(r *recording.Recording) error {
			if err := match(r); err != nil {
				return err
			}
			var err error
			r.Document, err = patch.Apply(r.Document)
			return err
		})
	case Delete:
		return deletion.New(d.Store, d.RestoreDays, time.Now).Delete(ctx, d.Account, in.ID, deletion.Request{Check: match})
	case Restore:
		return deletion.New(d.Store, d.RestoreDays, time.Now).Restore(ctx, d.Account, in.ID, deletion.Request{})
	case Complete:
		return d.Store.Update(ctx, d.Account, in.ID, func(r *recording.Recording) error {
			if r.Audio.Place == recording.Managed {
				return errUnchanged
			}
			r.Audio = recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: 42}
			return nil
		})
	}
	return nil, fmt.Errorf("%s is not a call", in.Kind)
}

// tag returns the name of a tag in user_metadata.
func tag(slot int) string { return "t" + strconv.Itoa(slot) }

// NewDocument returns the JSON of the document that Create stores.
func NewDocument(in Input) string {
	return fmt.Sprintf(`{"user_metadata":{%q:%q}}`, tag(0), in.Body)
}

// PatchBody returns the body of Patch.
func PatchBody(in Input) string {
	return fmt.Sprintf(`{"user_metadata":{%q:%q}}`, tag(in.Slot), in.Value)
}
