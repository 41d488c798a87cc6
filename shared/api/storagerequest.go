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

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
)

// storageRequest is the content of a storage request.
type storageRequest struct {
	audio []byte
	// contentType is the declared type. Ingest determines the real one.
	contentType string
	call        recording.Call
}

// formType is the type of a body that is a multipart form.
const formType = "multipart/form-data"

// The limits of a multipart body.
const (
	maxParts = 16
	maxPart  = 64 << 10 // bytes of a part other than the audio
)

// errTooBigForStorage is the 413. It names the inbox, because files there may be larger.
func errTooBigForStorage() error {
	return tooLarge("over HTTP a recording has at most 4400000 bytes: let the PBX write into the account's inbox in S3 (docs/how-to/connect.md)")
}

// badStorageBody is the 400 for a body that does not hold one recording.
func badStorageBody(text string) error {
	return invalid("body", "wrong_format", text, nil)
}

// read parses a storage request. Facts about the call come from the body, the
// query and the name, in that order of precedence.
func (c *receiver) read(r *request) (*storageRequest, error) {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, unsupportedCoding()
	}
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = "application/octet-stream" // ingest determines the type
	}
	if kind == jsonType || strings.HasSuffix(kind, "+json") {
		return nil, unsupportedMediaType(append([]string{formType}, recording.AudioTypes()...)...)
	}
	most := min(gatewayLimit, c.MaxBytes)
	body, err := bodyUpTo(r, most, errTooBigForStorage())
	if err != nil {
		return nil, err
	}
	put := &storageRequest{audio: body, contentType: kind, call: recording.Call{}}
	if kind == formType {
		if put, err = unpack(body, parameters["boundary"], false); err != nil {
			return nil, err
		}
	}
	if len(put.audio) == 0 {
		return nil, badStorageBody("There is no audio in it")
	}
	return put, c.describe(r, put)
}

// describe adds the facts from query and name, and checks that all reports
// describe one recording of this account.
func (c *receiver) describe(r *request, put *storageRequest) error {
	query := recording.Call{}
	for name, values := range r.URL.Query() {
		for _, value := range values {
			query.Report(name, value)
		}
	}
	named, ok := c.Names(r.target.name)
	if !ok {
		named = recording.Call{}
	}
	if _, err := incoming.Agree(r.account, put.call, query, named); err != nil {
		return err
	}
	call := put.call.Under(query).Under(named)
	put.call, _ = call.In(c.Zone) // a time that cannot be read is ignored
	return nil
}

// unpack parses a multipart body from Kazoo (kazoo.md 7.7) or from an HTML form.
// A part without a file name is a field if it has the name of one, even if it has a type:
// Java and .NET declare a type for every field. Of the other parts, a JSON
// part is the document, and a part with a file name or the type of audio is a file.
// Kazoo's parts have no file names. Their names are not quoted and carry no
// information. With takesText, text without a file name may be the file, too.
func unpack(body []byte, boundary string, takesText bool) (*storageRequest, error) {
	put := &storageRequest{call: recording.Call{}}
	var files []filePart
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for n := 0; ; n++ {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) && n > 0 {
			break
		}
		if err != nil || n == maxParts {
			return nil, badStorageBody("It is not a multipart body of a few parts")
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, badStorageBody("It ends within a part")
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		isFile := part.FileName() != ""
		switch {
		case !isFile && recording.IsReported(part.FormName()):
			err = put.field(part.FormName(), text)
		case kind == jsonType:
			err = put.document(text)
		case isFile, kind != "" && (takesText || !strings.HasPrefix(kind, "text/")):
			files = append(files, filePart{text, kind})
		}
		if err != nil {
			return nil, err
		}
	}
	if len(files) != 1 {
		return nil, badStorageBody("It holds one recording: one file, not none and not several")
	}
	put.audio, put.contentType = plainAudio(files[0].body), files[0].kind
	return put, nil
}

// filePart is a part of a form that may be its file.
type filePart struct {
	body []byte
	kind string // the declared media type
}

// document reads the part that describes the call. A document that cannot be
// read is ignored, so that the audio beside it is not lost.
func (put *storageRequest) document(text []byte) error {
	if len(text) > maxPart {
		return tooLarge("a document has at most 65536 bytes")
	}
	if call, err := recording.ParseCall(text); err == nil {
		put.call = put.call.Under(call)
	}
	return nil
}

// field adds a field of a form.
func (put *storageRequest) field(name string, text []byte) error {
	if len(text) > maxPart {
		return tooLarge("a field has at most 65536 bytes")
	}
	put.call.Report(name, string(text))
	return nil
}

// plainAudio decodes base64. With base64_encode_data Kazoo sends base64, without
// a header for it (kazoo.md 7.7). No audio file is valid base64.
func plainAudio(text []byte) []byte {
	audio := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	if n, err := base64.StdEncoding.Decode(audio, text); err == nil && n > 0 {
		return audio[:n]
	}
	return text
}

// maxProbe is the largest size of Kazoo's test file in bytes. Kazoo writes about
// 50.
const maxProbe = 4 << 10

// testFile stores the file with which Kazoo tests its setting, or reads it back.
func (c *receiver) testFile(w http.ResponseWriter, r *request, key string) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return c.readTestFile(w, r, key)
	}
	body, err := bodyUpTo(r, maxProbe, tooLarge("a file of this name has at most 4096 bytes"))
	if err != nil {
		return err
	}
	if kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == formType {
		put, err := unpack(body, parameters["boundary"], true)
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

func (c *receiver) readTestFile(w http.ResponseWriter, r *request, key string) error {
	body, _, err := c.Audio.Open(r.Context(), key, "", nil)
	if errors.Is(err, media.ErrNotFound) {
		return errNotFound
	}
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // read-only
	text, err := io.ReadAll(io.LimitReader(body, maxProbe))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(text) // an error means that the client has disconnected
	return nil
}
