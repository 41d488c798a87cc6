// Package importer copies recordings from another system into the store. A run
// may be killed or throttled at any moment, and the source may be faulty. In the
// end, every recording that can be copied is stored exactly once, and every other
// one is reported.
//
// A [Source] lists recordings and fetches their audio; the packages
// importer/kazoo and importer/folder are sources. [Run] copies each [Item]: first
// the audio, under a key derived from the recording, and then the document, unless
// the document already exists. So every visible recording can be played. An import
// keeps no progress of its own: the next run looks up the existing recordings, a
// page at a time, and copies the rest. A killed run may leave an object without a
// recording. The next run overwrites the object under the same key. Two concurrent
// runs do the work twice, with the same result.
//
// If the audio cannot be fetched, the recording is copied without it and reported;
// the next run tries the audio again. Recordings that were deleted in the target
// stay deleted, unless [Options.Revive] is set (docs/adr/014-import.md).
package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"syscall"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Errors that a source returns for an item, or for the source as a whole. Sources
// wrap these errors with the failed step, but never with a caller's name or number.
// Any other error may be temporary.
var (
	// ErrGone means that the source has no audio for the item after all.
	ErrGone = errors.New("the source has no audio for it")
	// ErrRefused means that the item, or its audio, can never be copied unless it
	// changes.
	ErrRefused = errors.New("cannot be imported")
	// ErrTooLarge means that the audio exceeds Options.MaxBytes.
	ErrTooLarge = fmt.Errorf("%w: the audio is too large", ErrRefused)
	// ErrUnreachable means that the source did not answer, even after retries.
	// Several of these errors in a row end the run.
	ErrUnreachable = errors.New("the source does not answer")
	// ErrStop ends the run: no other item can be copied either, because the source
	// fails for all items, or because no disk space is left.
	ErrStop = errors.New("stopped")
)

// Source lists the recordings to import. It is safe for concurrent use.
type Source interface {
	// Pages yields the items, at most store.MaxFind at a time. An item may be
	// listed twice. An error means that a part of the list could not be read. The
	// later parts still follow, except after ErrStop. The sequence ends when ctx
	// ends.
	Pages(ctx context.Context) iter.Seq2[[]Item, error]
	// Open returns the complete audio of an item whose Audio.Place is
	// recording.Managed. The length and checksum match the reported ones. The
	// caller closes the audio. Errors: ErrGone, ErrRefused, ErrTooLarge,
	// ErrUnreachable, ErrStop, others.
	Open(ctx context.Context, it *Item) (*Audio, error)
}

// Retrier is a source that keeps running and lists failed items again.
type Retrier interface {
	// Retry schedules a retry of a failed item. It may be called from any goroutine.
	Retry(it *Item)
}

// Item is one recording of a source.
type Item struct {
	// Name identifies the item in reports: the source's ID for it, or a file
	// name.
	Name string
	// Account is the account that the item is imported into.
	Account string
	// ID is the recording's ID, checked by recording.ParseID; "" if the ID is
	// derived from Stem.
	ID string
	// Stem is a file name without its extension, for an item without an ID. The
	// same stem always maps to the same ID; see incoming.ClaimName.
	Stem string
	// Started is when the call started or, if that is unknown, when the file was
	// stored. A new ID begins with the month of Started.
	Started recording.Seconds
	// Document holds the public fields. If Exact is set, they are stored unchanged.
	// Otherwise facts from the audio and default values are added.
	Document recording.Document
	Exact    bool
	// Created and Modified are set if the source knows them. If Created is 0, it
	// is derived from the call (contract, List); if Modified is 0, it equals
	// Created.
	Created, Modified recording.Seconds
	// Audio describes the audio as the source reports it. Its Place is Managed if Open returns the
	// audio; otherwise it is External or Nowhere. Nowhere may come with a State and a Reason. Its
	// Size is 0 if unknown.
	Audio recording.Audio
	// Fault, if not nil, explains why the item cannot be copied. It wraps
	// ErrRefused.
	Fault error
	// Note, if not "", describes an assumption about the item. The report shows the
	// note once the item is copied.
	Note string
	// Ref is private data of the source.
	Ref any
}

// Audio is the fetched audio of one item.
type Audio struct {
	io.ReaderAt
	// Size is the length in bytes.
	Size int64
	// SHA256 is the checksum in lower-case hex.
	SHA256 string
	// Close releases the audio.
	Close func() error
}

// Store is the part of a store driver that imports use; see package store.
type Store interface {
	store.Store
	store.Finder
	store.Reviver
	store.Renewer
	store.Corrector
	store.Claimer
}

// Media is the part of a bucket that imports use; see package media.
type Media interface {
	media.Reader
	media.Writer
	media.Remover
}

// Target is the destination of an import.
type Target struct {
	// Store receives the documents, Audio the audio.
	Store Store
	Audio Media
}

// NoRoom reports whether err would also affect the next file that is written: the
// disk or the quota is full, or the file system is read-only.
func NoRoom(err error) bool {
	return slices.ContainsFunc([]error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS}, func(reason error) bool {
		return errors.Is(err, reason)
	})
}
