package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// stallTime is how long audio and files may stop arriving before the request is given up.
const stallTime = 30 * time.Second

// ErrStalled means that audio, or a file of a job, has stopped arriving.
var ErrStalled = errors.New("the data stopped arriving")

// AudioRequest asks for the audio of a recording.
type AudioRequest struct {
	// ID of the recording.
	ID string
	// From is the first byte, Bytes the number of bytes; 0 for all that follow.
	From, Bytes int64
	// ETag identifies the audio that the bytes before From belong to; "" for any audio.
	// If the recording has other audio now, that audio comes from its beginning.
	ETag string
	// Redirect asks for a redirect to the bucket.
	Redirect bool
}

// Audio is an answer with audio. The caller closes Body.
type Audio struct {
	Body io.ReadCloser
	// From is the position of the first byte, Total the length of the whole audio, -1 if
	// unknown.
	From, Total int64
	// Type is the media type, without parameters. ETag is "" if the answer has none.
	Type, ETag string
	// Host is the host that sent the audio. Redirected is true if the API redirected to
	// it; an API and its bucket may share a host.
	Host       string
	Redirected bool
}

// Audio opens the audio of a recording.
func (c *Client) Audio(ctx context.Context, r AudioRequest) (*Audio, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	header := http.Header{"Accept": {"audio/*"}}
	switch {
	case r.Bytes > 0:
		header.Set("Range", fmt.Sprintf("bytes=%d-%d", r.From, r.From+r.Bytes-1))
	case r.From > 0:
		header.Set("Range", fmt.Sprintf("bytes=%d-", r.From))
	}
	if r.ETag != "" {
		header.Set("If-Range", r.ETag)
	}
	query := url.Values{}
	if r.Redirect {
		query.Set("delivery", "redirect")
	}
	resp, _, err := c.send(ctx, request{method: http.MethodGet, path: c.recordings(r.ID), query: query, header: header}) //nolint:bodyclose // Audio.Body closes it
	if err != nil {
		cancel(nil)
		return nil, err
	}
	a := &Audio{
		Body: newStalling(resp.Body, cancel, stallTime), Total: resp.ContentLength, ETag: resp.Header.Get("ETag"),
		Host: resp.Request.URL.Host, Redirected: c.leaves(resp.Request.URL),
	}
	a.Type, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode == http.StatusPartialContent {
		if a.From, a.Total, err = parseContentRange(resp.Header.Get("Content-Range")); err != nil {
			_ = a.Body.Close()
			return nil, err
		}
	}
	if !strings.HasPrefix(a.Type, "audio/") {
		_ = a.Body.Close()
		return nil, fmt.Errorf("%s sends %s instead of audio", a.Host, a.Type)
	}
	return a, nil
}

// leaves reports whether u is outside the API. A redirect within it, such as that of a
// proxy from HTTP to HTTPS, does not lead to the bucket.
func (c *Client) leaves(u *url.URL) bool {
	return u.Host != c.base.Host || !strings.HasPrefix(u.Path, c.base.Path+"/v2/")
}

// parseContentRange returns the first byte and the total of a Content-Range; total is
// -1 if it is unknown.
func parseContentRange(s string) (from, total int64, err error) {
	bounds, size, ok := strings.Cut(strings.TrimPrefix(s, "bytes "), "/")
	first, _, dash := strings.Cut(bounds, "-")
	from, err = strconv.ParseInt(first, 10, 64)
	if !ok || !dash || err != nil {
		return 0, 0, fmt.Errorf("the answer has an invalid Content-Range %q", s)
	}
	if size == "*" {
		return from, -1, nil
	}
	if total, err = strconv.ParseInt(size, 10, 64); err != nil {
		return 0, 0, fmt.Errorf("the answer has an invalid Content-Range %q", s)
	}
	return from, total, nil
}

// stalling is a body that is given up when no bytes arrive for a while. The whole of
// it may take any time.
type stalling struct {
	io.ReadCloser
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	most    time.Duration
	stalled atomic.Bool
}

func newStalling(body io.ReadCloser, cancel context.CancelCauseFunc, most time.Duration) *stalling {
	s := &stalling{ReadCloser: body, cancel: cancel, most: most}
	s.timer = time.AfterFunc(most, func() {
		s.stalled.Store(true)
		cancel(ErrStalled)
	})
	return s
}

// Read reads from the body.
func (s *stalling) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	s.timer.Reset(s.most)
	if err != nil && err != io.EOF && s.stalled.Load() { //nolint:errorlint // a body returns io.EOF itself
		err = fmt.Errorf("%w for %s", ErrStalled, s.most)
	}
	return n, err
}

// Close closes the body.
func (s *stalling) Close() error {
	s.timer.Stop()
	err := s.ReadCloser.Close()
	s.cancel(nil)
	return err
}
