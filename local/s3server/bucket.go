package s3server

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"crypto/md5" //nolint:gosec // S3 defines ETags by MD5
)

// listBuckets lists the one bucket.
func (s *Server) listBuckets(w http.ResponseWriter, r *http.Request) error {
	type bucket struct {
		Name         string
		CreationDate time.Time
	}
	made := time.Now()
	if info, err := os.Stat(s.disk.objects); err == nil {
		made = info.ModTime()
	}
	answer := struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
		Owner   struct{ ID, DisplayName string }
		Buckets struct{ Bucket []bucket }
	}{}
	answer.Owner.ID, answer.Owner.DisplayName = s.o.AccessKeyID, s.o.AccessKeyID
	answer.Buckets.Bucket = []bucket{{s.o.Bucket, made.UTC()}}
	writeXML(w, r, http.StatusOK, answer)
	return nil
}

// location answers GetBucketLocation. As in S3, us-east-1 is "".
func (s *Server) location(w http.ResponseWriter, r *http.Request) error {
	region := s.o.Region
	if region == defaultRegion {
		region = ""
	}
	writeXML(w, r, http.StatusOK, struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
		Region  string   `xml:",chardata"`
	}{Region: region})
	return nil
}

// versioning reports that the bucket has never been versioned.
func (s *Server) versioning(w http.ResponseWriter, r *http.Request) error {
	writeXML(w, r, http.StatusOK, struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ VersioningConfiguration"`
	}{})
	return nil
}

// tagging answers GetObjectTagging, which clients call before they copy an object.
func (s *Server) tagging(w http.ResponseWriter, r *http.Request, key string) error {
	o, err := s.disk.open(key)
	if err != nil {
		return err
	}
	_ = o.file.Close()
	type tag struct{ Key, Value string }
	answer := struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ Tagging"`
		TagSet  struct{ Tag []tag }
	}{}
	tags, _ := url.ParseQuery(o.Tagging) // nothing if the client sent something else
	for name, values := range tags {
		answer.TagSet.Tag = append(answer.TagSet.Tag, tag{name, values[0]})
	}
	slices.SortFunc(answer.TagSet.Tag, func(a, b tag) int { return cmp.Compare(a.Key, b.Key) })
	writeXML(w, r, http.StatusOK, answer)
	return nil
}

// deleteObjects deletes a list of objects
// (docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html).
func (s *Server) deleteObjects(w http.ResponseWriter, r *http.Request, a *authorization) error {
	var in struct {
		Quiet   bool
		Objects []struct{ Key, ETag string } `xml:"Object"`
	}
	if err := readXML(w, r, a, &in); err != nil {
		return err
	}
	if len(in.Objects) == 0 || len(in.Objects) > maxKeys {
		return errXML
	}
	type failure struct{ Key, Code, Message string }
	answer := struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
		Deleted []struct{ Key string }
		Error   []failure
	}{}
	for _, o := range in.Objects {
		path, err := s.disk.path(o.Key)
		if err == nil {
			err = s.disk.remove(path, bypasses(r), deletable(o.ETag, ""))
		}
		if err != nil {
			e := toAPIError(err)
			answer.Error = append(answer.Error, failure{o.Key, e.code, e.message})
		} else if !in.Quiet {
			answer.Deleted = append(answer.Deleted, struct{ Key string }{o.Key})
		}
	}
	writeXML(w, r, http.StatusOK, answer)
	return nil
}

// listUploads lists the uploads in progress. It never truncates.
func (s *Server) listUploads(w http.ResponseWriter, r *http.Request, query url.Values) error {
	entries, err := os.ReadDir(s.disk.uploads)
	if err != nil {
		return err
	}
	type pending struct {
		Key, UploadId string
		Initiated     time.Time
	}
	answer := struct {
		XMLName        xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListMultipartUploadsResult"`
		Bucket, Prefix string
		MaxUploads     int
		IsTruncated    bool
		Upload         []pending
	}{Bucket: s.o.Bucket, Prefix: query.Get("prefix")}
	for _, e := range entries {
		if u, err := s.upload(e.Name(), ""); err == nil && strings.HasPrefix(u.Key, answer.Prefix) {
			answer.Upload = append(answer.Upload, pending{u.Key, u.ID, u.Begun})
		}
	}
	slices.SortFunc(answer.Upload, func(a, b pending) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), a.Initiated.Compare(b.Initiated))
	})
	answer.MaxUploads = max(maxKeys, len(answer.Upload))
	writeXML(w, r, http.StatusOK, answer)
	return nil
}

// listParts lists the parts of an upload. It never truncates.
func (s *Server) listParts(w http.ResponseWriter, r *http.Request, id, key string) error {
	u, err := s.upload(id, key)
	if err != nil {
		return err
	}
	parts, err := s.parts(u)
	if err != nil {
		return err
	}
	type part struct {
		PartNumber   int
		LastModified time.Time
		ETag         string
		Size         int64
	}
	answer := struct {
		XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListPartsResult"`
		Bucket, Key, UploadId string
		MaxParts              int
		IsTruncated           bool
		Part                  []part
	}{Bucket: s.o.Bucket, Key: key, UploadId: id, MaxParts: maxParts}
	for _, p := range parts {
		answer.Part = append(answer.Part, part{p.number, p.Modified.UTC(), p.ETag, p.size})
	}
	writeXML(w, r, http.StatusOK, answer)
	return nil
}

// readXML reads the XML in the body of a request and checks its checksums.
func readXML(w http.ResponseWriter, r *http.Request, a *authorization, to any) error {
	var text strings.Builder
	if _, err := receive(w, r, a, &text, maxManifest); err != nil {
		return err
	}
	if err := xml.Unmarshal([]byte(text.String()), to); err != nil {
		return errXML
	}
	return nil
}

// receiveFrom copies bytes that are already stored to dst.
func receiveFrom(dst io.Writer, from io.Reader, checksums []string) (received, error) {
	digest, crc := md5.New(), crc32.New(castagnoli) //nolint:gosec // S3 defines ETags by MD5
	to, sums := []io.Writer{dst, digest, crc}, map[string]hash.Hash{}
	for _, name := range checksums {
		sums[name] = algorithms[name]()
		to = append(to, sums[name])
	}
	n, err := io.Copy(io.MultiWriter(to...), from)
	got := received{size: n, md5: digest.Sum(nil), crc: crc.Sum32(), checksums: map[string]string{}}
	for name, sum := range sums {
		got.checksums[name] = base64.StdEncoding.EncodeToString(sum.Sum(nil))
	}
	return got, err
}

// Size returns the size of an object in bytes; stored is false if it does not exist.
// It reads only the object's file, so it takes a small part of the time of a request.
func (s *Server) Size(key string) (size int64, stored bool, err error) {
	o, err := s.disk.open(key)
	if errors.Is(err, errNoKey) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, withoutPath(err)
	}
	defer o.file.Close() //nolint:errcheck // it was only read
	return o.size, true, nil
}

// Damaged returns the keys of damaged objects among those stored since that time.
// It reads each object completely and compares it with its checksum. A disk that
// confirms a write and then loses it in a power cut leaves damaged objects.
// Damaged stops when ctx ends.
func (s *Server) Damaged(ctx context.Context, since time.Time) ([]string, error) {
	var damaged []string
	err := filepath.WalkDir(s.disk.objects, func(path string, e fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err != nil || info.ModTime().Before(since) {
			return ignoreMissing(err)
		}
		o, err := s.disk.openFile(path)
		if err != nil {
			if errors.Is(err, errNoKey) {
				return nil // removed meanwhile
			}
			return err
		}
		defer o.file.Close() //nolint:errcheck // it was only read
		ok, err := o.check()
		if err == nil && !ok {
			damaged = append(damaged, s.disk.key(path))
		}
		return err
	})
	if err != nil {
		return damaged, fmt.Errorf("check recent objects: %w", withoutPath(err))
	}
	return damaged, nil
}

// withoutPath returns err without the path of a file, because the names of objects
// contain phone numbers.
func withoutPath(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", pe.Op, pe.Err)
	}
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// key returns the key of the object at path.
func (d *disk) key(path string) string {
	rel, err := filepath.Rel(d.objects, path)
	if err != nil {
		return path // impossible: every path is in the folder
	}
	names := strings.Split(filepath.ToSlash(rel), "/")
	for i, name := range names {
		names[i] = segment(name)
	}
	return strings.Join(names, "/")
}
