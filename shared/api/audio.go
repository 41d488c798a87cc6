package api

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"callrecordings/shared/media"
	"callrecordings/shared/recording"
)

// audioCache lets the client alone keep audio, and ask before it plays it
// again: deleted recordings must stop to sound.
const audioCache = "private, no-cache"

// sound is the audio of one recording as one request wants it.
type sound struct {
	media.Object
	key         string
	disposition string
	part        *media.Part // nil for the whole
}

// length of what is to be sent.
func (s *sound) length() int64 {
	if s.part != nil {
		return s.part.Length
	}
	return s.Size
}

// audio answers with the audio of rec, wherever it is.
func (p *player) audio(w http.ResponseWriter, r *request, rec *recording.Recording, way media.Delivery) error {
	rec, err := p.await(w, r, rec)
	if err != nil {
		return err
	}
	switch rec.Audio.Place {
	case recording.External:
		return p.external(w, r, rec)
	case recording.Managed:
	default:
		return notServed(rec)
	}
	err = p.managed(w, r, rec, way)
	if errors.Is(err, media.ErrChanged) {
		err = p.managed(w, r, rec, way) // replaced between the look and the read
	}
	if errors.Is(err, media.ErrNotFound) {
		return badIdentifier(rec.ID, "the audio of this recording is not in the store (yet)")
	}
	return err
}

// managed answers with audio in this service's bucket. It writes nothing
// before it has the bytes, so that it can be called again.
func (p *player) managed(w http.ResponseWriter, r *request, rec *recording.Recording, way media.Delivery) error {
	key := rec.AudioKey()
	object, err := p.media.Stat(r.Context(), key)
	if err != nil {
		return fmt.Errorf("look at audio: %w", err)
	}
	object.ContentType = audioType(object.ContentType, rec)
	s := &sound{Object: object, key: key, disposition: dispositionOf(r, rec, object.ContentType)}
	v := validators{etag: object.ETag, modified: object.Modified}
	switch v.judge(r.Header) {
	case failed:
		return errPreconditionFailed
	case notModified:
		s.validatorHeaders(w.Header())
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if r.Method == http.MethodHead { // to which Range means nothing (RFC 9110, 14.2)
		s.headers(w.Header())
		w.WriteHeader(http.StatusOK)
		return nil
	}
	if ranges := r.Header.Values("Range"); len(ranges) == 1 && v.resumes(r.Header) {
		switch part, extent := parseRange(ranges[0], object.Size); extent {
		case extentBeyond:
			return rangeNotSatisfiable(object.Size)
		case extentPart:
			s.part = &part
		}
	}
	d := deliveries[way]
	if s.length() > fits {
		return d.large(p, w, r, s)
	}
	return d.small(p, w, r, s)
}

// external answers with audio that somebody else keeps. It is never fetched,
// so a HEAD tells what the metadata knows.
func (p *player) external(w http.ResponseWriter, r *request, rec *recording.Recording) error {
	address, _ := rec.Document.Text("url")
	location, ok := externalURL(address, p.ExternalHosts)
	if !ok {
		return badIdentifier(rec.ID, "the audio of this recording is kept at a place that this service may not redirect to")
	}
	if r.Method != http.MethodHead {
		return r.found(w, location)
	}
	h := w.Header()
	h.Set("Content-Type", audioType("", rec))
	h.Set("Cache-Control", "no-store")
	if rec.Audio.Size > 0 {
		h.Set("Content-Length", strconv.FormatInt(rec.Audio.Size, 10))
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// headers sets what an answer with bytes has.
func (s *sound) headers(h http.Header) {
	s.validatorHeaders(h)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Disposition", s.disposition)
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.FormatInt(s.length(), 10))
}

// validatorHeaders sets what a 304 has, too. The type is among it because API
// Gateway gives application/json to an answer without one, and a cache takes
// that over (docs/gateway.md).
func (s *sound) validatorHeaders(h http.Header) {
	h.Set("Content-Type", s.ContentType)
	h.Set("Cache-Control", audioCache)
	if s.ETag != "" {
		h.Set("ETag", s.ETag)
	}
	if !s.Modified.IsZero() {
		h.Set("Last-Modified", s.Modified.UTC().Format(http.TimeFormat))
	}
}

// dispositionOf names the file; only the very word true asks for inline, as
// in Kazoo.
func dispositionOf(r *request, rec *recording.Recording, contentType string) string {
	name, _ := rec.Document.Text("name")
	return disposition(r.URL.Query().Get("inline") == "true", fileName(name, rec.ID, contentType))
}

// audioType is the type that rec's audio is sent with: the metadata's, which
// what was uploaded has been looked at for, else the stored object's, else the
// document's, whichever first is one of audio;
// else audio/mpeg, so that no upload can make a browser run it.
func audioType(stored string, rec *recording.Recording) string {
	documented, _ := rec.Document.Text("content_type")
	for _, text := range []string{rec.Audio.ContentType, stored, documented} {
		kind, params, err := mime.ParseMediaType(text)
		if err != nil {
			continue
		}
		if !strings.HasPrefix(kind, "audio/") { // a container, perhaps: video/mp4
			kind = recording.AudioName(kind)
		}
		if kind == "" {
			continue
		}
		if codecs, ok := params["codecs"]; ok {
			if full := mime.FormatMediaType(kind, map[string]string{"codecs": codecs}); full != "" {
				return full
			}
		}
		return kind
	}
	return recording.AudioMPEG
}
