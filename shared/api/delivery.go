package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/callrecordings/api/shared/httpfield"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
)

// Delivery configures how audio reaches clients.
type Delivery struct {
	// Default applies to requests that choose no delivery; "" means
	// [media.Auto].
	Default media.Delivery
	// PresignTTL is the shortest lifetime of a presigned URL, up to 7 days; 0 means
	// five minutes. Long audio needs a longer lifetime; see [Delivery.lifetime].
	PresignTTL time.Duration
	// ExternalHosts are the hosts that external audio may be redirected to: a
	// host name, or "*.example.com" for all hosts below it.
	ExternalHosts []string
	// MaxWait is the longest time that a request may wait for pending audio; 0
	// disables waiting.
	MaxWait time.Duration
	// Places are for the requests that wait. They may be nil if MaxWait is 0, and for
	// [Share], whose requests never wait.
	Places Places
	// StreamLimit is the length in bytes of the longest audio that the gateway streams; 0
	// means that it does not stream. Where it streams, [media.Auto] streams audio that does
	// not fit into one answer.
	StreamLimit int64
	// Streams are places for the streams of audio that does not fit into one answer. They are
	// nil where the gateway limits the streams itself, as the local server does.
	Streams Places
}

const defaultPresignTTL = 5 * time.Minute

// transport sends audio in one way.
type transport func(*getter, http.ResponseWriter, *request, *requestedAudio) error

// transports has two transports for each delivery: one for audio that fits into one
// answer, and one for larger audio. The last row counts only where the gateway streams.
// The table is not a map, because every function would have to fill that, and link the
// code that it names.
var transports = []transportPair{
	{media.Auto, (*getter).inline, (*getter).large},
	{media.Inline, (*getter).inline, (*getter).rejectLarge},
	{media.Redirect, (*getter).redirect, (*getter).redirect},
	{media.Stream, (*getter).stream, (*getter).stream},
}

// transportPair is a row of transports.
type transportPair struct {
	delivery     media.Delivery
	small, large transport
}

// transportOf returns the row of a delivery. ok is false for an unknown delivery.
func transportOf(d media.Delivery) (t transportPair, ok bool) {
	for _, t := range transports {
		if t.delivery == d {
			return t, true
		}
	}
	return transportPair{}, false
}

// deliveryNames are the deliveries of transports. An error message lists them.
var deliveryNames = []string{string(media.Auto), string(media.Inline), string(media.Redirect), string(media.Stream)}

// deliveries returns the names of the deliveries that clients may ask for.
func (g *getter) deliveries() []string {
	if g.StreamLimit == 0 {
		return deliveryNames[:len(deliveryNames)-1]
	}
	return deliveryNames
}

// maxListening limits the lifetime that is derived from the audio's duration. A
// function signs with the session of its role, and the session may end soon after
// (docs/reference/cost.md).
const maxListening = time.Hour

// lifetime returns the lifetime of a presigned URL. Players request ranges of the same
// URL while a person listens and pauses, and stall for good once the URL has expired.
// So the lifetime is twice the duration of the audio plus ten minutes, but at most
// maxListening, and never less than PresignTTL. If the duration is unknown (0), the
// audio may be long, so the lifetime is maxListening.
func (d Delivery) lifetime(duration time.Duration) time.Duration {
	listening := maxListening
	if duration > 0 {
		listening = min(2*duration+10*time.Minute, maxListening)
	}
	return max(d.PresignTTL, listening)
}

// lifetime returns the lifetime of a presigned URL, which must not outlive the link that
// leads to it, nor the recording, which ends at expires; 0 is never.
func (r *request) lifetime(wanted time.Duration, expires recording.Seconds) time.Duration {
	if r.terms != nil {
		wanted = min(wanted, r.terms.until.Sub(r.env.Now()))
	}
	if expires != 0 {
		wanted = min(wanted, expires.Time().Sub(r.env.Now()))
	}
	return max(wanted, time.Second)
}

// deliveryOf returns the delivery that the client asks for, or the default. An unknown
// delivery is an error, so that a client never gets a delivery that it did not choose.
// A client with an Authorization header is redirected only if the audio does not fit
// into one answer: many clients send the header on to S3, and S3 rejects a request with
// both a presigned URL and an Authorization header.
func (g *getter) deliveryOf(r *request, query url.Values) (media.Delivery, error) {
	text := query.Get("delivery")
	if recording.IsAbsent(text) {
		if g.Default == media.Redirect && r.Header.Get("Authorization") != "" {
			return media.Auto, nil
		}
		return g.Default, nil
	}
	if names := g.deliveries(); !slices.Contains(names, text) {
		return "", invalid("delivery", "enum", "Value not found in enumerated list of values",
			map[string]any{"target": names, "value": text})
	}
	return media.Delivery(text), nil
}

// inline sends the bytes through the gateway.
func (g *getter) inline(w http.ResponseWriter, r *request, a *requestedAudio) error {
	if err := reserve(w, a.length()); err != nil {
		return err
	}
	data, err := g.read(w, r, a)
	if err != nil {
		return err
	}
	return a.send(w, data)
}

// direct answers with inline audio from a single GET. The size in the recording, which
// ingest has verified, decides in advance that the audio fits, and which bytes a Range
// selects. done is false if the object must be examined first, as with a condition: most
// conditions end in a 304, which needs no bytes. Then direct has written nothing.
func (g *getter) direct(w http.ResponseWriter, r *request, rec *recording.Recording, d media.Delivery) (done bool, err error) {
	size := rec.Audio.Size
	if d == media.Redirect || d == media.Stream || r.Method != http.MethodGet || size == 0 || httpfield.HasConditions(r.Header) {
		return false, nil
	}
	part, ok := partOf(r, size)
	want := requestedAudio{Object: media.Object{Size: size}, part: part}
	if !ok || want.length() > gatewayLimit {
		return false, nil
	}
	if err := reserve(w, want.length()); err != nil {
		return true, err
	}
	body, object, err := g.media.Open(r.Context(), rec.AudioKey(), "", (*media.Part)(part))
	if errors.Is(err, media.ErrChanged) { // the object does not have these bytes
		return false, nil
	}
	if err != nil {
		return true, fmt.Errorf("open audio: %w", err)
	}
	defer body.Close() //nolint:errcheck // the bytes are read, or not wanted
	a, err := describe(r, rec, object)
	if err != nil {
		return true, err
	}
	v := httpfield.Validators{ETag: object.ETag, Modified: object.Modified}
	if a.part = part; part != nil && !v.AllowsRange(r.Header) {
		return false, nil // the client needs all bytes
	}
	data, err := a.readFrom(w, body)
	if err != nil {
		return true, err
	}
	return true, a.send(w, data)
}

// partOf returns the part of audio of that size that the request asks for, nil for all
// of it. ok is false if the audio does not have the part.
func partOf(r *request, size int64) (part *httpfield.ByteRange, ok bool) {
	ranges := r.Header.Values("Range")
	if len(ranges) != 1 {
		return nil, true
	}
	switch p, extent := httpfield.ParseRange(ranges[0], size); extent {
	case httpfield.Unsatisfiable:
		return nil, false
	case httpfield.Partial:
		return &p, true
	}
	return nil, true
}

// send answers with data, the requested bytes.
func (a *requestedAudio) send(w http.ResponseWriter, data []byte) error {
	a.begin(w)
	return writeOwned(w, data)
}

// begin sends the status and the headers of an answer with audio.
func (a *requestedAudio) begin(w http.ResponseWriter) {
	a.headers(w.Header())
	status := http.StatusOK
	if a.part != nil {
		w.Header().Set("Content-Range", a.part.ContentRange(a.Size))
		status = http.StatusPartialContent
	}
	w.WriteHeader(status)
}

// read reads the requested bytes. It returns media.ErrChanged if the object was
// replaced after the stat.
func (g *getter) read(w http.ResponseWriter, r *request, a *requestedAudio) ([]byte, error) {
	if a.length() == 0 {
		return nil, nil
	}
	body, _, err := g.media.Open(r.Context(), a.key, a.ETag, (*media.Part)(a.part))
	if err != nil {
		return nil, fmt.Errorf("open audio: %w", err)
	}
	defer body.Close() //nolint:errcheck // it was read to its end, or the read has failed
	return a.readFrom(w, body)
}

// readFrom reads the requested bytes from body.
func (a *requestedAudio) readFrom(w http.ResponseWriter, body io.Reader) ([]byte, error) {
	data := room(w, a.length())
	if _, err := io.ReadFull(body, data); err != nil {
		return nil, fmt.Errorf("%w: read audio: %w", media.ErrUnavailable, err)
	}
	return data, nil
}

// redirect sends the client to the object store. The presigned URL answers with
// the same bytes and headers and supports the same ranges.
func (g *getter) redirect(w http.ResponseWriter, r *request, a *requestedAudio) error {
	location, err := g.media.Presign(r.Context(), a.key, media.Grant{
		ContentType:  a.ContentType,
		Disposition:  a.disposition,
		CacheControl: a.cache,
		TTL:          r.lifetime(g.lifetime(a.duration), a.expires),
	})
	if err != nil {
		return fmt.Errorf("presign audio: %w", err)
	}
	return r.redirectTo(w, location)
}

// rejectLarge returns a 413 that names the alternatives.
func (g *getter) rejectLarge(_ http.ResponseWriter, _ *request, a *requestedAudio) error {
	others := "delivery=redirect or delivery=auto"
	if a.length() <= g.StreamLimit {
		others = "delivery=stream, " + others
	}
	return tooLarge(fmt.Sprintf("%d bytes do not fit into one answer of at most %d: ask for a smaller Range, "+
		"or for %s", a.length(), gatewayLimit, others))
}

// redirectTo answers 302. The body is an envelope, for clients that do not
// follow redirects.
func (r *request) redirectTo(w http.ResponseWriter, location string) error {
	w.Header().Set("Location", location)
	w.Header().Set("Cache-Control", "no-store")
	withBuffer(func(buf []byte) []byte {
		buf = append(appendOpening(buf), `{}`...)
		return r.writeJSON(w, http.StatusFound, r.appendClosing(buf, extras{}))
	})
	return nil
}
