// Package importer copies recordings from another system into the store. A run
// may be killed at any moment, or throttled, and the source may be wrong. In the
// end everything that can be copied is stored exactly once, and everything else
// is reported.
//
// A [Source] lists recordings and fetches their audio; the packages
// importer/kazoo and importer/folder are sources. [Run] copies each [Item]: first
// the audio, under a key that follows from the recording, and then the document,
// unless it exists by then. So every visible recording can be played, and the
// store itself is the progress of an import: a repeated run looks up which
// recordings exist, a page at a time, and copies the rest. A killed run may leave
// an object without a recording. The next run overwrites it under the same key.
// Two runs at the same time do the work twice, with the same result.
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

	"callrecordings/shared/media"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// Errors of a source about an item, or about itself. Sources wrap them with the
// failed step, but never with a caller's name or number. Any other error may be
// temporary.
var (
	// ErrGone means that the source has no audio for the item after all.
	ErrGone = errors.New("the source has no audio for it")
	// ErrRefused means that the item, or its audio, can never be copied as it is.
	ErrRefused = errors.New("cannot be taken")
	// ErrTooLarge means that the audio exceeds Options.MaxBytes.
	ErrTooLarge = fmt.Errorf("%w: the audio is too large", ErrRefused)
	// ErrUnreachable means that the source did not answer, not even after
	// retries. Several of these in a row end the run.
	ErrUnreachable = errors.New("the source does not answer")
	// ErrStop means that no other item can be copied either: the source fails for
	// all of them, or no disk space is left. It ends the run.
	ErrStop = errors.New("stopped")
)

// Source lists the recordings to import. It is safe for concurrent use.
type Source interface {
	// Pages yields the items, at most store.MaxFind at a time. An item may be
	// listed twice. An error stands for a part of the list that could not be
	// read; the parts after it follow, except after ErrStop. The sequence ends
	// when ctx does.
	Pages(ctx context.Context) iter.Seq2[[]Item, error]
	// Open returns the complete audio of an item whose Audio.Place is
	// recording.Managed. Its length and checksum match those that the source
	// reported. The caller closes it. Errors: ErrGone, ErrRefused, ErrTooLarge,
	// ErrUnreachable, ErrStop, others.
	Open(ctx context.Context, it *Item) (*Audio, error)
}

// Retrier is a source that keeps running and lists failed items again.
type Retrier interface {
	// Retry schedules an item that failed. It may be called from any goroutine.
	Retry(it *Item)
}

// Item is one recording of a source.
type Item struct {
	// Name identifies the item in reports: the source's ID for it, or a file
	// name.
	Name string
	// Account is the account that the item is imported into.
	Account string
	// ID of the recording, checked by recording.ParseID; "" if Stem stands for
	// it.
	ID string
	// Stem is a file name without its extension, for an item without an ID. It
	// maps to the same ID for good; see incoming.ClaimName.
	Stem string
	// Started is when the call started, or when the file was stored if that is
	// unknown. A new ID gets its month.
	Started recording.Seconds
	// Document holds the public fields. If Exact is set, they stay as they are.
	// Otherwise facts from the audio and neutral values are added.
	Document recording.Document
	Exact    bool
	// Created and Modified are set if the source knows them. If Created is 0, it
	// is derived from the call (contract, List); if Modified is 0, it equals
	// Created.
	Created, Modified recording.Seconds
	// Audio describes the audio as the source reports it: Managed if Open returns
	// it, External, or Nowhere, which may come with a State and a Reason. Its
	// Size is 0 if unknown.
	Audio recording.Audio
	// Fault, if not nil, explains why the item cannot be copied. It wraps
	// ErrRefused.
	Fault error
	// Note, if not "", describes an assumption about the item. The report shows it
	// once the item is copied.
	Note string
	// Ref belongs to the source, which may keep anything here.
	Ref any
}

// Audio is the fetched audio of one item.
type Audio struct {
	io.ReaderAt
	// Size in bytes.
	Size int64
	// SHA256 of the audio, in lower-case hex.
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

// NoRoom reports whether a file could not be written for a reason that affects
// the next file too: the disk or the quota is full, or the file system is
// read-only.
func NoRoom(err error) bool {
	return slices.ContainsFunc([]error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS}, func(reason error) bool {
		return errors.Is(err, reason)
	})
}
