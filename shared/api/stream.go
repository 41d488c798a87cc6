package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/callrecordings/api/shared/media"
)

const (
	// streamBuffer is the length in bytes of the buffer of a stream. The stream holds no
	// more of the audio.
	streamBuffer = 64 << 10
	// streamResumes is how often a stream goes on with another read after one that broke
	// off.
	streamResumes = 5
	// longestStream is how long a stream may keep its place: as long as a function runs.
	longestStream = 15 * time.Minute
)

// errClientLeft means that the client stopped reading a stream. Only the log shows it.
var errClientLeft = errors.New("the client has left, or reads too slowly")

// large answers auto with audio that does not fit into one answer: with a stream, or with a
// redirect if the audio is too long for one, or if there are too many.
func (g *getter) large(w http.ResponseWriter, r *request, a *requestedAudio) error {
	if a.length() <= g.StreamLimit {
		if err := g.stream(w, r, a); !errors.Is(err, errCrowded) {
			return err
		}
	}
	return g.redirect(w, r, a)
}

// stream sends the bytes through the gateway while it reads them. It reads the first ones
// before it sends the status, so that the answer to audio that cannot be read is an error.
// Afterwards an error cuts the body short of its Content-Length.
func (g *getter) stream(w http.ResponseWriter, r *request, a *requestedAudio) error {
	if a.length() > g.StreamLimit {
		return tooLarge(fmt.Sprintf("%d bytes do not fit into one stream of at most %d: ask for a smaller Range, "+
			"or for delivery=redirect or delivery=auto", a.length(), g.StreamLimit))
	}
	release, err := g.placeFor(r, a)
	if err != nil {
		return err
	}
	defer release()
	ctx, end, err := startStream(w, r.Context())
	if err != nil {
		return err
	}
	defer end()
	from := &audioReader{ctx: ctx, media: g.media, key: a.key, etag: a.ETag, rest: media.Part{Length: a.length()}, resumes: streamResumes}
	if a.part != nil {
		from.rest.Offset = a.part.Offset
	}
	defer from.close()
	chunk := make([]byte, min(streamBuffer, max(a.length(), 1)))
	n, err := from.Read(chunk)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	a.begin(w)
	if err := from.copyTo(w, chunk, n); err != nil {
		r.entry.Cause = err
	}
	return nil
}

// placeFor takes a place for a stream of a. Audio that fits into one answer needs none: the
// other deliveries send its bytes as well, without a place. If the store fails, the stream has no
// place either: the limit must not make a request fail. Error: errCrowded, if the account
// has no place left.
func (g *getter) placeFor(r *request, a *requestedAudio) (release func(), err error) {
	release = func() {}
	if g.Streams == nil || a.length() <= gatewayLimit {
		return release, nil
	}
	taken, ok, err := g.Streams.Take(r.Context(), r.account, longestStream)
	switch {
	case err != nil:
		r.entry.Cause = fmt.Errorf("the stream is not counted: %w", err)
		return release, nil
	case !ok:
		return nil, errCrowded
	}
	return taken, nil
}

// startStream makes w a stream if its gateway can stream; any other writer is one. ctx is
// for reading the audio; it may outlast that of the request. Error: errCrowded, if there
// are too many streams.
func startStream(w http.ResponseWriter, ctx context.Context) (_ context.Context, end func(), _ error) { //nolint:revive // it is a property of the writer
	for {
		switch v := w.(type) {
		case interface {
			Stream(ctx context.Context) (context.Context, func(), error)
		}:
			ctx, end, err := v.Stream(ctx)
			if err != nil {
				return nil, nil, errCrowded
			}
			return ctx, end, nil
		case interface{ Unwrap() http.ResponseWriter }:
			w = v.Unwrap()
		default:
			return ctx, func() {}, nil
		}
	}
}

// audioReader reads a part of an object. If a read breaks off, it goes on where that
// stopped, as long as the object is the same.
type audioReader struct {
	ctx       context.Context //nolint:containedctx // Read has no parameter for it
	media     media.Reader
	key, etag string
	rest      media.Part    // still to be read
	resumes   int           // how often it may go on
	body      io.ReadCloser // nil if no read is open
	failed    error         // why it may not go on
}

// Read implements [io.Reader]. It returns an error or bytes, never both. Errors:
// io.EOF after the last byte, media.ErrNotFound, media.ErrChanged, media.ErrUnavailable.
func (a *audioReader) Read(p []byte) (int, error) {
	for a.rest.Length > 0 {
		if a.failed != nil {
			return 0, a.failed
		}
		if a.body == nil {
			part := a.rest
			body, _, err := a.media.Open(a.ctx, a.key, a.etag, &part)
			if err != nil {
				return 0, fmt.Errorf("open audio: %w", err)
			}
			a.body = body
		}
		n, err := a.body.Read(p[:min(int64(len(p)), a.rest.Length)])
		a.rest.Offset += int64(n)
		a.rest.Length -= int64(n)
		if err != nil {
			a.close()
			if !a.mayResume() {
				a.failed = fmt.Errorf("%w: read audio: %w", media.ErrUnavailable, err)
			}
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, io.EOF
}

// mayResume reports whether another read may go on, and counts it. Without an ETag, the
// rest could be that of another object.
func (a *audioReader) mayResume() bool {
	a.resumes--
	return a.resumes >= 0 && a.etag != "" && a.ctx.Err() == nil
}

// close closes the read that is open.
func (a *audioReader) close() {
	if a.body != nil {
		_ = a.body.Close() // it was read to its end, or has failed
		a.body = nil
	}
}

// copyTo writes the first n bytes of chunk and then all that follow. It returns
// errClientLeft if the client stopped reading, and else the error of the read.
func (a *audioReader) copyTo(w io.Writer, chunk []byte, n int) error {
	for n > 0 {
		if _, err := w.Write(chunk[:n]); err != nil {
			return errClientLeft
		}
		var err error
		n, err = a.Read(chunk)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && a.ctx.Err() != nil:
			return errClientLeft
		case err != nil:
			return err
		}
	}
	return nil
}
