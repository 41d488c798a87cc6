package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"time"

	"callrecordings/shared/recording"
)

const (
	// wholeText is the most text, escaped, that an unpaged list may have for
	// a client that takes no gzip: the 6 MB of a Lambda response less room for
	// the headers. Compressed it may have as much as fits in base64, [fits].
	wholeText = 6_000_000
	// readSize and readBytes bound one read of an unpaged list, so that it
	// needs the same memory however long it is.
	readSize  = 1000
	readBytes = 1 << 20
	// flushBytes is how much text is collected before it is compressed.
	flushBytes = 64 << 10
	// answerReserve is the time that is left for the answer when reading ends.
	answerReserve = 3 * time.Second
)

// whole answers with everything in the range, or 416 when that does not fit
// into one answer or cannot be read in time.
func (l *lister) whole(w http.ResponseWriter, r *request, q listQuery, chosen form, query parameters) error {
	if chosen == formCSV {
		t := newTable(tableBytes)
		err := l.each(r, q, func(rec *recording.Recording) error {
			if !t.add(rec) {
				return errTooMuch
			}
			return nil
		})
		if err != nil {
			return err
		}
		return r.writeTable(w, t, query)
	}
	body := &sink{zip: r.acceptsGzip()}
	defer body.release()
	items := newItems(nil, r.pretty(), 0)
	err := l.each(r, q, func(rec *recording.Recording) error {
		items.add(rec)
		if len(items.buf) < flushBytes {
			return nil
		}
		err := body.write(items.buf)
		items.buf = items.buf[:0]
		return err
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", jsonType)
	return body.send(w, items.close(r, nil))
}

// each reads the range of q, page by page.
func (l *lister) each(r *request, q listQuery, do func(*recording.Recording) error) error {
	if q.from > q.to { // created_from alone, and in the future
		return nil
	}
	ask := q.ask(r)
	ask.Limit, ask.MaxBytes = readSize, readBytes
	for {
		page, err := l.store.Page(r.Context(), ask)
		if err != nil {
			return err
		}
		for i := range page.Recordings {
			if err := do(&page.Recordings[i]); err != nil {
				return err
			}
		}
		if page.Next == nil {
			return nil
		}
		if hurried(r.Context()) {
			return errTooMuch
		}
		ask.Start = *page.Next
	}
}

// hurried reports whether there is no time for another read.
func hurried(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < answerReserve
}

// sink collects the body of an unpaged list and refuses what does not fit.
type sink struct {
	zip  bool
	out  bytes.Buffer
	text int // bytes of uncompressed, escaped text
	z    *gzip.Writer
}

// write adds text to the body.
func (s *sink) write(text []byte) error {
	if !s.zip {
		s.text += recording.EscapedLen(text)
		if s.text > wholeText {
			return errTooMuch
		}
		s.out.Write(text)
		return nil
	}
	if s.z == nil {
		s.z = newZipper(&s.out)
	}
	if _, err := s.z.Write(text); err != nil {
		return err
	}
	return s.fit()
}

// fit reports whether what was compressed so far can be answered.
func (s *sink) fit() error {
	if s.out.Len() > fits {
		return errTooMuch
	}
	return nil
}

// send adds the last text and answers.
func (s *sink) send(w http.ResponseWriter, last []byte) error {
	if s.z == nil && s.out.Len() == 0 { // it is small
		s.zip = s.zip && len(last) > minCompressed
	}
	if err := s.write(last); err != nil {
		return err
	}
	if s.zip {
		if err := s.z.Close(); err != nil {
			return err
		}
		if err := s.fit(); err != nil {
			return err
		}
		w.Header().Set("Content-Encoding", "gzip")
	}
	writeBytes(w, http.StatusOK, s.out.Bytes())
	return nil
}

// release gives the compressor back.
func (s *sink) release() {
	if s.z != nil {
		zippers.Put(s.z)
	}
}
