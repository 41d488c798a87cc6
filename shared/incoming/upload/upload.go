// Package upload adds audio files as recordings: for the operator's command line,
// and for the demo recordings of a first start.
//
// The audio is stored first, under a key that nothing refers to yet, and the
// document second. So every visible recording can be played, an interrupted upload
// leaves nothing visible, and an ID that is in use or was deleted keeps its own
// audio. A crash between the two steps, or a store that does not respond, can leave
// an object that no recording refers to. The object takes up space until it is
// removed, and a second upload makes a complete recording. (In the other order, a
// recording would have no audio during its upload, and would never get any after a
// crash.)
package upload

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/judge"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Audio stores audio, and removes it if its recording cannot be stored.
type Audio interface {
	media.Writer
	media.Remover
}

// Uploader stores recordings. It is safe for concurrent use if Random is.
type Uploader struct {
	// Store takes the documents.
	Store incoming.Putter
	// Audio takes the audio.
	Audio Audio
	// Now is the clock, and Random makes IDs.
	Now    func() time.Time
	Random io.Reader
}

// finish is the time limit for the steps after an upload if the caller has given
// up. They are short, and stopping halfway would waste the upload.
const finish = 30 * time.Second

// Request describes the recorded call. Empty fields are unknown; only Account is
// required.
type Request struct {
	// Account and Owner are IDs that the caller has checked (contract, Routes).
	Account, Owner string
	// ID of the recording; "" makes one.
	ID string
	// Direction is "inbound" or "outbound"; "" means inbound.
	Direction string
	// Start of the recording; 0 if unknown.
	Start recording.Seconds
	// Caller and Callee are numbers, or addresses: user@realm.
	Caller, CallerName, Callee, CalleeName string
	// Realm is the SIP realm of numbers that name none.
	Realm string
	// UserMetadata is a JSON object, or "".
	UserMetadata string
}

var (
	// ErrDirection means that a direction is neither of the two.
	ErrDirection = errors.New(`direction is "inbound" or "outbound"`)
	// ErrNotAudio means that the bytes are not audio of a type that is served.
	ErrNotAudio = judge.ErrNotAudio
	// ErrDamaged means that the audio cannot be played.
	ErrDamaged = judge.ErrDamaged
)

// Add stores audio of size bytes as a recording of the call, and returns it.
// progress, if not nil, is called with the number of bytes sent so far.
// Errors: ErrDirection, ErrNotAudio, ErrDamaged, recording.ErrBadID,
// recording.FieldErrors; those of incoming.Put and of media.Writer's Put.
func (u Uploader) Add(ctx context.Context, req Request, audio io.ReaderAt, size int64, progress func(int64)) (*recording.Recording, error) {
	verdict, err := judge.File(audio, size)
	if err != nil {
		return nil, err
	}
	r, err := u.compose(req, verdict)
	if err != nil {
		return nil, err
	}
	body := io.Reader(io.NewSectionReader(audio, 0, size))
	if progress != nil {
		body = &counter{Reader: body, report: progress}
	}
	sent := u.Audio.Put(ctx, r.AudioKey(), verdict.ContentType, body, size)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finish)
	defer cancel()
	if sent != nil {
		// The object may exist anyway, if only the response was lost. A failure to remove
		// it is not worth a second error.
		_ = u.Audio.Remove(ctx, r.AudioKey())
		return nil, fmt.Errorf("store the audio: %w", sent)
	}
	if err := incoming.Put(ctx, u.Store, r); err != nil {
		if rejected(err) {
			err = errors.Join(err, u.Audio.Remove(ctx, r.AudioKey()))
		}
		return nil, fmt.Errorf("store the document: %w", err)
	}
	return r, nil
}

// rejected reports whether the store definitely did not store the document, so that
// nothing will ever refer to its audio.
func rejected(err error) bool {
	return errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrDeleted) || errors.Is(err, store.ErrTooLarge)
}

// compose makes the recording of a request.
func (u Uploader) compose(req Request, verdict incoming.Judgment) (*recording.Recording, error) {
	now := recording.SecondsOf(u.Now())
	id, key, err := u.identify(req, now)
	if err != nil {
		return nil, err
	}
	asked, err := req.creation(id, verdict.Sound)
	if err != nil {
		return nil, err
	}
	return incoming.Compose(incoming.Draft{
		Account: req.Account, ID: id, Document: asked.Document, Modified: now,
		Audio: verdict.Audio(key), Sound: verdict.Sound,
	}, now), nil
}

// identify returns the ID of the recording and the key of its audio, "" for the
// recording's own. An ID that the caller chose may be in use, so its audio gets
// a key that no other upload can have.
func (u Uploader) identify(req Request, now recording.Seconds) (id, key string, err error) {
	if req.ID == "" {
		id, err = incoming.NewID(req.Start, now, u.Random)
		return id, "", err
	}
	if id, err = recording.ParseID(req.ID); err != nil {
		return "", "", fmt.Errorf("id %q: %w (want YYYYMM- and 1 to 128 of A-Z, a-z, 0-9, _ . @ -)", req.ID, err)
	}
	var b [8]byte
	if _, err := io.ReadFull(u.Random, b[:]); err != nil {
		return "", "", fmt.Errorf("make a key: %w", err)
	}
	return id, recording.AudioKey(req.Account, id) + "~" + hex.EncodeToString(b[:]), nil
}

// creation checks the request's fields in the same way as those of an API request.
func (req Request) creation(id string, sound recording.Sound) (recording.Creation, error) {
	direction, origin, known := recording.Direction(req.Direction)
	switch {
	case req.Direction == "":
		direction, origin, _ = recording.Direction("inbound")
	case !known || direction != req.Direction:
		return recording.Creation{}, ErrDirection
	}
	if req.UserMetadata != "" { // for an error that locates the fault in the JSON
		if _, err := recording.Document("{}").With("user_metadata", req.UserMetadata); err != nil {
			return recording.Creation{}, err
		}
	}
	_, unique, _ := strings.Cut(id, "-")
	name := unique + "." + sound.Extension
	start := ""
	if req.Start > 0 {
		start = strconv.FormatInt(int64(req.Start), 10)
	}
	return recording.CreationOf(func(yield func(string, string) bool) {
		for _, field := range []struct{ name, value string }{
			{"name", name},
			{"description", "recording " + name},
			{"media_source", "recorded"},
			{"direction", direction},
			{"origin", origin},
			{"start", start},
			{"from", recording.Address(req.Caller, req.Realm)},
			{"to", recording.Address(req.Callee, req.Realm)},
			{"caller_id_number", number(req.Caller)},
			{"caller_id_name", req.CallerName},
			{"callee_id_number", number(req.Callee)},
			{"callee_id_name", req.CalleeName},
			{"owner_id", req.Owner},
			{"user_metadata", req.UserMetadata},
		} {
			if field.value != "" && !yield(field.name, field.value) {
				return
			}
		}
	})
}

// number returns an address without its realm.
func number(address string) string {
	n, _, _ := strings.Cut(address, "@")
	return n
}

// counter reports how many bytes were read.
type counter struct {
	io.Reader
	report func(int64)
	n      int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	c.report(c.n)
	return n, err
}
