package api

import (
	"fmt"
	"net/http"

	"callrecordings/shared/auth"
	"callrecordings/shared/media"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// player answers GET and HEAD of one recording.
type player struct {
	store store.Reader
	media media.Reader
	Delivery
}

// Get answers GET and HEAD of one recording: its document or its audio
// (contract, Document or audio).
func Get(env Env, s store.Reader, m media.Reader, d Delivery) http.Handler {
	if d.Default == "" {
		d.Default = media.Auto
	}
	if d.PresignTTL == 0 {
		d.PresignTTL = defaultPresignTTL
	}
	p := &player{store: s, media: m, Delivery: d}
	return env.handle(OpGet, p.serve)
}

// serve refuses what cannot be given whatever the recording is, reads it, and
// only then knows whether its audio has the type that was asked for: a 406
// for that alone comes after a 404 for the recording.
func (p *player) serve(w http.ResponseWriter, r *request) error {
	query := r.URL.Query()
	want := wishOf(query.Get("accept"), r.Header.Values("Accept"))
	chosen, err := r.choose(want, offerAnyAudio)
	if err != nil {
		return err
	}
	way, err := p.way(query)
	if err != nil && chosen == formAudio {
		return err
	}
	rec, err := p.load(r)
	if err != nil {
		return err
	}
	if chosen, err = r.choose(want, offerAudio(audioType("", rec))); err != nil {
		return err
	}
	if chosen == formAudio {
		return p.audio(w, r, rec, way)
	}
	return p.document(w, r, rec)
}

// choose picks the document or the audio, if the client takes either and the
// bearer may have it.
func (r *request) choose(want wish, audio offer) (form, error) {
	chosen, ok := want.choose(offerDocument, audio)
	action := auth.Read
	if chosen == formAudio {
		action = auth.Play
	}
	switch {
	case !ok:
		return 0, errNotAcceptable
	case !r.bearer.May(action):
		return 0, errForbidden
	}
	return chosen, nil
}

// load reads the recording of the path.
func (p *player) load(r *request) (*recording.Recording, error) {
	id, err := recording.ParseID(r.id)
	if err != nil {
		return nil, err
	}
	rec, err := p.store.Get(r.Context(), r.account, id)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return rec, r.reaches(rec)
}

// document answers with the metadata of rec.
func (p *player) document(w http.ResponseWriter, r *request, rec *recording.Recording) error {
	v := validators{etag: revisionTag(rec)}
	w.Header().Set("ETag", v.etag)
	switch v.judge(r.Header) {
	case failed:
		return errPreconditionFailed
	case notModified:
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return r.writeDocument(w, rec, false)
}

// revisionTag is the ETag of rec's document.
func revisionTag(rec *recording.Recording) string { return `"` + rec.Revision + `"` }

// reaches refuses a recording that is not the one of the path's user, as if
// it did not exist.
func (r *request) reaches(rec *recording.Recording) error {
	if r.user != "" && rec.Owner != r.user {
		return fmt.Errorf("%w: it is another user's", store.ErrNotFound)
	}
	return nil
}
