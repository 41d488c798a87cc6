package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/callrecordings/api/shared/job"
)

// manifestName is the name of the file with a line for each recording. No other entry has
// it, because their names begin with a digit.
const manifestName = "manifest.jsonl"

// line is a line of the manifest.
type line struct {
	ID string `json:"id"`
	// Created is in RFC 3339.
	Created string `json:"created"`
	// Document and Audio are the names of the files; absent without one.
	Document string `json:"document,omitempty"`
	Audio    string `json:"audio,omitempty"`
	Bytes    int64  `json:"bytes,omitempty"`
	// Cause is the reason for missing audio, or for a missing recording.
	Cause string `json:"cause,omitempty"`
}

// manifest adds the manifest. It is made twice, because an entry begins with its size.
func (k *packer) manifest(ctx context.Context, t *job.Task) error {
	size, err := io.Copy(io.Discard, &lines{ctx: ctx, chunks: k.chunks(t)})
	if err != nil {
		return err
	}
	r, err := k.write(ctx, manifestName, t.Now().Time(), size, &lines{ctx: ctx, chunks: k.chunks(t)})
	if err != nil {
		return err
	}
	k.last = append(k.last, r)
	return nil
}

// lines reads as the manifest, chunk by chunk.
type lines struct {
	ctx    context.Context //nolint:containedctx // a reader has no other way to get it
	chunks *chunks
	rest   bytes.Buffer
}

// Read implements io.Reader.
func (l *lines) Read(p []byte) (int, error) {
	for l.rest.Len() == 0 {
		items, x, ok, err := l.chunks.next(l.ctx)
		if err != nil {
			return 0, err
		}
		if !ok {
			return 0, io.EOF
		}
		if err := appendLines(&l.rest, items, x); err != nil {
			return 0, err
		}
	}
	return l.rest.Read(p)
}

// appendLines writes the lines of a chunk.
func appendLines(w io.Writer, items []job.Item, x extra) error {
	e := json.NewEncoder(w)
	names := x.Names
	for i, item := range items {
		l := line{ID: item.ID, Created: item.Created.RFC3339(), Cause: item.Cause}
		for ; len(names) > 0 && names[0].Item == i; names = names[1:] {
			name := nameOf(x.First+i, item.ID, names[0].Extension)
			if l.Document == "" { // it comes first
				l.Document = name
			} else {
				l.Audio, l.Bytes = name, item.Bytes
			}
		}
		if err := e.Encode(l); err != nil {
			return fmt.Errorf("write the manifest: %w", err)
		}
	}
	return nil
}
