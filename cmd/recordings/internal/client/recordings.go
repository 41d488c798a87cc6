package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"net/http"
	"net/url"
	"strconv"
)

// Document is the public JSON of a recording (contract, The document).
type Document struct {
	ID           string         `json:"id"`
	Owner        string         `json:"owner_id"`
	From         string         `json:"from"`
	To           string         `json:"to"`
	CallerNumber string         `json:"caller_id_number"`
	CallerName   string         `json:"caller_id_name"`
	CalleeNumber string         `json:"callee_id_number"`
	CalleeName   string         `json:"callee_id_name"`
	Direction    string         `json:"direction"`
	Start        Number         `json:"start"`
	Duration     Number         `json:"duration"`
	DurationMS   Number         `json:"duration_ms"`
	URL          string         `json:"url"`
	UserMetadata map[string]any `json:"user_metadata"`
	Added        ReadOnly       `json:"_read_only"`

	// Raw holds the document as the API sent it.
	Raw json.RawMessage `json:"-"`
}

// Number is a whole number in a document. Any other value counts as 0.
type Number int64

// UnmarshalJSON reads a number. It never fails.
func (n *Number) UnmarshalJSON(text []byte) error {
	f, err := strconv.ParseFloat(string(text), 64)
	*n = 0
	if err == nil && math.Abs(f) < 1<<53 {
		*n = Number(f)
	}
	return nil
}

// ReadOnly holds the fields that the service adds to a document.
type ReadOnly struct {
	ContentTypes []string `json:"content_types"`
	State        string   `json:"state"`
	Reason       string   `json:"reason"`
	// Only deleted recordings that can be restored have these: when the recording was deleted, the
	// user who deleted it, and until when it can be restored, in Gregorian seconds.
	DeletedAt       Number `json:"deleted_at"`
	DeletedBy       string `json:"deleted_by"`
	RestorableUntil Number `json:"restorable_until"`
}

// UnmarshalJSON reads the document. A field of another type than the usual one counts
// as absent: documents that came from a Kazoo are as they were there.
func (d *Document) UnmarshalJSON(text []byte) error {
	type plain Document
	var mistyped *json.UnmarshalTypeError
	if err := json.Unmarshal(text, (*plain)(d)); err != nil && !errors.As(err, &mistyped) {
		return err
	}
	d.Raw = bytes.Clone(text)
	return nil
}

// HasAudio reports whether the recording has audio to play, according to its document.
func (d *Document) HasAudio() bool { return len(d.Added.ContentTypes) > 0 }

// page is a page of a list.
type page struct {
	Data []Document `json:"data"`
	Next string     `json:"next_start_key"`
}

// List returns the recordings that a query selects, with all pages, newest first. The
// query has the parameters of the contract; page_size is the size of the first page.
// After an error the sequence ends.
func (c *Client) List(ctx context.Context, query url.Values) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		query := maps.Clone(query)
		if query == nil {
			query = url.Values{}
		}
		for {
			var p page
			if _, _, err := c.document(ctx, request{method: http.MethodGet, path: c.recordings(""), query: query}, &p); err != nil {
				yield(Document{}, err)
				return
			}
			for _, d := range p.Data {
				if !yield(d, nil) {
					return
				}
			}
			switch p.Next {
			case "":
				return
			case query.Get("start_key"):
				yield(Document{}, fmt.Errorf("%s sends the same cursor again: the list does not end", c.Base()))
				return
			}
			query.Set("start_key", p.Next)
		}
	}
}

// PageSize returns a query's page_size for a list of which at most limit recordings
// are wanted; 0 for no limit.
func PageSize(limit int) string {
	const most = 500
	if limit > 0 && limit < most {
		return strconv.Itoa(limit)
	}
	return strconv.Itoa(most)
}

// one is an answer with one document.
type one struct {
	Data     Document `json:"data"`
	Revision string   `json:"revision"`
}

// Get returns the document of a recording, and the ETag of its revision.
func (c *Client) Get(ctx context.Context, id string) (d Document, etag string, err error) {
	var o one
	h, _, err := c.document(ctx, request{method: http.MethodGet, path: c.recordings(id)}, &o)
	return o.Data, h.Get("ETag"), err
}

// Tag merges values into the user_metadata of a recording, if its ETag still is etag.
// A value of nil removes its key.
func (c *Client) Tag(ctx context.Context, id, etag string, values map[string]any) (Document, error) {
	text, err := json.Marshal(map[string]any{"data": map[string]any{"user_metadata": values}})
	if err != nil {
		return Document{}, err
	}
	var o one
	_, _, err = c.document(ctx, request{
		method: http.MethodPatch, path: c.recordings(id), body: text,
		header: http.Header{"Content-Type": {"application/json"}, "If-Match": {etag}},
	}, &o)
	return o.Data, err
}

// Delete deletes a recording with its audio. If an earlier try was not answered, a 404
// means that it has deleted the recording (contract, After a lost answer).
func (c *Client) Delete(ctx context.Context, id string) error {
	var o one
	_, uncertain, err := c.document(ctx, request{method: http.MethodDelete, path: c.recordings(id)}, &o)
	if uncertain && NotFound(err) {
		return nil
	}
	return err
}

// Restore brings a deleted recording back.
func (c *Client) Restore(ctx context.Context, id string) (Document, error) {
	var o one
	_, _, err := c.document(ctx, request{method: http.MethodPost, path: c.recordings(id) + "/restore"}, &o)
	return o.Data, err
}

// Version returns the version of the API. It needs no token.
func (c *Client) Version(ctx context.Context) (string, error) {
	var definition struct {
		Info struct {
			Title   string `json:"title"`
			Version string `json:"version"`
		} `json:"info"`
		OpenAPI string `json:"openapi"`
	}
	if _, _, err := c.document(ctx, request{method: http.MethodGet, path: "/v2/openapi.json", anonymous: true}, &definition); err != nil {
		return "", err
	}
	if definition.OpenAPI == "" || definition.Info.Version == "" {
		return "", fmt.Errorf("%s answers, but not as this API does: check the URL", c.Base())
	}
	return definition.Info.Version, nil
}
