package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"callrecordings/shared/recording"
)

// jsonType is the type of every answer but audio and CSV. It has no
// parameter: deployed interfaces compare the string (contract, Envelope).
const jsonType = "application/json"

// extras are what some successes have beside the data.
type extras struct {
	// revision of a single document, "" for none.
	revision string
	// paging is set for a page of a list.
	paging *paging
}

// paging are the keys of a page.
type paging struct {
	size       int    // items in this page
	start, end string // start_key; next_start_key, "" at the end
}

// maxPooled is the largest buffer that is kept for the next request.
const maxPooled = 1 << 20

// buffers are for bodies, so that a list does not allocate what it answers.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// withBuffer lends write an empty buffer. What write returns goes back into
// the pool.
func withBuffer(write func(buf []byte) []byte) {
	b, ok := buffers.Get().(*[]byte)
	if !ok { // the pool holds nothing else
		b = new([]byte)
	}
	*b = write((*b)[:0])
	if cap(*b) <= maxPooled {
		buffers.Put(b)
	}
}

// writeDocument answers 200 with rec in the envelope; deleted marks it as the
// document of a recording that is no more.
func (r *request) writeDocument(w http.ResponseWriter, rec *recording.Recording, deleted bool) error {
	withBuffer(func(buf []byte) []byte {
		buf = appendOpening(buf)
		buf = rec.AppendJSON(buf, deleted)
		buf = r.appendClosing(buf, extras{revision: rec.Revision})
		return r.writeJSON(w, http.StatusOK, buf)
	})
	return nil
}

// appendOpening begins the envelope of a success; the data follows.
func appendOpening(buf []byte) []byte { return append(buf, `{"data":`...) }

// appendClosing ends the envelope of a success behind its data.
func (r *request) appendClosing(buf []byte, x extras) []byte {
	if p := x.paging; p != nil {
		buf = append(buf, `,"page_size":`...)
		buf = strconv.AppendInt(buf, int64(p.size), 10)
		buf = appendMember(buf, "start_key", p.start)
		if p.end != "" {
			buf = appendMember(buf, "next_start_key", p.end)
		}
	}
	buf = appendMember(buf, "status", "success")
	if x.revision != "" {
		buf = appendMember(buf, "revision", x.revision)
	}
	return append(r.appendBase(buf), '}')
}

// appendBase appends what successes and errors have in common.
func (r *request) appendBase(buf []byte) []byte {
	buf = appendMember(buf, "request_id", r.entry.RequestID)
	buf = appendMember(buf, "version", r.env.Version)
	buf = appendMember(buf, "node", r.env.Node)
	buf = append(buf, `,"timestamp":"`...)
	buf = r.env.Now().UTC().AppendFormat(buf, time.RFC3339)
	return append(buf, '"')
}

// writeError answers with the envelope of an error.
func (r *request) writeError(w http.ResponseWriter, p *publicError) {
	data, err := json.Marshal(p.data)
	if err != nil { // only a Target or Cause that is no JSON could do it
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

// writeJSON answers with a whole body, indented and compressed as the client
// wants it, and gives the buffer back.
func (r *request) writeJSON(w http.ResponseWriter, status int, body []byte) []byte {
	w.Header().Set("Content-Type", jsonType)
	out := body
	if r.pretty() {
		out = indented(body)
	}
	r.writeBody(w, status, out)
	return body
}

// indent is how far pretty_print indents a level.
const indent = "  "

// indented is JSON as people read it; what is no JSON stays as it is.
func indented(body []byte) []byte {
	var out bytes.Buffer
	if err := json.Indent(&out, body, "", indent); err != nil {
		return body
	}
	return out.Bytes()
}

// pretty reports whether the client wants JSON indented.
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
			if err != nil { // strings always encode
				return append(buf, `""`...)
			}
			return append(buf, quoted...)
		}
	}
	buf = append(buf, '"')
	buf = append(buf, text...)
	return append(buf, '"')
}
