package api

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"callrecordings/shared/media"
)

// Delivery is the operator's choice of how audio travels.
type Delivery struct {
	// Default holds for requests that do not ask for another; "" is
	// [media.Auto].
	Default media.Delivery
	// PresignTTL is how long a presigned URL lives, up to 7 days; 0 stands
	// for five minutes.
	PresignTTL time.Duration
	// ExternalHosts are the hosts that external audio may be redirected to:
	// exact, or "*.example.com" for all below that suffix.
	ExternalHosts []string
	// MaxWait is the longest that a request for audio may wait until it
	// arrives; 0 lets none wait.
	MaxWait time.Duration
}

const defaultPresignTTL = 5 * time.Minute

// fits is the most audio that goes through the gateway in one answer, in
// bytes (contract, Document or audio): as base64 it stays below the 6 MB of a
// Lambda response.
const fits = 4_400_000

// transport is one way for bytes to travel.
type transport func(*player, http.ResponseWriter, *request, *sound) error

// deliveries is what each choice does with bytes that fit into one answer and
// with bytes that do not. Response streaming will be a row "stream" here, and
// the second column of "auto" where it is deployed.
var deliveries = map[media.Delivery]struct{ small, large transport }{
	media.Inline:   {(*player).inline, (*player).refuse},
	media.Redirect: {(*player).redirect, (*player).redirect},
	media.Auto:     {(*player).inline, (*player).redirect},
}

// deliveryNames are the keys of deliveries as an error shows them.
var deliveryNames = []string{string(media.Auto), string(media.Inline), string(media.Redirect)}

// way is the delivery that the client asks for, else the operator's. One that
// is not deployed is refused by name, rather than answered in a way that the
// client did not choose.
func (p *player) way(query url.Values) (media.Delivery, error) {
	text := query.Get("delivery")
	if text == "" || text == "undefined" || text == "null" {
		return p.Default, nil
	}
	if _, ok := deliveries[media.Delivery(text)]; !ok {
		return "", invalid("delivery", "enum", "Value not found in enumerated list of values",
			map[string]any{"target": deliveryNames, "value": text})
	}
	return media.Delivery(text), nil
}

// inline sends the bytes, at most fits of them, through the gateway.
func (p *player) inline(w http.ResponseWriter, r *request, s *sound) error {
	data, err := p.read(r, s)
	if err != nil {
		return err
	}
	s.headers(w.Header())
	status := http.StatusOK
	if s.part != nil {
		w.Header().Set("Content-Range", contentRange(*s.part, s.Size))
		status = http.StatusPartialContent
	}
	w.WriteHeader(status)
	_, err = w.Write(data)
	return err
}

// read fetches the wanted bytes of the very object that was looked at.
func (p *player) read(r *request, s *sound) ([]byte, error) {
	if s.length() == 0 {
		return nil, nil
	}
	body, _, err := p.media.Open(r.Context(), s.key, s.ETag, s.part)
	if err != nil {
		return nil, fmt.Errorf("open audio: %w", err)
	}
	defer body.Close() //nolint:errcheck // it was read to its end, or the read has failed
	data := make([]byte, s.length())
	if _, err := io.ReadFull(body, data); err != nil {
		return nil, fmt.Errorf("%w: read audio: %w", media.ErrUnavailable, err)
	}
	return data, nil
}

// redirect sends the client to the object store, where it finds the same
// bytes under the same headers and may ask for the same range.
func (p *player) redirect(w http.ResponseWriter, r *request, s *sound) error {
	location, err := p.media.Presign(r.Context(), s.key, media.Grant{
		ContentType:  s.ContentType,
		Disposition:  s.disposition,
		CacheControl: audioCache,
		TTL:          p.PresignTTL,
	})
	if err != nil {
		return fmt.Errorf("presign audio: %w", err)
	}
	return r.found(w, location)
}

// refuse answers that the bytes do not fit, and what would help.
func (p *player) refuse(_ http.ResponseWriter, _ *request, s *sound) error {
	return tooLarge(fmt.Sprintf("%d bytes do not fit into one answer of at most %d: ask for a smaller Range, "+
		"or for delivery=redirect or delivery=auto", s.length(), fits))
}

// found redirects to location, this once. The body is the envelope, for
// clients that do not follow.
func (r *request) found(w http.ResponseWriter, location string) error {
	w.Header().Set("Location", location)
	w.Header().Set("Cache-Control", "no-store")
	withBuffer(func(buf []byte) []byte {
		buf = append(appendOpening(buf), `{}`...)
		return r.writeJSON(w, http.StatusFound, r.appendClosing(buf, extras{}))
	})
	return nil
}
