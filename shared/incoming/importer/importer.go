// Package importer brings recordings from somewhere else into the store, so
// that it can be trusted: it may be killed at any moment, throttled and lied
// to, and in the end everything that can be copied is there exactly once, and
// what cannot is named.
//
// A [Source] lists what it has and hands out audio; shared/kazoo and
// shared/folder are sources. [Run] copies each [Item]: the audio first, under a
// key that follows from the recording, and the document second, unless there is
// one by then. So whoever sees a recording can play it, and the store itself is
// the state: a run that is repeated asks it for what is there, a page at a time,
// and goes on with the rest. What a kill leaves behind is an object that the
// next run writes again in the same place. Two runs at once do the same work
// twice and come to the same end.
//
// A recording whose audio cannot be had is copied without it, and named; the
// next run tries again. What was deleted here stays deleted, unless
// [Options.Revive] says otherwise (docs/adr/014-import.md).
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

// What a source says of an item, or of itself. Sources wrap them with what was
// being done, without a word of the caller's name or number. Any other error is
// one that may not come again.
var (
	// ErrGone: the source has no audio for the item after all.
	ErrGone = errors.New("the source has no audio of it")
	// ErrRefused: the item, or its audio, can never be taken as it is.
	ErrRefused = errors.New("cannot be taken")
	// ErrTooLarge: there is more audio than Options.MaxBytes.
	ErrTooLarge = fmt.Errorf("%w: more audio than is taken", ErrRefused)
	// ErrUnreachable: nobody answered, for as long as was tried. Several in a row
	// end the run.
	ErrUnreachable = errors.New("the source does not answer")
	// ErrStop: nothing else of this source can be had either, or nowhere is any
	// room left; the run ends.
	ErrStop = errors.New("stopped")
)

// Source is where recordings come from. It is safe for concurrent use.
type Source interface {
	// Pages yields what there is, at most store.MaxFind items at a time. An item
	// may come twice. An error is a part of the list that could not be
	// read; what stands behind it follows all the same, but for ErrStop. It ends
	// when ctx does.
	Pages(ctx context.Context) iter.Seq2[[]Item, error]
	// Open returns the audio of an item whose Audio is recording.Managed, whole and checked:
	// as long as the source said, and of the checksum that it said. The caller
	// closes it. Errors: ErrGone, ErrRefused, ErrTooLarge, ErrUnreachable, ErrStop,
	// others.
	Open(ctx context.Context, it *Item) (*Audio, error)
}

// Retrier is a source that lists again what has failed, for as long as it goes
// on.
type Retrier interface {
	// Retry is told of an item that has failed, from any goroutine.
	Retry(it *Item)
}

// Item is one recording of a source.
type Item struct {
	// Name is what the source knows it by, for reports: an id, a file.
	Name string
	// Account that it belongs to here.
	Account string
	// ID of the recording, checked by recording.ParseID; "" where Stem stands
	// for one.
	ID string
	// Stem is the name that an id stands for, for good, in this account; see
	// Identify.
	Stem string
	// Started is when the recording began, as far as that is known, else when it
	// was stored: it gives a new id its month.
	Started recording.Seconds
	// Document holds the public fields. Where Exact is set they stay as they are;
	// else what the audio says of itself and neutral values are added.
	Document recording.Document
	Exact    bool
	// Created and Modified, where the source knows them; 0 stands for the rule of
	// the contract (List), and for Created.
	Created, Modified recording.Seconds
	// Audio is what the source says of it: Managed where Open has it, External,
	// or Nowhere, then perhaps with a State and a Reason. Its Size may be unknown, 0.
	Audio recording.Audio
	// Fault, if not nil, is why the item cannot be taken. It wraps ErrRefused.
	Fault error
	// Ref is the source's own.
	Ref any
}

// Audio is the sound of one item, at hand.
type Audio struct {
	io.ReaderAt
	// Size in bytes.
	Size int64
	// SHA256 of them, in lower-case hex.
	SHA256 string
	// Close lets go of it.
	Close func() error
}

// Store is what is needed of a driver; see package store.
type Store interface {
	store.Store
	store.Finder
	store.Reviver
	store.Claimer
}

// Media is what is needed of a bucket; see package media.
type Media interface {
	media.Reader
	media.Writer
	media.Remover
}

// Target is where recordings go.
type Target struct {
	// Store takes the documents, Audio the sound.
	Store Store
	Audio Media
}

// NoRoom reports whether a file could not be written for a reason that holds for
// the next one, too: the disk is full, or takes nothing at all.
func NoRoom(err error) bool {
	return slices.ContainsFunc([]error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS}, func(reason error) bool {
		return errors.Is(err, reason)
	})
}
