package s3server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
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
