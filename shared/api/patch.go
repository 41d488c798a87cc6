package api

import (
	"net/http"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Patch answers PATCH of one recording: it merges the body's user_metadata into
// the document (contract, Patch).
func Patch(env Env, s store.Writer) http.Handler {
	return env.handle(OpPatch, func(w http.ResponseWriter, r *request) error {
		id, err := r.authorizeChange(access.Tag)
		if err != nil {
			return err
		}
		body, err := jsonBody(r)
		if err != nil {
			return err
		}
		patch, err := recording.ParsePatch(body)
		if err != nil {
			return err
		}
		now := recording.SecondsOf(env.Now())
		rec, err := audited(r, access.Tag, id, func(record func() error) (*recording.Recording, error) {
			return s.Update(r.Context(), r.account, id, func(rec *recording.Recording) (err error) {
				if err := r.mayChange(rec, access.Tag); err != nil {
					return err
				}
				if rec.Document, err = patch.Apply(rec.Document); err != nil {
					return err
				}
				rec.Modified = now
				return record()
			})
		})
		if err != nil {
			return err
		}
		w.Header().Set("ETag", revisionTag(rec))
		return r.writeDocument(w, rec, false)
	})
}
