package importer

import (
	"context"
	"errors"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/judge"
	"github.com/callrecordings/api/shared/recording"
)

// fetched is the result of fetching an item's audio. The zero value means that no
// audio was wanted. Otherwise the source has no audio after all (gone), the fetch
// failed (err), or the audio was fetched and judged.
type fetched struct {
	gone bool
	// audio is nil if the audio is missing, or if the source refused its size.
	audio   *Audio
	verdict *incoming.Judgment // nil unless judged
	err     error
}

// usable reports whether there is audio that can be served.
func (f *fetched) usable() bool { return f.audio != nil && f.verdict != nil && f.verdict.Accepted() }

// rejected returns why the audio cannot be served, or "".
func (f *fetched) rejected() recording.Reason {
	if f.verdict == nil {
		return ""
	}
	return f.verdict.Reason
}

func (f *fetched) size() int64 {
	if f.audio == nil {
		return 0
	}
	return f.audio.Size
}

func (f *fetched) close() {
	if f.audio != nil {
		_ = f.audio.Close() // read-only
	}
}

// fetch fetches the audio of the item and judges it.
func (c *copying) fetch(ctx context.Context) *fetched {
	f := &fetched{}
	if !c.wantsAudio() {
		return f
	}
	f.audio, f.err = c.source.Open(ctx, c.item)
	switch {
	case errors.Is(f.err, ErrGone) && c.item.Exact:
		f.gone, f.err = true, nil
		return f
	case errors.Is(f.err, ErrTooLarge):
		f.verdict, f.err = &incoming.Judgment{Reason: recording.TooLarge}, nil
		return f
	case f.err != nil:
		return f
	case c.MaxBytes > 0 && f.audio.Size > c.MaxBytes:
		f.verdict = &incoming.Judgment{Size: f.audio.Size, Reason: recording.TooLarge}
		return f
	}
	verdict, err := judge.Bytes(f.audio, f.audio.Size, recording.Upload{})
	if err != nil {
		f.err = err
		return f
	}
	if verdict.Accepted() && verdict.ContentType == "" {
		verdict.ContentType, _ = recording.AudioType(c.item.Audio.ContentType)
	}
	verdict.SHA256 = f.audio.SHA256
	f.verdict = &verdict
	return f
}

// compose builds the recording from the item and its fetched audio.
func (c *copying) compose(f *fetched) *recording.Recording {
	it := c.item
	draft := incoming.Draft{
		Account: it.Account, ID: c.id, Document: it.Document, Exact: it.Exact,
		Created: it.Created, Stored: it.Started, Modified: it.Modified, Audio: c.stored(f),
	}
	if f.usable() {
		draft.Sound = f.verdict.Sound
	}
	return incoming.Compose(draft, recording.SecondsOf(c.Now()))
}

// stored returns the description of the audio for the recording.
func (c *copying) stored(f *fetched) recording.Audio {
	switch {
	case f.err == nil && f.verdict != nil:
		return f.verdict.Audio(c.key)
	case c.item.Audio.Place == recording.Managed, c.item.Audio == recording.Audio{}:
		// There is no audio, or not yet. A later run may be killed between storing the
		// audio and updating the recording. A delete then needs the key.
		return recording.Audio{Key: c.key}
	}
	return c.item.Audio
}
