package api

import (
	"bytes"
	"compress/gzip"
	"net/http"

	"github.com/callrecordings/api/shared/recording"
)

const (
	// wholeText is the most escaped text that a limited body may have without
	// gzip: the 6 MB of a Lambda response, less room for headers. With gzip,
	// [gatewayLimit] applies to the compressed bytes, which travel as base64.
	wholeText = 6_000_000
	// longestEscape is the length of a byte's longest escape, \u001f.
	longestEscape = 6
	// flushBytes is how much text an encoder collects before it writes it.
	flushBytes = 64 << 10
)

// listBody collects the body of a list, compressed if the client takes gzip.
type listBody struct {
	zip bool
	// A limited body returns errTooMuch once its text does not fit into one answer.
	limited bool
	out     bytes.Buffer
	text    int // bytes of escaped text in out, without gzip
	z       *gzip.Writer
}

// write adds text to the body.
func (b *listBody) write(text []byte) error {
	if !b.zip {
		if err := b.measure(text); err != nil {
			return err
		}
		b.out.Write(text)
		return nil
	}
	if b.z == nil {
		b.z = newZipper(&b.out)
	}
	if _, err := b.z.Write(text); err != nil {
		return err
	}
	return b.checkSize()
}

// measure returns errTooMuch if the uncompressed text no longer fits.
func (b *listBody) measure(text []byte) error {
	if !b.limited {
		return nil
	}
	if b.text += recording.EscapedLen(text); b.text > wholeText {
		return errTooMuch
	}
	return nil
}

// checkSize returns errTooMuch if the compressed bytes do not fit.
func (b *listBody) checkSize() error {
	if b.limited && b.out.Len() > gatewayLimit {
		return errTooMuch
	}
	return nil
}

// send adds the final text and answers with the body.
func (b *listBody) send(w http.ResponseWriter, last []byte) error {
	if b.z == nil && b.out.Len() == 0 { // last is the whole body
		b.zip = b.zip && len(last) > minCompressed
		if !b.zip {
			if longestEscape*len(last) > wholeText { // a shorter text always fits
				if err := b.measure(last); err != nil {
					return err
				}
			}
			writeBytes(w, http.StatusOK, last)
			return nil
		}
		b.out.Grow(len(last) / 4)
	}
	if err := b.write(last); err != nil {
		return err
	}
	if b.zip {
		if err := b.z.Close(); err != nil {
			return err
		}
		if err := b.checkSize(); err != nil {
			return err
		}
		w.Header().Set("Content-Encoding", "gzip")
	}
	writeBytes(w, http.StatusOK, b.out.Bytes())
	return nil
}

// release returns the compressor to its pool.
func (b *listBody) release() {
	if b.z != nil {
		zippers.Put(b.z)
		b.z = nil
	}
}
