package s3server

import (
	"context"
	"crypto/md5" //nolint:gosec // S3 defines ETags by MD5
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxParts = 10_000
	// minPart is the minimum size of every part but the last, in bytes.
	minPart = 5 << 20
	// maxManifest limits the list of parts in a request, in bytes.
	maxManifest  = 4 << 20
	manifestFile = "upload.json"
)

// upload is a multipart upload. Its folder is named after its ID and contains a
// manifest and the parts. Each part is a file in the format of an object.
type upload struct {
	ID         string     `json:"-"`
	Key        string     `json:"key"`
	Begun      time.Time  `json:"begun"`
	Attributes attributes `json:"attributes"`
	// Algorithm and Type are the checksum that the client asked for.
	Algorithm string `json:"algorithm,omitempty"`
	Type      string `json:"type,omitempty"`
}

func (s *Server) uploadFile(id, name string) string { return filepath.Join(s.disk.uploads, id, name) }

// createUpload starts a multipart upload.
func (s *Server) createUpload(w http.ResponseWriter, r *http.Request, key string) error {
	if _, err := s.disk.path(key); err != nil {
		return err
	}
	meta, err := describeUpload(r.Header)
	if err != nil {
		return err
	}
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	u := upload{
		ID: hex.EncodeToString(b), Key: key, Begun: time.Now().UTC(), Attributes: meta,
		Algorithm: strings.ToLower(r.Header.Get(checksumPrefix + "Algorithm")), Type: r.Header.Get(checksumPrefix + "Type"),
	}
	if u.Algorithm != "" && algorithms[u.Algorithm] == nil {
		return errChecksum
	}
	text, err := json.Marshal(u)
	if err == nil {
		err = os.Mkdir(filepath.Join(s.disk.uploads, u.ID), dirPerm)
	}
	if err == nil {
		err = os.WriteFile(s.uploadFile(u.ID, manifestFile), text, filePerm)
	}
	if err != nil {
		return err
	}
	writeXML(w, r, http.StatusOK, struct {
		XMLName               xml.Name `xml:"InitiateMultipartUploadResult"`
		Bucket, Key, UploadId string
	}{Bucket: s.o.Bucket, Key: key, UploadId: u.ID})
	return nil
}

// upload returns the upload of a request. Error: NoSuchUpload.
func (s *Server) upload(id, key string) (*upload, error) {
	if b, err := hex.DecodeString(id); err != nil || len(b) != 16 || strings.ToLower(id) != id {
		return nil, errNoUpload
	}
	text, err := os.ReadFile(s.uploadFile(id, manifestFile))
	u := &upload{ID: id}
	if err != nil || json.Unmarshal(text, u) != nil || key != "" && u.Key != key {
		return nil, errNoUpload
	}
	return u, nil
}

// part returns the upload and the part number of a request.
func (s *Server) part(r *http.Request, key string) (*upload, int, error) {
	query := r.URL.Query()
	number, err := strconv.Atoi(query.Get("partNumber"))
	if err != nil || number < 1 || number > maxParts {
		return nil, 0, errArgument
	}
	u, err := s.upload(query.Get("uploadId"), key)
	return u, number, err
}

// limit returns the maximum size of the object of a key; 0 means any size.
func (s *Server) limit(key string) int64 {
	if s.o.Unlimited != "" && strings.HasPrefix(key, s.o.Unlimited) {
		return 0
	}
	return s.o.MaxBytes
}

// fits checks that the parts of an upload, with a new one of size bytes, are not
// larger than an object may be. Error: EntityTooLarge.
func (s *Server) fits(u *upload, number int, size int64) error {
	limit := s.limit(u.Key)
	if limit <= 0 {
		return nil
	}
	parts, err := s.parts(u)
	for _, p := range parts {
		if p.number != number {
			size += p.size
		}
	}
	if err == nil && size > limit {
		err = errTooLarge
	}
	return err
}

// putPart stores a part.
func (s *Server) putPart(w http.ResponseWriter, r *http.Request, a *authorization, key string) error {
	u, number, err := s.part(r, key)
	if err != nil {
		return err
	}
	b, err := openBody(w, r, a, s.limit(key))
	if err == nil {
		err = s.fits(u, number, b.size)
	}
	if err != nil {
		return err
	}
	return s.receiveFile(w, r, a, key, func(_ context.Context, f *os.File, got received) (attributes, error) {
		return s.storePart(f, u, number, got)
	})
}

// storePart makes f a part of u. It does not sync the part to the disk, because
// the bytes are checked when the upload is completed.
func (s *Server) storePart(f *os.File, u *upload, number int, got received) (attributes, error) {
	var meta attributes
	meta.took(got)
	if err := errors.Join(seal(f, got.size, meta), f.Close()); err != nil {
		return meta, err
	}
	err := os.Rename(f.Name(), s.uploadFile(u.ID, strconv.Itoa(number)))
	if errors.Is(err, os.ErrNotExist) {
		err = errNoUpload // completed or aborted meanwhile
	}
	return meta, err
}

// storedPart is a part on the disk.
type storedPart struct {
	attributes
	number int
	size   int64
}

// parts returns the parts of an upload in order.
func (s *Server) parts(u *upload) ([]storedPart, error) {
	entries, err := os.ReadDir(filepath.Join(s.disk.uploads, u.ID))
	if err != nil {
		return nil, err
	}
	var parts []storedPart
	for _, e := range entries {
		number, err := strconv.Atoi(e.Name())
		if err != nil {
			continue // the manifest
		}
		o, err := s.disk.openFile(s.uploadFile(u.ID, e.Name()))
		if err != nil {
			continue // it is being replaced or removed
		}
		_ = o.file.Close()
		parts = append(parts, storedPart{o.attributes, number, o.size})
	}
	slices.SortFunc(parts, func(a, b storedPart) int { return a.number - b.number })
	return parts, nil
}

// manifest is the list of parts that a client sends to complete an upload.
type manifest struct {
	Parts []struct {
		PartNumber int
		ETag       string
	} `xml:"Part"`
}

// completeUpload joins the parts of an upload into an object. If the answer was
// lost, a retry gets the same answer.
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
	u, err := s.upload(id, key)
	if err != nil {
		if o, missing := s.disk.openFile(path); missing == nil {
			_ = o.file.Close()
			if o.Upload == id && id != "" {
				return s.completed(w, r, key, o.attributes)
			}
		}
		return err
	}
	f, err := s.disk.create()
	if err != nil {
		return err
	}
	defer discard(f)
	meta, size, err := s.join(f, u, m)
	if err == nil {
		err = meta.expect(r.Header)
	}
	if err != nil {
		return err
	}
	if err := s.store(r.Context(), f, key, path, size, meta, fresh, check); err != nil {
		return err
	}
	_ = os.RemoveAll(filepath.Join(s.disk.uploads, u.ID)) //nolint:gosec // upload has checked the ID; if it stays, sweep removes it
	return s.completed(w, r, key, meta)
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

// completed answers with the new object.
func (s *Server) completed(w http.ResponseWriter, r *http.Request, key string, meta attributes) error {
	answer := struct {
		XMLName                                          xml.Name `xml:"CompleteMultipartUploadResult"`
		Location, Bucket, Key, ETag                      string
		ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME string `xml:",omitempty"`
		ChecksumSHA1, ChecksumSHA256, ChecksumType       string `xml:",omitempty"`
	}{
		Location: s.URL() + "/" + s.o.Bucket + "/" + escape(key, true), Bucket: s.o.Bucket, Key: key, ETag: meta.ETag,
		ChecksumCRC32: meta.Checksums["crc32"], ChecksumCRC32C: meta.Checksums["crc32c"], ChecksumCRC64NVME: meta.Checksums["crc64nvme"],
		ChecksumSHA1: meta.Checksums["sha1"], ChecksumSHA256: meta.Checksums["sha256"],
	}
	if len(meta.Checksums) > 0 {
		answer.ChecksumType = meta.checksumType()
	}
	writeXML(w, r, http.StatusOK, answer)
	return nil
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

// join writes the parts of the manifest to f and returns the attributes and the
// size of the object. A part that a power cut has damaged is an InvalidPart.
func (s *Server) join(f *os.File, u *upload, m manifest) (attributes, int64, error) {
	meta := u.Attributes
	whole, etags, all := crc32.New(castagnoli), md5.New(), int64(0) //nolint:gosec // S3 defines ETags by MD5
	var sum, sums hash.Hash
	if u.Algorithm != "" {
		sum, sums = algorithms[u.Algorithm](), algorithms[u.Algorithm]()
	}
	for i, p := range m.Parts {
		o, err := s.disk.openFile(s.uploadFile(u.ID, strconv.Itoa(p.PartNumber)))
		if errors.Is(err, errNoKey) || err == nil && (o.plain || !matches(p.ETag, o.ETag)) {
			err = errPart
		}
		if err == nil && i < len(m.Parts)-1 && o.size < minPart {
			err = errPartSize
		}
		if err == nil {
			err = o.appendTo(f, whole, sum)
			all += o.size
		}
		if limit := s.limit(u.Key); err == nil && limit > 0 && all > limit {
			err = errTooLarge
		}
		if o != nil {
			_ = o.file.Close()
		}
		if err != nil {
			return meta, 0, err
		}
		addHex(etags, o.ETag)
		if sums != nil {
			text, _ := base64.StdEncoding.DecodeString(o.Checksums[u.Algorithm]) // nothing if the part has none
			sums.Write(text)
		}
	}
	meta.ETag = fmt.Sprintf(`"%x-%d"`, etags.Sum(nil), len(m.Parts))
	meta.CRC, meta.Modified, meta.Upload = whole.Sum32(), time.Now(), u.ID
	if sum != nil {
		meta.Composite = u.Type != "FULL_OBJECT" && u.Algorithm != "crc64nvme"
		text := base64.StdEncoding.EncodeToString(sum.Sum(nil))
		if meta.Composite {
			text = base64.StdEncoding.EncodeToString(sums.Sum(nil)) + "-" + strconv.Itoa(len(m.Parts))
		}
		meta.Checksums = map[string]string{u.Algorithm: text}
	}
	return meta, all, nil
}

// appendTo appends the bytes of a part to f and the hashes. Error: InvalidPart if
// the bytes differ from those that the client sent.
func (o *object) appendTo(f *os.File, whole, sum hash.Hash) error {
	own := crc32.New(castagnoli)
	to := []io.Writer{f, whole, own}
	if sum != nil {
		to = append(to, sum)
	}
	if _, err := io.Copy(io.MultiWriter(to...), io.NewSectionReader(o.file, 0, o.size)); err != nil {
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

// abortUpload deletes an upload and its parts.
func (s *Server) abortUpload(w http.ResponseWriter, id, key string) error {
	u, err := s.upload(id, key)
	if err == nil {
		err = os.RemoveAll(filepath.Join(s.disk.uploads, u.ID)) //nolint:gosec // upload has checked the ID
	}
	if err != nil {
		return err
	}
	extendWrite(w)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
