package kazootest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// one answers with a recording's document or audio (1.5, 1.6, 1.8).
func (x *exchange) one() *failure {
	want := choose(x.r.Header.Get("Accept"), x.query.Get("accept"), itemTypes)
	if want == notAcceptable {
		return &failure{status: http.StatusNotAcceptable}
	}
	e := x.s.archive.find(x.account.ID, x.id)
	switch {
	case !prefixed(x.id) && want != asAudio:
		return &failure{http.StatusNotFound, "bad identifier", []string{x.id}}
	case !monthly(x.id):
		return &failure{http.StatusInternalServerError, "init failed", nil}
	case e == nil:
		return system("bad_identifier", map[string]any{"cause": x.id})
	}
	if failed := x.unmodified(e); failed != nil {
		return failed
	}
	switch want {
	case asAudio:
		return x.audio(e)
	case asNothing:
		x.send(http.StatusOK, nil)
		return nil
	default:
		return x.succeed(http.StatusOK, e.with(), map[string]any{"revision": e.revision()})
	}
}

// revision returns a revision like CouchDB's. It changes with the document.
func (e *entry) revision() string { return "1-" + digest(e.ID, e.Document) }

// unmodified evaluates conditional requests as cowboy does. It returns nil if the
// request should be answered normally.
func (x *exchange) unmodified(e *entry) *failure {
	etag := `"` + e.revision() + `"`
	switch {
	case !matches(x.r.Header.Get("If-Match"), etag, true):
		return &failure{status: http.StatusPreconditionFailed}
	case matches(x.r.Header.Get("If-None-Match"), etag, false):
		x.w.Header().Set("ETag", etag)
		return &failure{status: http.StatusNotModified}
	}
	return nil
}

// matches reports whether a header contains an ETag. It returns otherwise if the
// header is missing.
func matches(header, etag string, otherwise bool) bool {
	if header == "" {
		return otherwise
	}
	return header == "*" || strings.Contains(header, etag)
}

// audio sends the attachment (1.8), or fails as Faults.Always specifies.
func (x *exchange) audio(e *entry) *failure {
	body := e.Audio
	bad := x.faults.Always[e.ID]
	switch {
	case bad == AudioFails:
		return broken("The specified key does not exist.")
	case bad == AudioGone:
		return system("bad_identifier", map[string]any{"cause": e.ID})
	case e.AudioType == "":
		return system("bad_identifier", map[string]any{"details": e.ID})
	case bad == AudioEmpty:
		body = nil
	case bad == AudioCut:
		x.fate.cut = true
	}
	part, failed := cutRange(body, x.r.Header.Get("Range"))
	if failed != nil {
		return failed
	}
	header := x.w.Header()
	if bad == AudioShort {
		header.Set("Content-Length", strconv.Itoa(len(part.body)+missing))
	}
	header.Set("ETag", `"`+e.revision()+`"`)
	header.Set("Content-Type", e.AudioType)
	header.Set("Content-Disposition", x.disposition(e))
	header.Set("Expires", "Fri, 01 Jan 1999 00:00:00 GMT")
	header.Set("Vary", "accept")
	if part.span != "" {
		header.Set("Content-Range", part.span)
		header.Set("Accept-Ranges", "bytes")
	}
	if x.send(part.status, part.body) && part.status == http.StatusOK && bad == 0 {
		x.s.counts.play(x.account.ID, e.ID)
	}
	return nil
}

// disposition returns the Content-Disposition with an unquoted file name, as Kazoo
// sends it.
func (x *exchange) disposition(e *entry) string {
	var names struct {
		Name any `json:"name"`
	}
	name := e.ID
	if err := json.Unmarshal([]byte(e.Document), &names); err == nil {
		if text, ok := names.Name.(string); ok && text != "" {
			name = text
		}
	}
	if x.query.Get("inline") == "true" {
		return "inline; filename=" + name
	}
	return "attachment; filename=" + name
}

// part is the answer to a Range header.
type part struct {
	status int
	body   []byte
	// span is the Content-Range, or "" without a Range header.
	span string
}

// cutRange does what get_range in api_resource.erl does (1.8). It supports only a-b
// and a-; other valid ranges return the whole body. A header that makes Kazoo crash
// returns 500.
func cutRange(body []byte, header string) (part, *failure) {
	if header == "" {
		return part{status: http.StatusOK, body: body}, nil
	}
	crash := &failure{status: http.StatusInternalServerError}
	unit, spec, ok := strings.Cut(header, "=")
	if !ok || unit == "" || spec == "" {
		return part{}, crash
	}
	from, to := 0, len(body)
	if first, last, dash := strings.Cut(spec, "-"); unit == "bytes" && first != "" && !strings.Contains(spec, ",") {
		a, err := strconv.ParseUint(first, 10, 31)
		b, err2 := strconv.ParseUint(last, 10, 31)
		switch {
		case !dash || err != nil || last != "" && err2 != nil:
			return part{}, crash
		case last == "":
			from = int(a)
		case int(b) < len(body):
			from, to = int(a), int(b)+1
		}
	}
	if from > to {
		return part{}, crash
	}
	p := part{status: http.StatusOK, body: body[from:to], span: fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(body))}
	if len(p.body) < len(body) {
		p.status = http.StatusPartialContent
	}
	return p, nil
}
