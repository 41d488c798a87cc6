package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// CreateStore has the methods of a store driver that Create needs; see package store. Get and Update
// must hide expired recordings, as retention.View does.
type CreateStore interface {
	store.Claimer
	incoming.Putter
	Get(ctx context.Context, account, id string) (*recording.Recording, error)
	Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error)
}

// UploadAudio signs uploads, stores audio, and finds out whether audio is lost.
type UploadAudio interface {
	media.Uploader
	// Stat is the method of [media.Reader].
	Stat(ctx context.Context, key string) (media.Object, error)
}

// Uploads configures the storage of audio and its limits.
type Uploads struct {
	// Audio signs uploads, and stores audio that comes in the request.
	Audio UploadAudio
	// MaxBytes is the largest size of a recording's audio. TTL is the lifetime of
	// a presigned upload.
	MaxBytes int64
	TTL      time.Duration
}

// creator answers PUT of a new recording.
type creator struct {
	Uploads
	env   *Env
	store CreateStore
}

// Create creates a recording (contract, Create). The answer is its document and,
// unless the audio was in the request, a presigned upload. The recording is
// pending until package bucket has ingested its audio. So the answer does not wait
// for the probe, and this function does not link the audio parsers.
func Create(env Env, s CreateStore, u Uploads) http.Handler {
	c := &creator{Uploads: u, env: &env, store: s}
	return env.handle(OpCreate, c.serve)
}

func (c *creator) serve(w http.ResponseWriter, r *request) error {
	if err := r.allow(access.Create); err != nil {
		return err
	}
	if err := r.acceptsDocument(); err != nil {
		return err
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
	if asked.withAudio {
		if err := storeAudio(r.Context(), c.Audio, rec, asked.Upload, asked.Upload.ContentType, asked.audio); err != nil {
			return err
		}
	}
	return c.answer(w, r, rec, asked.withAudio)
}

// create stores the requested recording, or returns the one that the same
// request created before.
func (c *creator) create(r *request, asked *creation, key string) (*recording.Recording, error) {
	id, err := c.identify(r, asked, key)
	if err != nil {
		return nil, err
	}
	rec := c.compose(r.account, id, asked)
	if key != "" || asked.ID != "" {
		rec.Made = asked.fingerprint
	}
	return audited(r, access.Create, id, func(record func() error) (*recording.Recording, error) {
		if err := record(); err != nil {
			return nil, err
		}
		err := incoming.Put(r.Context(), c.store, rec)
		switch {
		case errors.Is(err, store.ErrExists) && rec.Made != "":
			return c.retry(r, asked, rec)
		case err != nil:
			return nil, fmt.Errorf("create: %w", err)
		}
		return rec, nil
	})
}

// identify returns the ID of the recording: the client's, the one that its
// idempotency key stands for, or a new one. Error: store.ErrExists if the key
// was used for another request.
func (c *creator) identify(r *request, asked *creation, key string) (string, error) {
	id := asked.ID
	if id == "" {
		start, _ := asked.Document.Int("start")
		var err error
		if id, err = incoming.NewID(recording.Seconds(start), recording.SecondsOf(c.env.Now()), r.env.Random); err != nil {
			return "", err
		}
	}
	if key == "" {
		return id, nil
	}
	claim, err := incoming.ClaimRequest(r.Context(), c.store, r.account, key, store.Claim{ID: id, Made: asked.fingerprint})
	switch {
	case err != nil:
		return "", err
	case claim.Made != asked.fingerprint:
		return "", fmt.Errorf("%w: the key stands for another request", store.ErrExists)
	}
	return claim.ID, nil
}

// compose makes the requested recording. Over the API, the creation time of a recording
// is the time of the request, regardless of when the call took place (contract, List).
func (c *creator) compose(account, id string, asked *creation) *recording.Recording {
	now := recording.SecondsOf(c.env.Now())
	draft := incoming.Draft{
		Account: account, ID: id, Document: asked.Document, Created: now, Modified: now, Upload: asked.Upload,
	}
	if asked.URL() != "" {
		reported, _ := asked.Document.Text("content_type")
		kind, _ := recording.AudioType(reported)
		draft.Audio = recording.Audio{Place: recording.External, ContentType: kind}
	}
	return incoming.Compose(draft, now)
}

// retry returns the recording that the same request created before, or completes a
// recording that was created from its audio alone. A recording without audio waits for
// it under its own key from then on. Error: store.ErrExists if the ID belongs to another
// recording, or to one that the bearer could not have created.
func (c *creator) retry(r *request, asked *creation, rec *recording.Recording) (*recording.Recording, error) {
	existing, err := existingOf(r.Context(), c.store, rec)
	switch {
	case err != nil:
		return nil, err
	case !r.grant.May(access.Create, existing.Owner):
		return nil, store.ErrExists
	case existing.Made == asked.fingerprint && !incoming.MovesKey(existing):
		return existing, nil
	case existing.Made != asked.fingerprint && existing.Made != recording.MadeOfAudio:
		return nil, store.ErrExists
	}
	completed, err := c.store.Update(r.Context(), rec.Account, rec.ID, func(existing *recording.Recording) error {
		switch {
		case !r.grant.May(access.Create, existing.Owner):
			return store.ErrExists
		case existing.Made == asked.fingerprint:
		case incoming.MayTakeOver(asked.Upload, asked.URL(), existing):
			incoming.AddMetadata(existing, asked.Document)
			existing.Made, existing.Modified = rec.Made, max(rec.Modified, existing.Modified)
		default:
			return store.ErrExists
		}
		if existing.Audio.Place == recording.Nowhere {
			existing.Audio.Key, existing.Upload = "", asked.Upload
		}
		return nil
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, errGone
	case err != nil:
		return nil, fmt.Errorf("complete the existing recording: %w", err)
	}
	completed.Kept = nil
	return completed, nil
}

// errGone means that a recording was deleted or has expired, although its ID is taken.
var errGone = fmt.Errorf("%w: meanwhile", store.ErrDeleted)

// existingOf reads the recording with rec's ID. Its Kept is nil: answers to PUT show neither
// expiry nor holds, whether they are the first or a retry's. Error: store.ErrDeleted if the
// recording is gone or has expired.
func existingOf(ctx context.Context, s CreateStore, rec *recording.Recording) (*recording.Recording, error) {
	found, err := s.Get(ctx, rec.Account, rec.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, errGone
	case err != nil:
		return nil, fmt.Errorf("read the existing recording: %w", err)
	}
	found.Kept = nil
	return found, nil
}

// answer sends 201 with the document, and with a presigned upload while the audio is
// missing. sent is true if the audio was in the request.
func (c *creator) answer(w http.ResponseWriter, r *request, rec *recording.Recording, sent bool) error {
	upload := ""
	if !sent {
		missing, err := c.missesAudio(r.Context(), rec)
		if err != nil {
			return err
		}
		if missing {
			if upload, err = c.upload(r.Context(), rec); err != nil {
				return err
			}
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
