package s3server

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// This file implements the part of S3 Object Lock that legal holds use: retention in
// governance mode (docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html). This
// server keeps no versions. So it refuses to replace a locked object, where S3 would add a
// version and keep the locked one.

// governance is the only mode that this server supports.
const governance = "GOVERNANCE"

// retention is the lock of an object, in a file of its own: the file of the object stays
// as it is, and so do its ETag and its time.
type retention struct {
	Mode  string    `json:"mode"`
	Until time.Time `json:"until"`
}

// lockFile returns the path of the lock of the object at path.
func (d *disk) lockFile(path string) string {
	sum := sha256.Sum256([]byte(strings.TrimPrefix(path, d.objects)))
	return filepath.Join(d.locks, hex.EncodeToString(sum[:]))
}

// lockOf returns the lock of the object at path. The zero retention means that it has none.
func (d *disk) lockOf(path string) (retention, error) {
	var l retention
	text, err := os.ReadFile(d.lockFile(path))
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &l)
	}
	return l, err
}

// checkLock returns errLocked if the object at path is locked. A lock that cannot be
// read counts as a lock.
func (d *disk) checkLock(path string) error {
	l, err := d.lockOf(path)
	switch {
	case err != nil:
		return err
	case time.Now().Before(l.Until):
		return errLocked
	}
	return nil
}

// setLock stores the lock of the object at path, or removes it if l is the zero retention.
// Errors: NoSuchKey, and errLocked if l would shorten a lock and bypass is false.
func (d *disk) setLock(path string, l retention, bypass bool) error {
	change := &d.changing[hashOf(path)%uint32(len(d.changing))]
	change.Lock()
	defer change.Unlock()
	o, err := d.openFile(path)
	if err != nil {
		return err
	}
	_ = o.file.Close()
	old, err := d.lockOf(path)
	if err != nil {
		return err
	}
	if !bypass && time.Now().Before(old.Until) && l.Until.Before(old.Until) {
		return errLocked
	}
	if l == (retention{}) {
		return d.removeLock(path)
	}
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if err := d.ensure(d.locks); err != nil {
		return err
	}
	f, err := d.create()
	if err != nil {
		return err
	}
	defer discard(f)
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := errors.Join(d.sync(f), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), d.lockFile(path)); err != nil {
		return err
	}
	return d.syncDir(d.locks)
}

// removeLock removes the lock of the object at path, if it has one.
func (d *disk) removeLock(path string) error {
	err := os.Remove(d.lockFile(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, d.syncDir(d.locks))
}

// retentionXML is the body of both requests.
type retentionXML struct {
	XMLName         xml.Name `xml:"Retention"`
	Mode            string   `xml:",omitempty"`
	RetainUntilDate string   `xml:",omitempty"`
}

// bypasses reports whether a request may go past a lock in governance mode. All keys of
// this server belong to its owner, and the owner has the right to do so.
func bypasses(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("X-Amz-Bypass-Governance-Retention"), "true")
}

// putRetention answers PutObjectRetention
// (docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectRetention.html). A body without a
// mode removes the lock.
func (s *Server) putRetention(w http.ResponseWriter, r *http.Request, a *authorization, key string) error {
	path, err := s.disk.path(key)
	if err != nil {
		return err
	}
	var in retentionXML
	if err := readXML(w, r, a, &in); err != nil {
		return err
	}
	var l retention
	if in.Mode != "" || in.RetainUntilDate != "" {
		until, err := time.Parse(time.RFC3339, in.RetainUntilDate)
		switch {
		case in.Mode == "COMPLIANCE":
			return errUnsupported
		case in.Mode != governance, err != nil:
			return errXML
		case !time.Now().Before(until):
			return errArgument
		}
		l = retention{Mode: governance, Until: until.UTC()}
	}
	if err := s.disk.setLock(path, l, bypasses(r)); err != nil {
		return err
	}
	extendWrite(w)
	w.WriteHeader(http.StatusOK)
	return nil
}

// getRetention answers GetObjectRetention.
func (s *Server) getRetention(w http.ResponseWriter, r *http.Request, key string) error {
	o, err := s.disk.open(key)
	if err != nil {
		return err
	}
	_ = o.file.Close()
	path, err := s.disk.path(key)
	if err != nil {
		return err
	}
	l, err := s.disk.lockOf(path)
	if err != nil {
		return err
	}
	if l.Mode == "" {
		return errNoLock
	}
	writeXML(w, r, http.StatusOK, retentionXML{Mode: l.Mode, RetainUntilDate: l.Until.Format(time.RFC3339)})
	return nil
}
