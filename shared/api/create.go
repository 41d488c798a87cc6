package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"callrecordings/shared/auth"
	"callrecordings/shared/media"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// CreateStore is what Create needs of a driver; see package store.
type CreateStore interface {
	store.Claimer
	Get(ctx context.Context, account, id string) (*recording.Recording, error)
	Put(ctx context.Context, r *recording.Recording) error
	Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error)
}

// Uploads is where audio goes.
type Uploads struct {
	// Audio signs uploads, and stores audio that comes along.
	Audio media.Uploader
	// MaxBytes is the most audio of one recording; TTL is how long an upload
	// may begin.
	MaxBytes int64
	TTL      time.Duration
}

// creator answers PUT.
type creator struct {
	Uploads
	env   *Env
	store CreateStore
}

// Create answers PUT of a new recording (contract, Create): with its document
// and a signed upload for its audio, unless that came along. Either way the
// recording is pending until what has arrived was looked at (package arrival):
// whoever looks may take its time, and this function need not link what reads
// audio.
func Create(env Env, s CreateStore, u Uploads) http.Handler {
	c := &creator{Uploads: u, env: &env, store: s}
	return env.handle(OpCreate, c.serve)
}

func (c *creator) serve(w http.ResponseWriter, r *request) error {
	if !r.bearer.May(auth.Create) {
		return errForbidden
	}
	want := wishOf(r.URL.Query().Get("accept"), r.Header.Values("Accept"))
	if _, ok := want.choose(offerDocument); !ok {
		return errNotAcceptable
	}
	key, err := idempotencyKey(r.Header)
	if err != nil {
		return err
	}
	asked, err := c.read(r)
	if err != nil {
		return err
	}
	rec, err := c.create(r, asked, key)
	if err != nil {
		return err
	}
	if asked.withAudio && rec.Audio.Place == recording.Nowhere {
		if err := c.takeAlong(r, rec, asked); err != nil {
			return err
		}
	}
	return c.answer(w, r, rec, asked.withAudio)
}

// create stores the recording that was asked for, or finds the one that the
// same request has made before.
func (c *creator) create(r *request, asked *creation, key string) (*recording.Recording, error) {
	rec, err := c.compose(r, asked)
	if err != nil {
		return nil, err
	}
	if key != "" {
		claim, err := c.store.Claim(r.Context(), r.account, key, store.Claim{ID: rec.ID, Made: asked.made})
		switch {
		case err != nil:
			return nil, fmt.Errorf("claim a key: %w", err)
		case claim.Made != asked.made:
			return nil, fmt.Errorf("%w: the key stands for another request", store.ErrExists)
		case claim.ID != rec.ID:
			rec.ID = claim.ID
			rec.Document = recording.Complete(asked.Document, rec.ID, rec.Created)
		}
	}
	if key != "" || asked.ID != "" {
		rec.Made = asked.made
	}
	err = c.store.Put(r.Context(), rec)
	switch {
	case errors.Is(err, store.ErrExists) && rec.Made != "":
		return c.again(r, asked, rec)
	case err != nil:
		return nil, fmt.Errorf("create: %w", err)
	}
	return rec, nil
}

// compose makes the recording that is asked for.
func (c *creator) compose(r *request, asked *creation) (*recording.Recording, error) {
	now := recording.SecondsOf(c.env.Now())
	id := asked.ID
	if id == "" {
		at := now
		if start, ok := asked.Document.Int("start"); ok && start > 0 && start <= recording.MaxSeconds {
			at = recording.Seconds(start)
		}
		var err error
		if id, err = recording.NewID(at, r.env.Random); err != nil {
			return nil, err
		}
	}
	rec := &recording.Recording{
		Account: r.account, ID: id, Owner: asked.Owner(), Created: now, Modified: now, Upload: asked.Upload,
		Document: recording.Complete(asked.Document, id, now),
	}
	if asked.URL() != "" {
		said, _ := asked.Document.Text("content_type")
		kind, _ := recording.AudioType(said)
		rec.Audio = recording.Audio{Place: recording.External, ContentType: kind}
	}
	return rec, nil
}

// again finds what the repeated request has made, or completes what has nothing
// but its audio yet. Another recording of that id is store.ErrExists.
func (c *creator) again(r *request, asked *creation, rec *recording.Recording) (*recording.Recording, error) {
	found, err := c.store.Get(r.Context(), rec.Account, rec.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, fmt.Errorf("%w: meanwhile", store.ErrDeleted)
	case err != nil:
		return nil, fmt.Errorf("look at what is there: %w", err)
	case found.Made == asked.made:
		return found, nil
	case found.Made != recording.MadeOfAudio:
		return nil, store.ErrExists
	}
	now := rec.Modified
	found, err = c.store.Update(r.Context(), rec.Account, rec.ID, func(there *recording.Recording) error {
		if there.Made != recording.MadeOfAudio || !asked.isOf(there) {
			return store.ErrExists
		}
		there.Owner, there.Made, there.Modified = rec.Owner, rec.Made, max(now, there.Modified)
		there.Document = recording.Complete(asked.Document.Under(there.Document, audioFields...), there.ID, there.Created)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("complete audio that came first: %w", err)
	}
	return found, nil
}

// audioFields are what audio says of itself, and nobody else does better.
var audioFields = []string{"content_type", "duration", "duration_ms", "media_type"}

// takeAlong stores the audio that came in the request. The object store tells
// of it, and so it is taken as every other.
func (c *creator) takeAlong(r *request, rec *recording.Recording, asked *creation) error {
	err := c.Audio.PutNew(r.Context(), rec.AudioKey(), asked.Upload.ContentType, asked.audio)
	if err != nil && !errors.Is(err, media.ErrOccupied) { // by the same request before
		return fmt.Errorf("store the audio: %w", err)
	}
	return nil
}

// answer sends 201 with the document, and an upload while one is missing.
func (c *creator) answer(w http.ResponseWriter, r *request, rec *recording.Recording, sent bool) error {
	upload := ""
	if rec.Audio.Place == recording.Nowhere && !sent {
		var err error
		if upload, err = c.upload(r.Context(), rec); err != nil {
			return err
		}
	}
	w.Header().Set("Location", "/"+r.version+"/accounts/"+rec.Account+"/recordings/"+rec.ID)
	w.Header().Set("ETag", revisionTag(rec))
	withBuffer(func(buf []byte) []byte {
		buf = appendOpening(buf)
		if upload == "" {
			buf = rec.AppendJSON(buf, false)
		} else {
			w.Header().Set("Cache-Control", "no-store")
			buf = rec.AppendCreated(buf, upload)
		}
		buf = r.appendClosing(buf, extras{revision: rec.Revision})
		return r.writeJSON(w, http.StatusCreated, buf)
	})
	return nil
}
