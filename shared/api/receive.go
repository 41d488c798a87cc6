package api

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// ReceiveStore is what Receive needs of a store driver; see package store.
type ReceiveStore interface {
	CreateStore
	store.SecretReader
}

// StorageAudio stores audio, and reads Kazoo's test file back.
type StorageAudio interface {
	media.Reader
	media.Uploader
}

// Storage configures where storage requests put audio, and how their names are
// read.
type Storage struct {
	// Audio stores the audio.
	Audio StorageAudio
	// MaxBytes is the largest size of a recording's audio.
	MaxBytes int64
	// Names returns the facts about a call in a file name, and false if no
	// pattern matches. It is namepattern.Set.Call; importing that package here
	// would slow down the start of every function.
	Names func(name string) (recording.Call, bool)
	// Zone is the time zone of the PBX's clock, for times without an offset; nil means
	// UTC.
	Zone *time.Location
}

// receiver answers storage requests.
type receiver struct {
	Storage
	env   *Env
	store ReceiveStore
}

// Receive answers storage requests (contract, Storage). They have a secret in the
// path instead of a token, and describe the call in the name, the query and the
// body. A 2xx means that the document and the audio are stored. A retry creates
// nothing new.
func Receive(env Env, s ReceiveStore, to Storage) http.Handler {
	c := &receiver{Storage: to, env: &env, store: s}
	return env.handleFor(OpReceive, c.authenticate, c.serve)
}

// authenticate checks the secret. Every failure gives the same answer, so that
// clients cannot find out which accounts exist.
func (c *receiver) authenticate(ctx context.Context, r *request) error {
	var stored store.Secret
	if id, ok := auth.StorageSecretID(r.target.secret); ok && auth.ValidName(r.account) {
		var err error
		stored, err = c.store.Secret(ctx, r.account, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("look up a secret: %w", err)
		}
	}
	if !auth.IsStorageSecret(r.target.secret, stored.Sum) {
		return auth.ErrInvalid
	}
	r.entry.Account = r.account
	return nil
}

func (c *receiver) serve(w http.ResponseWriter, r *request) error {
	if key, ok := recording.TestFileKey(r.account, r.target.name); ok {
		return c.testFile(w, r, key)
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return errNotFound // a secret permits writing, never reading
	}
	put, err := c.read(r)
	if err != nil {
		return err
	}
	rec, err := c.compose(r, put)
	if err != nil {
		return err
	}
	rec, own, err := c.keep(r.Context(), rec, put)
	if err != nil {
		return err
	}
	if !own { // a secret permits writing, so the answer shows no document of others
		shown := *rec
		shown.Document = "{}"
		rec = &shown
	}
	w.Header().Set("Location", "/"+r.version+"/accounts/"+rec.Account+"/recordings/"+rec.ID)
	w.Header().Set("ETag", revisionTag(rec))
	withBuffer(func(buf []byte) []byte {
		buf = rec.AppendJSON(appendOpening(buf), false)
		buf = r.appendClosing(buf, extras{revision: rec.Revision})
		return r.writeJSON(w, http.StatusCreated, buf)
	})
	return nil
}

// compose makes the recording of a storage request.
func (c *receiver) compose(r *request, put *storageRequest) (*recording.Recording, error) {
	now := recording.SecondsOf(c.env.Now())
	sum := sha256.Sum256(put.audio)
	upload := recording.Upload{Size: int64(len(put.audio)), SHA256: hex.EncodeToString(sum[:])}
	id, err := c.identify(r, put, upload.SHA256, now)
	if err != nil {
		return nil, err
	}
	made := sha256.Sum256([]byte("storage " + id + " " + upload.SHA256))
	return incoming.Compose(incoming.Draft{
		Account: r.account, ID: id, Document: put.call.Document(), Modified: now, Upload: upload,
		Made: base64.RawURLEncoding.EncodeToString(made[:16]),
	}, now), nil
}

// identify returns the reported ID, or else the ID that is claimed for this audio of
// this call.
func (c *receiver) identify(r *request, put *storageRequest, sha256Hex string, now recording.Seconds) (string, error) {
	if id, err := put.call.ID(); id != "" || err != nil {
		return id, err
	}
	call := cmp.Or(put.call["call_id"], r.target.name)
	start, _ := put.call.Start()
	return incoming.ClaimCall(r.Context(), c.store, r.account, call, sha256Hex, start, now)
}

// keep stores the document and the audio, unless an earlier attempt already stored
// them. If a request dies partway, or the stored audio is lost, a retry finishes the
// job. own is true if this request, or an earlier attempt, created the recording.
func (c *receiver) keep(ctx context.Context, rec *recording.Recording, put *storageRequest) (kept *recording.Recording, own bool, err error) {
	own = true
	upload := rec.Upload
	err = incoming.Put(ctx, c.store, rec)
	if errors.Is(err, store.ErrExists) {
		rec, own, err = c.attach(ctx, rec, put.call)
	}
	if err != nil {
		return nil, false, fmt.Errorf("store the document of a storage request: %w", err)
	}
	if err := storeAudio(ctx, c.Audio, rec, upload, put.contentType, put.audio); err != nil {
		return nil, false, err
	}
	return rec, own, nil
}

// attach reads the recording with rec's ID, and announces this audio if the recording
// has no audio. own is true if an earlier attempt of this request created the
// recording. Error: store.ErrExists if the recording has other audio.
func (c *receiver) attach(ctx context.Context, rec *recording.Recording, call recording.Call) (existing *recording.Recording, own bool, err error) {
	existing, err = existingOf(ctx, c.store, rec)
	if err != nil {
		return nil, false, err
	}
	own = existing.Made == rec.Made
	if own && !incoming.MovesKey(existing) || existing.Audio.SHA256 == rec.Upload.SHA256 {
		return existing, own, nil
	}
	existing, err = c.store.Update(ctx, rec.Account, rec.ID, func(r *recording.Recording) error {
		r.Modified = max(rec.Modified, r.Modified)
		return incoming.Await(r, rec.Upload, call.Document())
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, false, errGone
	case err != nil:
		return nil, false, fmt.Errorf("attach audio to a recording: %w", err)
	}
	existing.Kept = nil
	return existing, own, nil
}
