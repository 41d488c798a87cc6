package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/recording"
)

// jsonType is the Content-Type of all answers except audio and CSV. It has no
// parameters, because deployed interfaces compare the string (contract,
// Envelope).
const jsonType = "application/json"

// extras are the envelope members that only some successful answers have.
type extras struct {
	// revision is the revision of a single document; "" for other answers.
	revision string
	// paging has the keys of a page of a list; zero for other answers.
	paging paging
}

// paging holds the keys of a page of a list.
type paging struct {
	size       int    // number of items in the page
	start, end string // start_key; next_start_key, "" on the last page
	// byID is true if the keys of the list are IDs. The first page then has no start_key.
	byID bool
	// counted is true if the answer shows bytes, the size of the managed audio on the page.
	counted bool
	bytes   int64
	// total is the total of the list as JSON; nil if the client does not ask for it.
	total []byte
}

// maxPooled is the size of the largest buffer that the pool keeps, in bytes.
const maxPooled = 1 << 20

// buffers is a pool of buffers for bodies, so that a list need not allocate memory for
// its answer.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// takeBuffer takes a buffer from the pool. Its content is undefined.
func takeBuffer() *[]byte {
	if b, ok := buffers.Get().(*[]byte); ok {
		return b
	}
	return new([]byte) // the pool holds no other type
}

// putBuffer returns a buffer to the pool unless it is too large to keep.
func putBuffer(b *[]byte) {
	if cap(*b) <= maxPooled {
		buffers.Put(b)
	}
}

// withBuffer calls write with an empty buffer from the pool, and puts the buffer that
// write returns back into the pool.
func withBuffer(write func(buf []byte) []byte) {
	b := takeBuffer()
	*b = write((*b)[:0])
	putBuffer(b)
}

// revisionTag returns the entity tag of rec's document: its revision.
func revisionTag(rec *recording.Recording) string { return `"` + rec.Revision + `"` }

// writeDocument answers 200 with rec in the envelope. deleted marks it as the
// document of a deleted recording.
func (r *request) writeDocument(w http.ResponseWriter, rec *recording.Recording, deleted bool) error {
	shown := []recording.Recording{*rec}
	r.hideHolds(shown)
	withBuffer(func(buf []byte) []byte {
		buf = appendOpening(buf)
		buf = shown[0].AppendJSON(buf, deleted)
		buf = r.appendClosing(buf, extras{revision: rec.Revision})
		return r.writeJSON(w, http.StatusOK, buf)
	})
	return nil
}

// writeData answers with data as JSON in the envelope. keys are those of a page; the zero
// value means that data is not a page.
func (r *request) writeData(w http.ResponseWriter, status int, data any, keys paging) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode the answer of %s: %w", r.op, err)
	}
	withBuffer(func(buf []byte) []byte {
		buf = append(appendOpening(buf), text...)
		return r.writeJSON(w, status, r.appendClosing(buf, extras{paging: keys}))
	})
	return nil
}

// appendOpening starts the envelope of a success. The data follows.
func appendOpening(buf []byte) []byte { return append(buf, `{"data":`...) }

// appendClosing ends the envelope of a success after its data.
func (r *request) appendClosing(buf []byte, x extras) []byte {
	if p := x.paging; p.start != "" || p.byID {
		buf = append(buf, `,"page_size":`...)
		buf = strconv.AppendInt(buf, int64(p.size), 10)
		if p.counted {
			buf = append(buf, `,"audio_bytes":`...)
			buf = strconv.AppendInt(buf, p.bytes, 10)
		}
		if p.start != "" {
			buf = appendMember(buf, "start_key", p.start)
		}
		if p.end != "" {
			buf = appendMember(buf, "next_start_key", p.end)
		}
	}
	if total := x.paging.total; total != nil {
		buf = append(append(buf, `,"total":`...), total...)
	}
	buf = appendMember(buf, "status", "success")
	if x.revision != "" {
		buf = appendMember(buf, "revision", x.revision)
	}
	return append(r.appendBase(buf), '}')
}

// appendBase appends the members that all answers have.
func (r *request) appendBase(buf []byte) []byte {
	buf = appendMember(buf, "request_id", r.entry.RequestID)
	buf = appendMember(buf, "version", r.env.Version)
	buf = appendMember(buf, "node", r.env.Node)
	buf = append(buf, `,"timestamp":"`...)
	buf = r.env.Now().UTC().AppendFormat(buf, time.RFC3339)
	return append(buf, '"')
}

// writeError answers with p in the envelope.
func (r *request) writeError(w http.ResponseWriter, p *publicError) {
	data, err := json.Marshal(p.documented())
	if err != nil { // only an invalid Target or Value of a field error
		data = []byte(`{}`)
	}
	withBuffer(func(buf []byte) []byte {
		buf = appendOpening(buf)
		buf = append(buf, data...)
		buf = appendMember(buf, "error", strconv.Itoa(p.status))
		buf = appendMember(buf, "message", p.code)
		buf = appendMember(buf, "status", "error")
		buf = append(r.appendBase(buf), '}')
		return r.writeJSON(w, p.status, buf)
	})
}

// writeJSON answers with a complete body, indented and compressed if the client asks
// for that, and returns body for the pool.
func (r *request) writeJSON(w http.ResponseWriter, status int, body []byte) []byte {
	w.Header().Set("Content-Type", jsonType)
	out := body
	if r.pretty() {
		out = indented(body)
	}
	r.writeBody(w, status, out)
	return body
}

// indent is the indentation of one level with pretty_print.
const indent = "  "

// indented indents JSON. It returns body unchanged if it is not valid JSON.
func indented(body []byte) []byte {
	var out bytes.Buffer
	if err := json.Indent(&out, body, "", indent); err != nil {
		return body
	}
	return out.Bytes()
}

// pretty reports whether the client asks for indented JSON.
func (r *request) pretty() bool {
	if r.Header.Get("X-Pretty-Print") == "true" {
		return true
	}
	return strings.Contains(r.URL.RawQuery, "pretty_print") && r.URL.Query().Get("pretty_print") == "true"
}

// appendMember appends ,"name":"value" to an object.
func appendMember(buf []byte, name, value string) []byte {
	buf = append(buf, ',', '"')
	buf = append(buf, name...)
	buf = append(buf, '"', ':')
	return appendText(buf, value)
}

// appendText appends text as a JSON string.
func appendText(buf []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, err := json.Marshal(text)
			if err != nil { // a string always encodes
				return append(buf, `""`...)
			}
			return append(buf, quoted...)
		}
	}
	buf = append(buf, '"')
	buf = append(buf, text...)
	return append(buf, '"')
}
