package s3server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// repeated lists the headers of an upload that are returned with the object.
var repeated = []string{"Content-Type", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires"}

const (
	metaPrefix = "X-Amz-Meta-"
	// maxMetadata is S3's limit for all metadata of an object, in bytes.
	maxMetadata = 2048
)

// describeUpload returns the attributes that the headers of an upload specify.
// Error: MetadataTooLarge.
func describeUpload(h http.Header) (attributes, error) {
	a := attributes{Headers: map[string]string{}, Metadata: map[string]string{}, Tagging: h.Get("X-Amz-Tagging")}
	for _, name := range repeated {
		if v := h.Get(name); v != "" {
			a.Headers[name] = v
		}
	}
	a.encoding(h)
	if a.Headers["Content-Type"] == "" {
		a.Headers["Content-Type"] = defaultType
	}
	size := 0
	for name, values := range h {
		if name, ok := strings.CutPrefix(name, metaPrefix); ok {
			name = strings.ToLower(name)
			a.Metadata[name] = strings.Join(values, ",")
			size += len(name) + len(a.Metadata[name])
		}
	}
	if size > maxMetadata {
		return a, errMetadata
	}
	return a, nil
}

// encoding sets Content-Encoding. As in S3, aws-chunked is removed: it is an
// encoding of the request, not of the object.
func (a *attributes) encoding(h http.Header) {
	var rest []string
	for name := range strings.SplitSeq(strings.Join(h.Values("Content-Encoding"), ","), ",") {
		if name = strings.TrimSpace(name); name != "" && !strings.EqualFold(name, "aws-chunked") {
			rest = append(rest, name)
		}
	}
	delete(a.Headers, "Content-Encoding")
	if len(rest) > 0 {
		a.Headers["Content-Encoding"] = strings.Join(rest, ",")
	}
}

// conditions returns the conditions of a write: If-None-Match and If-Match
// (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
func conditions(h http.Header) (fresh bool, check condition, err error) {
	if none := h.Get("If-None-Match"); none != "" {
		if none != "*" {
			return false, nil, errUnsupported
		}
		fresh = true
	}
	if match := h.Get("If-Match"); match != "" {
		check = func(existing *attributes) error {
			switch {
			case existing == nil:
				return errNoKey
			case !matches(match, existing.ETag):
				return errPrecondition
			}
			return nil
		}
	}
	return fresh, check, nil
}

// matches reports whether a list of ETags contains etag or is *.
func matches(list, etag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		if one == "*" || strings.Trim(strings.TrimPrefix(one, "W/"), `"`) == strings.Trim(etag, `"`) {
			return true
		}
	}
	return false
}

// putObject stores an object.
func (s *Server) putObject(w http.ResponseWriter, r *http.Request, a *authorization, key string) error {
	path, err := s.disk.path(key)
	if err != nil {
		return err
	}
	meta, err := describeUpload(r.Header)
	if err != nil {
		return err
	}
	fresh, check, err := conditions(r.Header)
	if err != nil {
		return err
	}
	if fresh { // before the body, to spare the client the transfer
		if _, err := os.Lstat(path); err == nil {
			return errPrecondition
		}
	}
	return s.receiveFile(w, r, a, key, func(ctx context.Context, f *os.File, got received) (attributes, error) {
		meta.took(got)
		if err := s.store(ctx, f, key, path, got.size, meta, fresh, check); err != nil {
			return meta, err
		}
		meta.writeChecksumType(w.Header())
		return meta, nil
	})
}

// keeper makes an object or a part of the temporary file f and returns its attributes.
type keeper func(ctx context.Context, f *os.File, got received) (attributes, error)

// receiveFile receives the body of an upload into a temporary file, passes the file to
// keep, and answers with the attributes that keep returns.
func (s *Server) receiveFile(w http.ResponseWriter, r *http.Request, a *authorization, key string, keep keeper) error {
	f, err := s.disk.create()
	if err != nil {
		return err
	}
	defer discard(f)
	got, err := receive(w, r, a, f, s.limit(key))
	if err != nil {
		return err
	}
	meta, err := keep(r.Context(), f, got)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", meta.ETag)
	meta.writeChecksums(w.Header())
	extendWrite(w)
	w.WriteHeader(http.StatusOK)
	return nil
}

// took sets the attributes that are computed from the bytes.
func (a *attributes) took(got received) {
	a.ETag, a.Checksums, a.CRC, a.Modified = quoted(got.md5), got.checksums, got.crc, time.Now()
}

// store stores the temporary file f of size bytes as the object of key. When
// store returns, the object is on the disk and has been reported to Options.Created.
func (s *Server) store(ctx context.Context, f *os.File, key, path string, size int64, meta attributes, fresh bool, check condition) error {
	if err := seal(f, size, meta); err != nil {
		return err
	}
	if err := s.disk.publish(f, path, fresh, check); err != nil {
		return err
	}
	// The object is stored, even if the client has gone.
	s.created(context.WithoutCancel(ctx), key, meta.ETag)
	return nil
}

// writeChecksums adds the checksums to an answer.
func (a *attributes) writeChecksums(h http.Header) {
	for name, sum := range a.Checksums {
		h.Set(checksumPrefix+name, sum)
	}
}

// writeChecksumType adds the type of the checksums to an answer. Parts have none.
func (a *attributes) writeChecksumType(h http.Header) {
	if len(a.Checksums) > 0 {
		h.Set(checksumPrefix+"Type", a.checksumType())
	}
}

func (a *attributes) checksumType() string {
	if a.Composite {
		return "COMPOSITE"
	}
	return "FULL_OBJECT"
}

// getObject answers GET and HEAD.
func (s *Server) getObject(w http.ResponseWriter, r *http.Request, key string) error {
	o, err := s.disk.open(key)
	if err != nil {
		return err
	}
	defer o.file.Close() //nolint:errcheck // it was only read
	o.writeHeaders(w.Header(), r)
	if err := o.preconditions(r.Header); err != nil {
		return err
	}
	from, length, partial, err := o.span(r.Header)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if partial {
		status = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, from+length-1, o.size))
	} else if strings.EqualFold(r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") {
		o.writeChecksums(w.Header())
		o.writeChecksumType(w.Header())
	}
	w.Header().Set("Content-Length", strconv.FormatInt(length, 10))
	extendWrite(w)
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	return send(w, o.file, from, length)
}

// sendAtOnce is how many bytes a client must take within ioTimeout.
const sendAtOnce = 256 << 10

// send copies a part of a file to the client. On Linux, the kernel copies it, so a
// slow client holds no memory of this process.
func send(w http.ResponseWriter, f *os.File, from, length int64) error {
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		panic(http.ErrAbortHandler) // the status has been sent
	}
	step := int64(sendAtOnce)
	if _, ok := w.(*exchange); ok { // it has no time-out to extend
		step = length
	}
	for length > 0 {
		extendWrite(w)
		n, err := io.CopyN(w, f, min(length, step))
		if err != nil {
			panic(http.ErrAbortHandler) // close the connection, so that the client sees an incomplete body
		}
		length -= n
	}
	return nil
}

// writeHeaders sets the headers that describe the object. The query can replace
// some of them.
func (o *object) writeHeaders(h http.Header, r *http.Request) {
	for name, value := range o.Headers {
		h.Set(name, value)
	}
	query := r.URL.Query()
	for _, name := range repeated {
		if v := query.Get("response-" + strings.ToLower(name)); v != "" {
			h.Set(name, v)
		}
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", defaultType)
	}
	h.Set("ETag", o.ETag)
	h.Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	h.Set("Accept-Ranges", "bytes")
	for name, value := range o.Metadata {
		h[strings.ToLower(metaPrefix)+name] = []string{value} // as S3 writes it; boto3 keeps the case
	}
	if tags, err := url.ParseQuery(o.Tagging); err == nil && len(tags) > 0 {
		h.Set("X-Amz-Tagging-Count", strconv.Itoa(len(tags)))
	}
}

// preconditions checks the conditional headers (RFC 9110, 13.2.2).
func (o *object) preconditions(h http.Header) error {
	return precondition(&o.attributes, h.Get("If-Match"), h.Get("If-Unmodified-Since"), h.Get("If-None-Match"), h.Get("If-Modified-Since"), errNotModified)
}

// precondition checks the four conditions on an object. unchanged is the error if
// If-None-Match or If-Modified-Since fails.
func precondition(o *attributes, match, unmodified, none, modified string, unchanged apiError) error {
	changed := o.Modified.Truncate(time.Second)
	if match != "" {
		if !matches(match, o.ETag) {
			return errPrecondition
		}
	} else if at, err := http.ParseTime(unmodified); err == nil && changed.After(at) {
		return errPrecondition
	}
	if none != "" {
		if matches(none, o.ETag) {
			return unchanged
		}
	} else if at, err := http.ParseTime(modified); err == nil && !changed.After(at) {
		return unchanged
	}
	return nil
}

// span returns the byte range that the header Range requests. As in S3, a header
// that is malformed or requests several ranges is ignored. Error: InvalidRange.
func (o *object) span(h http.Header) (from, length int64, partial bool, err error) {
	text := h.Get("Range")
	if only := h.Get("If-Range"); only != "" && !matches(only, o.ETag) && only != o.Modified.UTC().Format(http.TimeFormat) {
		text = ""
	}
	from, length, ok := parseRange(text, o.size)
	switch {
	case !ok:
		return 0, o.size, false, nil
	case length < 1:
		return 0, 0, false, errRange
	}
	return from, length, true, nil
}

// parseRange reads "bytes=first-last", "bytes=first-" or "bytes=-suffix" for an
// object of size bytes. ok is false for any other text. A length below 1
// means that the range cannot be satisfied.
func parseRange(text string, size int64) (from, length int64, ok bool) {
	text, isBytes := strings.CutPrefix(text, "bytes=")
	first, last, isRange := strings.Cut(strings.TrimSpace(text), "-")
	if !isBytes || !isRange {
		return 0, 0, false
	}
	if first == "" {
		n, err := strconv.ParseUint(last, 10, 63)
		n = min(n, uint64(size))
		return size - int64(n), int64(n), err == nil
	}
	start, err := strconv.ParseUint(first, 10, 63)
	if err != nil {
		return 0, 0, false
	}
	end := size - 1
	if last != "" {
		n, err := strconv.ParseUint(last, 10, 63)
		if err != nil || n < start {
			return 0, 0, false
		}
		end = min(end, int64(n))
	}
	return int64(start), end - int64(start) + 1, true
}

// deletable returns the condition for a deletion: an ETag (If-Match) and a time to the
// second (X-Amz-If-Match-Last-Modified-Time, which S3 takes for directory buckets only);
// "" for none. As in S3, deleting a missing object succeeds even with a condition
// (docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html).
func deletable(match, modified string) condition {
	if match == "" && modified == "" {
		return nil
	}
	return func(existing *attributes) error {
		if existing == nil {
			return nil
		}
		at, err := http.ParseTime(modified)
		if match != "" && !matches(match, existing.ETag) || modified != "" && (err != nil || !existing.Modified.Truncate(time.Second).Equal(at)) {
			return errPrecondition
		}
		return nil
	}
}

// deleteObject deletes an object.
func (s *Server) deleteObject(w http.ResponseWriter, r *http.Request, key string) error {
	path, err := s.disk.path(key)
	if err == nil {
		err = s.disk.remove(path, bypasses(r), deletable(r.Header.Get("If-Match"), r.Header.Get("X-Amz-If-Match-Last-Modified-Time")))
	}
	if err != nil {
		return err
	}
	extendWrite(w)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
