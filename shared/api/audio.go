package api

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/httpfield"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
)

// audioCache lets only the client cache audio, not a proxy. The client must
// revalidate the audio before each use, so that a deleted recording stops playing.
const audioCache = "private, no-cache"

// requestedAudio is the managed audio that a request asks for.
type requestedAudio struct {
	media.Object
	key         string
	disposition string
	cache       string               // the Cache-Control
	duration    time.Duration        // 0 if unknown
	expires     recording.Seconds    // when the recording expires; 0 for never
	part        *httpfield.ByteRange // nil for all of it
}

// length returns the number of bytes to send.
func (a *requestedAudio) length() int64 {
	if a.part != nil {
		return a.part.Length
	}
	return a.Size
}

// audio answers with the audio of rec, managed or external.
func (g *getter) audio(w http.ResponseWriter, r *request, rec *recording.Recording, d media.Delivery) error {
	switch rec.Audio.Place {
	case recording.External, recording.Managed:
		r.recordListening(rec.ID)
	default:
		return audioMissing(rec)
	}
	if rec.Audio.Place == recording.External {
		return g.external(w, r, rec)
	}
	done, err := g.direct(w, r, rec, d)
	if !done {
		err = g.managed(w, r, rec, d)
		if errors.Is(err, media.ErrChanged) {
			err = g.managed(w, r, rec, d) // the object was replaced between stat and read
		}
	}
	if errors.Is(err, media.ErrNotFound) {
		return badIdentifier(rec.ID, "the audio of this recording is not in the store (yet)")
	}
	return err
}

// managed answers with managed audio. It writes nothing until it has read the bytes,
// so that the caller can retry.
func (g *getter) managed(w http.ResponseWriter, r *request, rec *recording.Recording, d media.Delivery) error {
	key := rec.AudioKey()
	object, err := g.media.Stat(r.Context(), key)
	if err != nil {
		return fmt.Errorf("stat audio: %w", err)
	}
	a, err := describe(r, rec, object)
	if err != nil {
		return err
	}
	v := httpfield.Validators{ETag: object.ETag, Modified: object.Modified}
	switch v.Evaluate(r.Header) {
	case httpfield.PreconditionFailed:
		return errPreconditionFailed
	case httpfield.NotModified:
		a.validatorHeaders(w.Header())
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if r.Method == http.MethodHead { // Range applies to GET only (RFC 9110, 14.2)
		a.headers(w.Header())
		w.WriteHeader(http.StatusOK)
		return nil
	}
	if v.AllowsRange(r.Header) {
		part, ok := partOf(r, object.Size)
		if !ok {
			return rangeNotSatisfiable(object.Size)
		}
		a.part = part
	}
	t, _ := transportOf(d) // deliveryOf has checked it
	if a.length() > gatewayLimit {
		return t.large(g, w, r, a)
	}
	return t.small(g, w, r, a)
}

// describe returns the whole audio of rec from object, or an error if the object is damaged.
func describe(r *request, rec *recording.Recording, object media.Object) (*requestedAudio, error) {
	key := rec.AudioKey()
	if err := object.Whole(key, rec.Audio.Size); err != nil {
		r.entry.Cause = err
		return nil, err
	}
	object.ContentType = audioType(object.ContentType, rec)
	return &requestedAudio{
		Object: object, key: key, disposition: dispositionOf(r, rec, object.ContentType), cache: audioCacheOf(r),
		duration: incoming.Duration(rec.Document), expires: expiryOf(rec),
	}, nil
}

// expiryOf returns when rec expires, 0 if it is kept for good or on hold.
func expiryOf(rec *recording.Recording) recording.Seconds {
	if rec.Kept == nil || len(rec.Kept.Holds) > 0 {
		return 0
	}
	return rec.Kept.Expires
}

// external answers with external audio: GET redirects to it, HEAD answers from
// the metadata. This service never fetches external audio.
func (g *getter) external(w http.ResponseWriter, r *request, rec *recording.Recording) error {
	address, _ := rec.Document.Text("url")
	location, ok := externalURL(address, g.ExternalHosts)
	if !ok {
		return badIdentifier(rec.ID, "the audio of this recording is kept at a place that this service may not redirect to")
	}
	if r.Method != http.MethodHead {
		return r.redirectTo(w, location)
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

// headers sets the headers of an answer with audio.
func (a *requestedAudio) headers(h http.Header) {
	a.validatorHeaders(h)
	h.Set("Content-Disposition", a.disposition)
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.FormatInt(a.length(), 10))
}

// validatorHeaders sets the headers that a 304 also carries. They include Content-Type
// because API Gateway adds application/json to an answer without a type, and caches
// store that type (docs/reference/gateway.md).
func (a *requestedAudio) validatorHeaders(h http.Header) {
	h.Set("Content-Type", a.ContentType)
	h.Set("Cache-Control", a.cache)
	if a.ETag != "" {
		h.Set("ETag", a.ETag)
	}
	if !a.Modified.IsZero() {
		h.Set("Last-Modified", a.Modified.UTC().Format(http.TimeFormat))
	}
}

// dispositionOf returns the Content-Disposition of rec's audio. As in Kazoo,
// only inline=true selects inline.
func dispositionOf(r *request, rec *recording.Recording, contentType string) string {
	name, _ := rec.Document.Text("name")
	inline := r.URL.Query().Get("inline") == "true"
	if r.terms != nil { // a link gives the audio only, and a name may contain the caller
		inline, name = r.terms.Inline, ""
	}
	return httpfield.ContentDisposition(inline, audioFileName(name, rec.ID, contentType))
}

// audioCacheOf returns the Cache-Control of audio. Caches must not keep the audio of a link
// for longer than the link.
func audioCacheOf(r *request) string {
	if r.terms != nil {
		return "no-store"
	}
	return audioCache
}

// audioType returns the Content-Type of rec's audio: the first audio type among those
// of the metadata (which ingest probed), of the stored object and of the document. The
// default is audio/mpeg. The result is always an audio type, so that browsers do not
// execute uploaded content.
func audioType(stored string, rec *recording.Recording) string {
	documented, _ := rec.Document.Text("content_type")
	for _, text := range []string{rec.Audio.ContentType, stored, documented} {
		kind, params, err := mime.ParseMediaType(text)
		if err != nil {
			continue
		}
		if !strings.HasPrefix(kind, "audio/") { // a container type, such as video/mp4
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
