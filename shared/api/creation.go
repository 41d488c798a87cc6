package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"

	"callrecordings/shared/recording"
)

// creation is what a PUT asks for.
type creation struct {
	recording.Creation
	// withAudio says that the audio, maybe of no bytes, came along.
	withAudio bool
	audio     []byte
	// made is the fingerprint of all that.
	made string
}

// read takes the body: a document as JSON, or audio whose document is in the
// query.
func (c *creator) read(r *request) (*creation, error) {
	kinds := r.Header.Values("Content-Type")
	if saysJSON(kinds) {
		body, err := jsonBody(r)
		if err != nil {
			return nil, err
		}
		asked := &creation{}
		if asked.Creation, err = recording.ParseCreation(body, c.MaxBytes); err != nil {
			return nil, err
		}
		asked.sign()
		return asked, nil
	}
	if len(kinds) != 1 {
		return nil, errUnsupportedMediaType
	}
	if _, ok := recording.AudioType(kinds[0]); !ok {
		return nil, errUnsupportedMediaType
	}
	return c.readAudio(r, kinds[0])
}

// readAudio takes a body of audio, whatever it is.
func (c *creator) readAudio(r *request, kind string) (*creation, error) {
	asked := &creation{withAudio: true}
	var err error
	if asked.Creation, err = recording.CreationOf(given(r.URL.Query())); err != nil {
		return nil, err
	}
	if asked.audio, err = c.audioBody(r); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(asked.audio)
	asked.Upload = recording.Upload{ContentType: plainParameters(kind), Size: int64(len(asked.audio)), SHA256: hex.EncodeToString(sum[:])}
	asked.sign()
	return asked, nil
}

// audioBody reads audio, which has to fit into one request.
func (c *creator) audioBody(r *request) ([]byte, error) {
	most := min(fits, c.MaxBytes)
	return bodyUpTo(r, most, audioTooLarge(most))
}

// bodyUpTo reads a body of at most that many bytes; a larger one is tooMuch.
func bodyUpTo(r *request, most int64, tooMuch error) ([]byte, error) {
	if r.ContentLength > most {
		return nil, tooMuch
	}
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	switch {
	case err != nil:
		return nil, parseError("the body could not be read", err)
	case int64(len(body)) > most:
		return nil, tooMuch
	}
	return body, nil
}

func audioTooLarge(most int64) error {
	return tooLarge(fmt.Sprintf("audio in a request is at most %d bytes: create the recording with a JSON body, "+
		"and send the audio to the upload of the answer", most))
}

// plainParameters is a media type that is known to parse, as it is stored.
func plainParameters(kind string) string {
	name, params, err := mime.ParseMediaType(kind)
	if err != nil {
		return kind
	}
	if text := mime.FormatMediaType(name, params); text != "" {
		return text
	}
	return name
}

// given yields the parameters of a query, the first of each name.
func given(query url.Values) func(yield func(string, string) bool) {
	names := make([]string, 0, len(query))
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names) // a document has its fields in one order, whatever the query's
	return func(yield func(string, string) bool) {
		for _, name := range names {
			if !yield(name, query.Get(name)) {
				return
			}
		}
	}
}

// sign makes the fingerprint of the request: equal for bodies that differ in
// white space and in the order of members only.
func (asked *creation) sign() {
	audio := ""
	if asked.withAudio {
		audio = asked.Upload.SHA256
	}
	text, err := json.Marshal([]any{asked.ID, canonical(asked.Document), asked.Upload, audio, asked.withAudio})
	if err != nil { // it is made of JSON and texts
		text = []byte(asked.Document)
	}
	sum := sha256.Sum256(text)
	asked.made = base64.RawURLEncoding.EncodeToString(sum[:16])
}

// canonical is d with the members of all objects in order, and every number as
// it was written.
func canonical(d recording.Document) any {
	decoder := json.NewDecoder(bytes.NewReader([]byte(d)))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return string(d)
	}
	return v
}

// isOf reports whether what was announced is the audio that is there.
func (asked *creation) isOf(there *recording.Recording) bool {
	u, a := asked.Upload, there.Audio
	kind, _ := recording.AudioType(u.ContentType)
	return asked.URL() == "" && (u.ContentType == "" || kind == a.ContentType) && (u.Size == 0 || u.Size == a.Size) &&
		(u.SHA256 == "" || a.SHA256 == "" || u.SHA256 == a.SHA256)
}

// maxKey is the longest Idempotency-Key.
const maxKey = 255

// idempotencyKey is the client's, "" for none.
func idempotencyKey(h http.Header) (string, error) {
	keys := h.Values("Idempotency-Key")
	if len(keys) == 0 {
		return "", nil
	}
	if len(keys) > 1 || !isPrintable(keys[0]) || len(keys[0]) > maxKey {
		return "", invalid("Idempotency-Key", "wrong_format", "Field is not in the correct format",
			map[string]any{"format": fmt.Sprintf("1 to %d printable ASCII characters", maxKey)})
	}
	return keys[0], nil
}
