package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"

	"github.com/callrecordings/api/shared/recording"
)

// creation is the recording that a PUT asks for.
type creation struct {
	recording.Creation
	// withAudio is true if the request carries the audio, even audio of zero bytes.
	withAudio bool
	audio     []byte
	// fingerprint identifies the request, so that a retry is recognized.
	fingerprint string
}

// read parses the request: a document as JSON, or audio with the document in the
// query.
func (c *creator) read(r *request) (*creation, error) {
	kinds := r.Header.Values("Content-Type")
	if isJSON(kinds) {
		body, err := jsonBody(r)
		if err != nil {
			return nil, err
		}
		asked := &creation{}
		if asked.Creation, err = recording.ParseCreation(body, c.MaxBytes); err != nil {
			return nil, err
		}
		return asked, asked.sign(r)
	}
	if len(kinds) == 1 {
		if _, ok := recording.AudioType(kinds[0]); ok {
			return c.readAudio(r, kinds[0])
		}
	}
	return nil, unsupportedMediaType(append([]string{jsonType}, recording.AudioTypes()...)...)
}

// readAudio parses a request with audio as its body. Ingest judges the bytes.
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
	return asked, asked.sign(r)
}

// audioBody reads audio that must fit into one request.
func (c *creator) audioBody(r *request) ([]byte, error) {
	most := min(gatewayLimit, c.MaxBytes)
	return bodyUpTo(r, most, audioTooLarge(most))
}

func audioTooLarge(most int64) error {
	return tooLarge(fmt.Sprintf("audio in a request is at most %d bytes: create the recording with a JSON body, "+
		"and send the audio to the upload of the answer", most))
}

// plainParameters returns a media type as it is stored, in canonical form.
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

// given yields the parameters of a query, sorted by name. If a name occurs more than
// once, only the first value counts.
func given(query url.Values) func(yield func(string, string) bool) {
	names := make([]string, 0, len(query))
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names) // so that equal queries make equal documents
	return func(yield func(string, string) bool) {
		for _, name := range names {
			if !yield(name, query.Get(name)) {
				return
			}
		}
	}
}

// sign settles the owner of the recording and computes the fingerprint of the request.
// Bodies that differ only in white space and in the order of members have the same
// fingerprint. Error: 403 if the bearer may not create recordings of that owner.
func (asked *creation) sign(r *request) error {
	named := asked.Document.Owner()
	owner, err := r.createdOwner(named)
	if err != nil {
		return err
	}
	if owner != named {
		if asked.Document, err = asked.Document.With("owner_id", recording.Quote(owner)); err != nil {
			return err
		}
	}
	audio := ""
	if asked.withAudio {
		audio = asked.Upload.SHA256
	}
	text, err := json.Marshal([]any{asked.ID, canonical(asked.Document), asked.Upload, audio, asked.withAudio})
	if err != nil { // cannot happen: all fields are JSON or strings
		text = []byte(asked.Document)
	}
	sum := sha256.Sum256(text)
	asked.fingerprint = base64.RawURLEncoding.EncodeToString(sum[:16])
	return nil
}

// canonical returns d with the members of all objects sorted, and with numbers as
// they were written.
func canonical(d recording.Document) any {
	decoder := json.NewDecoder(bytes.NewReader([]byte(d)))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return string(d)
	}
	return v
}

// maxKey is the maximum length of an Idempotency-Key, in bytes.
const maxKey = 255

// idempotencyKey returns the client's Idempotency-Key, or "".
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
