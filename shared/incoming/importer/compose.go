package importer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"callrecordings/shared/arrival"
	"callrecordings/shared/audiofile"
	"callrecordings/shared/recording"
)

// heard is what became of the audio of an item: none was wanted (all zero),
// there is none after all (gone), it cannot be had (err), it cannot be served
// (reason), or here it is.
type heard struct {
	gone   bool
	audio  *Audio
	info   audiofile.Info
	reason recording.Reason
	err    error
}

func (h *heard) good() bool             { return h.audio != nil && h.err == nil && h.reason == "" }
func (h *heard) sound() recording.Sound { return recording.Sound(h.info) }

func (h *heard) size() int64 {
	if h.audio == nil {
		return 0
	}
	return h.audio.Size
}

func (h *heard) close() {
	if h.audio != nil {
		_ = h.audio.Close() // it was only read
	}
}

// hear fetches the audio of the item and finds out what it is.
func (c *copying) hear(ctx context.Context) *heard {
	h := &heard{}
	if !c.wants() {
		return h
	}
	h.audio, h.err = c.source.Open(ctx, c.item)
	switch {
	case errors.Is(h.err, ErrGone) && c.item.Exact:
		h.gone, h.err = true, nil
	case errors.Is(h.err, ErrTooLarge):
		h.reason, h.err = recording.TooLarge, nil
	case h.err != nil:
	case c.MaxBytes > 0 && h.audio.Size > c.MaxBytes:
		h.reason = recording.TooLarge
	default:
		h.info, h.reason, h.err = arrival.Judge(h.audio, h.audio.Size, recording.Upload{})
		if h.info.ContentType == "" {
			h.info.ContentType, _ = recording.AudioType(c.item.Audio.ContentType)
		}
	}
	return h
}

// compose makes the recording of an item and of what was heard of it.
func (c *copying) compose(h *heard) *recording.Recording {
	it := c.item
	rec := &recording.Recording{Account: it.Account, ID: c.id, Document: it.Document, Audio: c.describe(h)}
	rec.Created = it.Created
	if rec.Created == 0 {
		now := recording.SecondsOf(c.Now())
		rec.Created = now
		if at := it.ended(h.info.Duration); at > 0 {
			rec.Created = min(now, at)
		}
	}
	if !it.Exact {
		if h.good() {
			rec.Document = rec.Document.Describe(h.sound())
		}
		rec.Document = recording.Complete(rec.Document, rec.ID, rec.Created)
	}
	rec.Modified = max(it.Modified, rec.Created)
	rec.Owner = rec.Document.Owner()
	return rec
}

// describe is what is noted of the audio.
func (c *copying) describe(h *heard) recording.Audio {
	switch {
	case h.good():
		a := recording.Audio{
			Place: recording.Managed, Key: c.key, ContentType: h.info.ContentType, Size: h.audio.Size, SHA256: h.audio.SHA256,
		}
		if h.info.Known && h.info.Duration == 0 {
			a.State = recording.Empty
		}
		return a
	case h.reason != "":
		return recording.Audio{Key: c.key, Size: h.size(), State: recording.Failed, Reason: h.reason}
	case c.item.Audio.Place == recording.Managed, c.item.Audio == recording.Audio{}:
		// It cannot be had, or not yet. A later run may be killed between bringing it
		// and saying so: who deletes the recording then has to know where it is.
		return recording.Audio{Key: c.key}
	}
	return c.item.Audio
}

// lasts bounds what is believed of a document's duration.
const lasts = recording.Seconds(366 * 24 * 3600)

// ended is when the recording ended, as far as its document says when it began
// (contract, List); 0 where it does not. length is that of its audio, for a
// document without one. Texts count as numbers: what others wrote is not to be
// lost for that.
func (it *Item) ended(length time.Duration) recording.Seconds {
	if it.Created > 0 {
		return it.Created
	}
	start, ok := it.number("start")
	if !ok || start <= 0 || start > latest {
		return 0
	}
	last, ok := it.number("duration")
	if !ok || last < 0 || last > lasts {
		last = recording.Seconds(length / time.Second)
	}
	return start + last
}

// latest is the end of the times that a store keeps.
const latest = recording.Seconds(99_999_999_999)

// number is a field that is a whole number, or a text of one.
func (it *Item) number(field string) (recording.Seconds, bool) {
	if n, ok := it.Document.Int(field); ok {
		return recording.Seconds(n), true
	}
	text, _ := it.Document.Text(field)
	var n int64
	if _, err := fmt.Sscanf(text, "%d", &n); err != nil {
		return 0, false
	}
	return recording.Seconds(n), true
}
