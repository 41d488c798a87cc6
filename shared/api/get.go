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
	chosen, ok := want.choose(offerDocument, offerAnyAudio)
	if !ok {
		return errNotAcceptable
	}
	way, err := p.way(query)
	if err != nil && chosen == formAudio {
		return err
	}
	id, err := recording.ParseID(r.id)
	if err != nil {
		return badIdentifier(r.id, "")
	}
	rec, err := p.store.Get(r.Context(), r.account, id)
	if err == nil {
		err = r.reaches(rec)
	}
	if err != nil {
		return err
	}
	if chosen, ok = want.choose(offerDocument, offerAudio(audioType("", rec))); !ok {
		return errNotAcceptable
	}
	if chosen == formDocument {
		return p.document(w, r, rec)
	}
	if !r.bearer.May(auth.Play) {
		return errForbidden
	}
	return p.audio(w, r, rec, way)
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
		return fmt.Errorf("%w: it is not of user %s", store.ErrNotFound, r.user)
	}
	return nil
}
