package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"callrecordings/shared/auth"
	"callrecordings/shared/media"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// ReceiveStore is what Receive needs of a driver; see package store.
type ReceiveStore interface {
	CreateStore
	store.SecretReader
}

// ReceiveAudio is where audio goes, and where the file with which Kazoo tests
// its setting is read back.
type ReceiveAudio interface {
	media.Reader
	PutNew(ctx context.Context, key, contentType string, body []byte) error
}

// Inlet is how audio comes in.
type Inlet struct {
	// Audio takes it.
	Audio ReceiveAudio
	// MaxBytes is the most audio of one recording.
	MaxBytes int64
	// Names reads what the name of a file tells of the call; false for nothing
	// (namepattern.Set's Call, which would cost all functions their start here).
	Names func(name string) (recording.Call, bool)
}

// receiver answers what PBXs put into the storage of an account.
type receiver struct {
	Inlet
	env   *Env
	store ReceiveStore
}

// Receive takes recordings as Kazoo's HTTP storage puts them (contract,
// Storage): with a secret in the path instead of a token, and what there is to
// know of the call in the name, the query and the body. An answer of 2xx means
// that document and audio are stored; the same request again makes nothing anew.
func Receive(env Env, s ReceiveStore, in Inlet) http.Handler {
	c := &receiver{Inlet: in, env: &env, store: s}
	return env.handleFor(OpReceive, c.authenticate, c.serve)
}

// authenticate checks the secret. Whatever is wrong with it, or with the
// account, takes the same way.
func (c *receiver) authenticate(ctx context.Context, r *request) error {
	var kept store.Secret
	if id, ok := auth.StorageSecretID(r.target.secret); ok && auth.ValidName(r.account) {
		var err error
		kept, err = c.store.Secret(ctx, r.account, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("look for a secret: %w", err)
		}
	}
	if !auth.IsStorageSecret(r.target.secret, kept.Sum) {
		return auth.ErrInvalid
	}
	r.entry.Account = r.account
	return nil
}

func (c *receiver) serve(w http.ResponseWriter, r *request) error {
	if key, ok := recording.ProbeKey(r.account, r.target.name); ok {
		return c.probe(w, r, key)
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return errNotFound // a secret writes, and reads nothing
	}
	put, err := c.read(r)
	if err != nil {
		return err
	}
	rec, err := c.compose(r, put)
	if err != nil {
		return err
	}
	if rec, err = c.keep(r.Context(), rec, put); err != nil {
		return err
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

// compose makes the recording of what was put.
func (c *receiver) compose(r *request, put *parcel) (*recording.Recording, error) {
	now := recording.SecondsOf(c.env.Now())
	sum := sha256.Sum256(put.audio)
	upload := recording.Upload{Size: int64(len(put.audio)), SHA256: hex.EncodeToString(sum[:])}
	id, err := c.identify(r, put, upload.SHA256, now)
	if err != nil {
		return nil, err
	}
	document := put.call.Document()
	created := now
	if start, known := put.call.Start(); known {
		length, _ := document.Int("duration")
		created = min(now, start+recording.Seconds(length))
	}
	made := sha256.Sum256([]byte("storage " + id + " " + upload.SHA256))
	return &recording.Recording{
		Account: r.account, ID: id, Owner: put.call.Owner(), Created: created, Modified: now, Upload: upload,
		Made: base64.RawURLEncoding.EncodeToString(made[:16]), Document: recording.Complete(document, id, created),
	}, nil
}

// identify is the recording's id: the one that was told, else one that stands
// for this audio of this call, so that a repeat finds it, in another month too.
func (c *receiver) identify(r *request, put *parcel, audio string, now recording.Seconds) (string, error) {
	if id, err := put.call.ID(); id != "" || err != nil {
		return id, err
	}
	call := put.call["call_id"]
	if call == "" {
		call = r.target.name
	}
	sum := sha256.Sum256([]byte(call + "\x00" + audio))
	name := hex.EncodeToString(sum[:16])
	at := now
	if start, known := put.call.Start(); known {
		at = start
	}
	claim, err := c.store.Claim(r.Context(), r.account, "storage/"+name, store.Claim{ID: at.Time().Format("200601") + "-" + name, Made: audio})
	if err != nil {
		return "", fmt.Errorf("settle the id of what was put: %w", err)
	}
	return claim.ID, nil
}

// keep stores document and audio, or finds them. Whoever died on the way is
// followed by a repeat that does the rest.
func (c *receiver) keep(ctx context.Context, rec *recording.Recording, put *parcel) (*recording.Recording, error) {
	err := c.store.Put(ctx, rec)
	own := true
	if errors.Is(err, store.ErrExists) {
		rec, own, err = c.supply(ctx, rec)
	}
	if err != nil {
		return nil, fmt.Errorf("store what was put: %w", err)
	}
	if rec.Audio.Place != recording.Nowhere {
		return rec, nil
	}
	err = c.Audio.PutNew(ctx, rec.AudioKey(), put.contentType, put.audio)
	if err != nil && (!own || !errors.Is(err, media.ErrOccupied)) { // its own, by the same request before
		return nil, fmt.Errorf("store the audio: %w", err)
	}
	return rec, nil
}

// supply finds the recording of that id, and lets it wait for this audio if it
// has none. own reports whether a request like this one made it. Another with
// audio is store.ErrExists.
func (c *receiver) supply(ctx context.Context, rec *recording.Recording) (found *recording.Recording, own bool, err error) {
	found, err = c.store.Get(ctx, rec.Account, rec.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, false, fmt.Errorf("%w: meanwhile", store.ErrDeleted)
	case err != nil:
		return nil, false, fmt.Errorf("look at what is there: %w", err)
	case found.Made == rec.Made, found.Audio.SHA256 == rec.Upload.SHA256:
		return found, true, nil
	}
	found, err = c.store.Update(ctx, rec.Account, rec.ID, func(there *recording.Recording) error {
		if there.Audio.Place != recording.Nowhere || !there.Upload.Admits(rec.Upload) {
			return store.ErrExists
		}
		there.Document = there.Document.Under(rec.Document)
		there.Owner, _ = there.Document.Text("owner_id")
		there.Audio, there.Upload, there.Modified = recording.Audio{}, rec.Upload, max(rec.Modified, there.Modified)
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("give a recording its audio: %w", err)
	}
	return found, false, nil
}
