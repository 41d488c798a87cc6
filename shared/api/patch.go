package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"callrecordings/shared/auth"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// maxBody is the longest body of a PATCH, in bytes (contract, Patch).
const maxBody = 64 << 10

// Patch answers PATCH of one recording: what the body's user_metadata says is
// merged into that of the document (contract, Patch).
func Patch(env Env, s store.Writer) http.Handler {
	return env.handle(OpPatch, func(w http.ResponseWriter, r *request) error {
		id, err := r.changing(auth.Change)
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
		rec, err := s.Update(r.Context(), r.account, id, func(rec *recording.Recording) error {
			if err := r.mayChange(rec); err != nil {
				return err
			}
			if rec.Document, err = patch.Apply(rec.Document); err != nil {
				return err
			}
			rec.Modified = now
			return nil
		})
		if err != nil {
			return err
		}
		w.Header().Set("ETag", revisionTag(rec))
		return r.writeDocument(w, rec, false)
	})
}

// changing checks what PATCH and DELETE have in common before anything is
// read: that the bearer may do it, that the client takes the document that
// they answer with, and the id, which it returns.
func (r *request) changing(action auth.Action) (string, error) {
	if !r.bearer.May(action) {
		return "", errForbidden
	}
	want := wishOf(r.URL.Query().Get("accept"), r.Header.Values("Accept"))
	if _, ok := want.choose(offerDocument); !ok {
		return "", errNotAcceptable
	}
	return recording.ParseID(r.id)
}

// mayChange refuses a recording of another user, and one whose revision is
// not in If-Match.
func (r *request) mayChange(rec *recording.Recording) error {
	if err := r.reaches(rec); err != nil {
		return err
	}
	if v := (validators{etag: revisionTag(rec)}); !v.mayWrite(r.Header) {
		return errPreconditionFailed
	}
	return nil
}

// jsonBody reads the body, if it says that it is JSON or does not say, and is
// not longer than maxBody, whatever Content-Length has promised.
func jsonBody(r *request) ([]byte, error) {
	if !saysJSON(r.Header.Values("Content-Type")) {
		return nil, errUnsupportedMediaType
	}
	if r.ContentLength > maxBody {
		return nil, bodyTooLarge()
	}
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, parseError("the body could not be read", err)
	case len(body) > maxBody:
		return nil, bodyTooLarge()
	}
	return body, nil
}

// saysJSON reports whether the Content-Type is application/json, any +json,
// or none.
func saysJSON(contentType []string) bool {
	if len(contentType) == 0 || len(contentType) == 1 && strings.Trim(contentType[0], " \t") == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType[0])
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) || len(contentType) > 1 {
		return false
	}
	return kind == "application/json" || strings.HasSuffix(kind, "+json") && strings.Contains(kind, "/")
}

func bodyTooLarge() error {
	return tooLarge(fmt.Sprintf("a body is at most %d bytes", maxBody))
}
