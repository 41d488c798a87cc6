package s3server

import (
	"context"
	"crypto/md5" //nolint:gosec // S3 defines ETags by MD5
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// manifest is the list of parts that a client sends to complete an upload.
type manifest struct {
	Parts []struct {
		PartNumber int
		ETag       string
	} `xml:"Part"`
}

// completeUpload joins the parts of an upload into an object. If the answer was
// lost, a retry gets the same answer. If the client leaves, the parts are joined
// nevertheless: a retry would otherwise begin anew.
func (s *Server) completeUpload(w http.ResponseWriter, r *http.Request, a *authorization, key string) error {
	path, err := s.disk.path(key)
	if err != nil {
		return err
	}
	m, err := readManifest(w, r, a)
	if err != nil {
		return err
	}
	fresh, check, err := conditions(r.Header)
	if err != nil {
		return err
	}
	id := r.URL.Query().Get("uploadId")
	return s.answerSlowly(w, r, func(ctx context.Context) (any, error) {
		end, err := s.completions.begin(ctx, id)
		if err != nil {
			return nil, err
		}
		defer end()
		meta, err := s.completeOnce(ctx, r.Header, id, key, path, m, fresh, check)
		return s.completed(key, meta), err
	})
}

// completeOnce completes an upload unless that was done before. The caller has begun a
// completion. Error: NoSuchUpload if the upload is aborted before its object is stored.
func (s *Server) completeOnce(ctx context.Context, h http.Header, id, key, path string, m manifest, fresh bool, check condition) (attributes, error) {
	u, err := s.upload(id, key)
	if meta, ok := s.madeBy(id, path); ok {
		if err == nil {
			s.removeUpload(u) // the process died before it did so
		}
		return meta, nil
	}
	if err != nil {
		return attributes{}, err
	}
	meta, err := s.complete(ctx, h, u, path, m, fresh, check)
	if err == nil {
		return meta, nil
	}
	if meta, ok := s.madeBy(id, path); ok { // another process has completed it meanwhile
		return meta, nil
	}
	if _, gone := s.upload(id, key); gone != nil {
		return meta, gone
	}
	return meta, err
}

// removeUpload removes a completed upload. If it stays, sweep removes it.
func (s *Server) removeUpload(u *upload) {
	_ = os.RemoveAll(filepath.Join(s.disk.uploads, u.ID))
}

// madeBy returns the attributes of the object at path if the upload with an ID made it.
func (s *Server) madeBy(id, path string) (attributes, bool) {
	o, err := s.disk.openFile(path)
	if err != nil {
		return attributes{}, false
	}
	_ = o.file.Close()
	return o.attributes, id != "" && o.Upload == id
}

// complete stores the object of an upload, and removes the upload.
func (s *Server) complete(ctx context.Context, h http.Header, u *upload, path string, m manifest, fresh bool, check condition) (attributes, error) {
	parts, err := s.listed(u, m)
	if err != nil {
		return attributes{}, err
	}
	f, err := s.disk.create()
	if err != nil {
		return attributes{}, err
	}
	defer discard(f)
	meta, size, err := s.join(f, u, parts)
	if err == nil {
		err = meta.expect(h)
	}
	if err != nil {
		return meta, err
	}
	unlessAborted := func(existing *attributes) error {
		if _, err := s.upload(u.ID, u.Key); err != nil || check == nil {
			return err
		}
		return check(existing)
	}
	if err := s.store(ctx, f, u.Key, path, size, meta, fresh, unlessAborted); err != nil {
		return meta, err
	}
	s.removeUpload(u)
	return meta, nil
}

// expect compares the checksums with those that the client expects. Error:
// BadDigest.
func (a *attributes) expect(h http.Header) error {
	for name, got := range a.Checksums {
		want := h.Get(checksumPrefix + name)
		if sum, _, _ := strings.Cut(got, "-"); want != "" && want != got && want != sum {
			return errDigest
		}
	}
	return nil
}

// completeResult is the answer with the new object.
type completeResult struct {
	XMLName                                          xml.Name `xml:"CompleteMultipartUploadResult"`
	Location, Bucket, Key, ETag                      string
	ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME string `xml:",omitempty"`
	ChecksumSHA1, ChecksumSHA256, ChecksumType       string `xml:",omitempty"`
}

func (s *Server) completed(key string, meta attributes) completeResult {
	answer := completeResult{
		Location: s.URL() + "/" + s.o.Bucket + "/" + escape(key, true), Bucket: s.o.Bucket, Key: key, ETag: meta.ETag,
		ChecksumCRC32: meta.Checksums["crc32"], ChecksumCRC32C: meta.Checksums["crc32c"], ChecksumCRC64NVME: meta.Checksums["crc64nvme"],
		ChecksumSHA1: meta.Checksums["sha1"], ChecksumSHA256: meta.Checksums["sha256"],
	}
	if len(meta.Checksums) > 0 {
		answer.ChecksumType = meta.checksumType()
	}
	return answer
}

// readManifest reads the list of parts.
func readManifest(w http.ResponseWriter, r *http.Request, a *authorization) (manifest, error) {
	var m manifest
	// A checksum in the headers is that of the object, not of this body.
	plain := r.WithContext(r.Context())
	plain.Header = r.Header.Clone()
	for _, name := range requested(r.Header) {
		plain.Header.Del(checksumPrefix + name)
	}
	if err := readXML(w, plain, a, &m); err != nil {
		return m, err
	}
	if len(m.Parts) == 0 || len(m.Parts) > maxParts {
		return m, errXML
	}
	for i := range m.Parts {
		if i > 0 && m.Parts[i].PartNumber <= m.Parts[i-1].PartNumber {
			return m, errPartOrder
		}
	}
	return m, nil
}

// listed returns the parts of the manifest. It reads none, so that a request with a wrong
// list fails at once. Errors: InvalidPart, EntityTooSmall, EntityTooLarge.
func (s *Server) listed(u *upload, m manifest) ([]storedPart, error) {
	var parts []storedPart
	all, limit := int64(0), s.limit(u.Key)
	for i, p := range m.Parts {
		o, err := s.openPart(u, p.PartNumber, p.ETag)
		if err != nil {
			return nil, err
		}
		_ = o.file.Close()
		if i < len(m.Parts)-1 && o.size < minPart {
			return nil, errPartSize
		}
		if all += o.size; limit > 0 && all > limit {
			return nil, errTooLarge
		}
		parts = append(parts, storedPart{o.attributes, p.PartNumber, o.size})
	}
	return parts, nil
}

// openPart opens a part. Error: InvalidPart if it has another ETag or does not exist.
func (s *Server) openPart(u *upload, number int, etag string) (*object, error) {
	o, err := s.disk.openFile(s.uploadFile(u.ID, strconv.Itoa(number)))
	if errors.Is(err, errNoKey) {
		return nil, errPart
	}
	if err == nil && (o.plain || !matches(etag, o.ETag)) {
		_ = o.file.Close()
		return nil, errPart
	}
	return o, err
}

// join writes the parts to f and returns the attributes and the size of the object. A
// part that a power cut has damaged is an InvalidPart.
func (s *Server) join(f *os.File, u *upload, parts []storedPart) (attributes, int64, error) {
	meta := u.Attributes
	whole, etags, all := crc32.New(castagnoli), md5.New(), int64(0) //nolint:gosec // S3 defines ETags by MD5
	var sum, sums hash.Hash
	if u.Algorithm != "" {
		sum, sums = algorithms[u.Algorithm](), algorithms[u.Algorithm]()
	}
	for _, p := range parts {
		o, err := s.openPart(u, p.number, p.ETag)
		if err != nil {
			return meta, 0, err
		}
		err = o.appendTo(f, whole, sum, s.completions.stopped)
		_ = o.file.Close()
		if err != nil {
			return meta, 0, err
		}
		all += o.size
		addHex(etags, o.ETag)
		if sums != nil {
			text, _ := base64.StdEncoding.DecodeString(o.Checksums[u.Algorithm]) // nothing if the part has none
			sums.Write(text)
		}
	}
	meta.ETag = fmt.Sprintf(`"%x-%d"`, etags.Sum(nil), len(parts))
	meta.CRC, meta.Modified, meta.Upload = whole.Sum32(), time.Now(), u.ID
	if sum != nil {
		meta.Composite = u.Type != "FULL_OBJECT" && u.Algorithm != "crc64nvme"
		text := base64.StdEncoding.EncodeToString(sum.Sum(nil))
		if meta.Composite {
			text = base64.StdEncoding.EncodeToString(sums.Sum(nil)) + "-" + strconv.Itoa(len(parts))
		}
		meta.Checksums = map[string]string{u.Algorithm: text}
	}
	return meta, all, nil
}

// appendTo appends the bytes of a part to f and the hashes. Errors: InvalidPart if
// the bytes differ from those that the client sent; errStopped once stopped is closed.
func (o *object) appendTo(f *os.File, whole, sum hash.Hash, stopped <-chan struct{}) error {
	own := crc32.New(castagnoli)
	to := []io.Writer{f, whole, own}
	if sum != nil {
		to = append(to, sum)
	}
	from := &stoppable{io.NewSectionReader(o.file, 0, o.size), stopped}
	if _, err := io.Copy(io.MultiWriter(to...), from); err != nil {
		return err
	}
	if own.Sum32() != o.CRC {
		return errPart
	}
	return nil
}

// addHex adds the bytes of a quoted ETag to a hash.
func addHex(h hash.Hash, etag string) {
	b, _ := hex.DecodeString(strings.Trim(etag, `"`)) // a part's ETag is its MD5
	h.Write(b)
}

// errStopped means that the server was closed.
var errStopped = errors.New("the S3 server was closed")

// stoppable is a reader that fails once stopped is closed.
type stoppable struct {
	io.Reader
	stopped <-chan struct{}
}

// Read implements [io.Reader].
func (s *stoppable) Read(b []byte) (int, error) {
	select {
	case <-s.stopped:
		return 0, errStopped
	default:
		return s.Reader.Read(b)
	}
}

// completions are the completions of uploads that run now. An upload has one at a time: a
// second one would copy all parts again, and lose them when the first one removes them.
type completions struct {
	mu      sync.Mutex
	running map[string]chan struct{} // by the upload's ID; closed at the end
	stopped chan struct{}            // closed by stop
}

func newCompletions() *completions {
	return &completions{running: map[string]chan struct{}{}, stopped: make(chan struct{})}
}

// begin waits until no completion of the upload runs. Then the caller's runs until it calls
// end. Errors: that of ctx, and errStopped after stop.
func (c *completions) begin(ctx context.Context, id string) (end func(), err error) {
	for {
		other, err := c.claim(id)
		if err != nil {
			return nil, err
		}
		if other == nil {
			return func() { c.end(id) }, nil
		}
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// claim returns the completion of the upload that runs. If none does, the caller's runs
// from now on, and the result is nil.
func (c *completions) claim(id string) (other <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.stopped:
		return nil, errStopped
	default:
	}
	if other, ok := c.running[id]; ok {
		return other, nil
	}
	c.running[id] = make(chan struct{})
	return nil, nil //nolint:nilnil // no other completion runs
}

func (c *completions) end(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.running[id])
	delete(c.running, id)
}

// stop stops the copies and waits for their end. No further completion begins. It must be
// called once.
func (c *completions) stop() {
	c.mu.Lock()
	close(c.stopped)
	var running []chan struct{}
	for _, one := range c.running {
		running = append(running, one)
	}
	c.mu.Unlock()
	for _, one := range running {
		<-one
	}
}
