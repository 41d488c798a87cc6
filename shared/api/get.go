package api

import (
	"fmt"
	"net/http"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/httpfield"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// getter answers GET and HEAD of one recording.
type getter struct {
	store store.Reader
	media media.Reader
	Delivery
}

// Get answers GET and HEAD of one recording with its document or its audio
// (contract, Document or audio).
func Get(env Env, s store.Reader, m media.Reader, d Delivery) http.Handler {
	return env.handle(OpGet, newGetter(s, m, d).serve)
}

// newGetter returns a getter with the defaults of d filled in.
func newGetter(s store.Reader, m media.Reader, d Delivery) *getter {
	if d.Default == "" || d.Default == media.Stream {
		// Audio that fits is read before the status is sent, so that a failure of the store
		// is an error that clients can retry.
		d.Default = media.Auto
	}
	if d.PresignTTL == 0 {
		d.PresignTTL = defaultPresignTTL
	}
	return &getter{store: s, media: m, Delivery: d}
}

// serve runs the checks that do not depend on the recording, loads the recording, waits
// for its audio if the client prefers that, and then chooses the form again, now by the
// type of the audio. A 406 that depends on that type can come only after the 404 for a
// missing recording. Without audio the type is unknown, so the answer is the 404 for
// missing audio.
func (g *getter) serve(w http.ResponseWriter, r *request) error {
	query := r.URL.Query()
	want := preferencesOf(query.Get("accept"), r.Header.Values("Accept"))
	if r.target.audio {
		// Generated clients send Accept: application/json here, for the errors.
		want = preferencesOf("audio", nil)
	}
	chosen, err := r.choose(want, offerAnyAudio())
	if err != nil {
		return err
	}
	d, err := g.deliveryOf(r, query)
	if err != nil && chosen == formAudio {
		return err
	}
	rec, err := g.load(r, actionOf(chosen))
	if err != nil {
		return err
	}
	if chosen == formAudio {
		if rec, err = g.await(w, r, rec); err != nil {
			return err
		}
	}
	if rec.Audio.Place != recording.Nowhere {
		if chosen, err = r.choose(want, offerAudio(audioType("", rec))); err != nil {
			return err
		}
		if err = r.reaches(rec, actionOf(chosen)); err != nil {
			return err
		}
	}
	if chosen == formAudio {
		return g.audio(w, r, rec, d)
	}
	return g.document(w, r, rec)
}

// choose returns the form of the answer, document or audio. Errors: 406 if the
// client accepts neither, 403 if the bearer may not read the document or may not listen to
// the audio.
func (r *request) choose(want preferences, audio offer) (form, error) {
	chosen, err := want.choose(offerDocument, audio)
	if err != nil {
		return 0, err
	}
	return chosen, r.allow(actionOf(chosen))
}

// actionOf returns the action of a request for a form of a recording.
func actionOf(chosen form) access.Action {
	if chosen == formAudio {
		return access.Listen
	}
	return access.Read
}

// load reads the recording of the path. The bearer must have the right to do a with it.
func (g *getter) load(r *request, a access.Action) (*recording.Recording, error) {
	id, err := recording.ParseID(r.id)
	if err != nil {
		return nil, err
	}
	rec, err := g.store.Get(r.Context(), r.account, id)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return rec, r.reaches(rec, a)
}

// document answers with the document of rec.
func (g *getter) document(w http.ResponseWriter, r *request, rec *recording.Recording) error {
	v := httpfield.Validators{ETag: revisionTag(rec)}
	w.Header().Set("ETag", v.ETag)
	switch v.Evaluate(r.Header) {
	case httpfield.PreconditionFailed:
		return errPreconditionFailed
	case httpfield.NotModified:
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return r.writeDocument(w, rec, false)
}
