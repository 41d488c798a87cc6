package api

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"callrecordings/shared/media"
	"callrecordings/shared/recording"
)

// parcel is what was put into storage.
type parcel struct {
	audio []byte
	// contentType is what the sender calls the audio. The bytes know better.
	contentType string
	call        recording.Call
}

// Limits of a multipart body.
const (
	maxParts = 16
	maxPart  = 64 << 10 // bytes of a part that is no audio
)

// errTooBigForStorage is the 413, with the way that is left.
func errTooBigForStorage() error {
	return tooLarge("over HTTP a recording has at most 4400000 bytes: let the PBX write into the account's inbox in S3 (docs/connect.md)")
}

// badParcel is the 400 of a body that is no recording.
func badParcel(text string) error {
	return invalid("body", "wrong_format", text, nil)
}

// read takes name, query and body, and what they tell of the call: the body
// first, then the query, then the name.
func (c *receiver) read(r *request) (*parcel, error) {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, errUnsupportedMediaType
	}
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = "application/octet-stream" // a file is what it is
	}
	if kind == jsonType || strings.HasSuffix(kind, "+json") {
		return nil, errUnsupportedMediaType
	}
	most := min(fits, c.MaxBytes)
	body, err := bodyUpTo(r, most, errTooBigForStorage())
	if err != nil {
		return nil, err
	}
	put := &parcel{audio: body, contentType: kind, call: recording.Call{}}
	if kind == "multipart/form-data" {
		if put, err = unpack(body, parameters["boundary"]); err != nil {
			return nil, err
		}
	}
	if len(put.audio) == 0 {
		return nil, badParcel("There is no audio in it")
	}
	return put, c.address(r, put)
}

// address adds what query and name tell, and demands that all of them tell of
// one recording, of this account.
func (c *receiver) address(r *request, put *parcel) error {
	query := recording.Call{}
	for name, values := range r.URL.Query() {
		query.Set(name, values[0])
	}
	named, ok := c.Names(r.target.name)
	if !ok {
		named = recording.Call{}
	}
	id := ""
	for _, told := range []recording.Call{put.call, query, named} {
		if account := told["account_id"]; account != "" && account != r.account {
			return errForbidden
		}
		said, err := told.ID()
		if err != nil || id != "" && said != "" && said != id {
			return invalid("id", "wrong_format", "Field is not in the correct format", map[string]any{"format": "one YYYYMM-…"})
		}
		if said != "" {
			id = said
		}
	}
	put.call = put.call.Under(query).Under(named)
	return nil
}

// unpack takes a multipart body apart as Kazoo sends it (kazoo.md 7.7), or as
// forms do: the part that is JSON is the document, one of no type a field, and
// the one that is left the audio. Kazoo's names are not quoted and tell nothing
// more.
func unpack(body []byte, boundary string) (*parcel, error) {
	put := &parcel{call: recording.Call{}}
	files := 0
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for n := 0; ; n++ {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) && n > 0 {
			break
		}
		if err != nil || n == maxParts {
			return nil, badParcel("It is not a multipart body of a few parts")
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, badParcel("It ends within a part")
		}
		said := part.Header.Get("Content-Type")
		kind, _, _ := mime.ParseMediaType(said)
		switch {
		case kind == jsonType:
			err = put.document(text)
		case said == "" && part.FileName() == "":
			err = put.field(part.FormName(), text)
		default:
			files++
			put.audio, put.contentType = plainAudio(text), kind
		}
		if err != nil {
			return nil, err
		}
	}
	if files != 1 {
		return nil, badParcel("It holds one recording: one file, not none and not several")
	}
	return put, nil
}

// document reads the part that tells of the call. What cannot be read tells
// nothing, because the audio beside it is not to be lost for it.
func (put *parcel) document(text []byte) error {
	if len(text) > maxPart {
		return tooLarge("a document has at most 65536 bytes")
	}
	if call, err := recording.ParseCall(text); err == nil {
		put.call = put.call.Under(call)
	}
	return nil
}

// field notes a field of a form.
func (put *parcel) field(name string, text []byte) error {
	if len(text) > maxPart {
		return tooLarge("a field has at most 65536 bytes")
	}
	put.call.Set(name, string(text))
	return nil
}

// plainAudio decodes base64, which Kazoo sends without saying so if
// base64_encode_data is set (kazoo.md 7.7). No audio looks like it.
func plainAudio(text []byte) []byte {
	audio := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	if n, err := base64.StdEncoding.Decode(audio, text); err == nil && n > 0 {
		return audio[:n]
	}
	return text
}

// maxProbe is the most bytes of the file with which Kazoo tests a setting; it
// has some 50.
const maxProbe = 4 << 10

// probe stores that file, or reads it back.
func (c *receiver) probe(w http.ResponseWriter, r *request, key string) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return c.readProbe(w, r, key)
	}
	body, err := bodyUpTo(r, maxProbe, tooLarge("a file of this name has at most 4096 bytes"))
	if err != nil {
		return err
	}
	if kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
		put, err := unpack(body, parameters["boundary"])
		if err != nil {
			return err
		}
		body = put.audio
	}
	if err := c.Audio.PutNew(r.Context(), key, "text/plain", body); err != nil && !errors.Is(err, media.ErrOccupied) {
		return err
	}
	withBuffer(func(buf []byte) []byte {
		buf = append(appendOpening(buf), "{}"...)
		buf = r.appendClosing(buf, extras{})
		return r.writeJSON(w, http.StatusCreated, buf)
	})
	return nil
}

func (c *receiver) readProbe(w http.ResponseWriter, r *request, key string) error {
	body, _, err := c.Audio.Open(r.Context(), key, "", nil)
	if errors.Is(err, media.ErrNotFound) {
		return errNotFound
	}
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(body, maxProbe))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(text) // a client that has gone is no fault
	return nil
}
