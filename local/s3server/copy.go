package s3server

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// copied is the answer to a copy of an object or a part.
type copied struct {
	ETag         string
	LastModified time.Time
}

type copyObjectResult struct {
	XMLName xml.Name `xml:"CopyObjectResult"`
	copied
}

type copyPartResult struct {
	XMLName xml.Name `xml:"CopyPartResult"`
	copied
}

const headerSource = "X-Amz-Copy-Source"

// source opens the object that a copy reads, and checks the conditions on it.
func (s *Server) source(r *http.Request) (*object, string, error) {
	bucket, key, err := parseSource(r.Header.Get(headerSource))
	if err != nil {
		return nil, "", err
	}
	if bucket != s.o.Bucket {
		return nil, "", errNoBucket
	}
	o, err := s.disk.open(key)
	if err != nil {
		return nil, "", err
	}
	condition := func(name string) string { return r.Header.Get(headerSource + name) }
	if err := precondition(&o.attributes, condition("-If-Match"), condition("-If-Unmodified-Since"),
		condition("-If-None-Match"), condition("-If-Modified-Since"), errPrecondition); err != nil {
		_ = o.file.Close()
		return nil, "", err
	}
	return o, key, nil
}

// parseSource splits a URL-encoded "bucket/key", with or without a slash before it.
func parseSource(text string) (bucket, key string, err error) {
	text, version, _ := strings.Cut(text, "?versionId=")
	if version != "" && version != "null" {
		return "", "", errUnsupported
	}
	text, err = url.PathUnescape(strings.TrimPrefix(text, "/"))
	bucket, key, ok := strings.Cut(text, "/")
	if err != nil || !ok || key == "" {
		return "", "", errArgument
	}
	return bucket, key, nil
}

// copyObject copies an object with its headers and metadata, or with those of the
// request if the request asks to replace them
// (docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html).
func (s *Server) copyObject(w http.ResponseWriter, r *http.Request, key string) error {
	path, err := s.disk.path(key)
	if err != nil {
		return err
	}
	fresh, check, err := conditions(r.Header)
	if err != nil {
		return err
	}
	o, from, err := s.source(r)
	if err != nil {
		return err
	}
	defer o.file.Close() //nolint:errcheck // it was only read
	meta, replace, err := o.copyAttributes(r.Header)
	if err != nil {
		return err
	}
	if from == key && !replace {
		return errSelfCopy
	}
	if s.o.MaxBytes > 0 && o.size > s.o.MaxBytes {
		return errTooLarge
	}
	return s.answerSlowly(w, r, func(ctx context.Context) (any, error) {
		f, err := s.disk.create()
		if err != nil {
			return nil, err
		}
		defer discard(f)
		got, err := receiveFrom(f, io.NewSectionReader(o.file, 0, o.size), requestedCopy(r.Header))
		if err != nil {
			return nil, err
		}
		sums, composite := o.Checksums, o.Composite
		meta.took(got)
		if len(got.checksums) == 0 && !composite {
			meta.Checksums = sums
		}
		if err := s.store(ctx, f, key, path, got.size, meta, fresh, check); err != nil {
			return nil, err
		}
		return copyObjectResult{copied: copied{ETag: meta.ETag, LastModified: meta.Modified.UTC()}}, nil
	})
}

// copyAttributes returns the attributes of a copy. replace reports whether they
// come from the request.
func (o *object) copyAttributes(h http.Header) (meta attributes, replace bool, err error) {
	switch h.Get("X-Amz-Metadata-Directive") {
	case "", "COPY":
		meta = attributes{Headers: o.Headers, Metadata: o.Metadata, Tagging: o.Tagging}
	case "REPLACE":
		replace = true
		meta, err = describeUpload(h)
	default:
		err = errArgument
	}
	if h.Get("X-Amz-Tagging-Directive") == "REPLACE" {
		meta.Tagging = h.Get("X-Amz-Tagging")
	} else {
		meta.Tagging = o.Tagging
	}
	return meta, replace, err
}

// requestedCopy returns the checksums that a copy should compute.
func requestedCopy(h http.Header) []string {
	if name := strings.ToLower(h.Get(checksumPrefix + "Algorithm")); algorithms[name] != nil {
		return []string{name}
	}
	return nil
}

// copyPart stores a part of an existing object as a part of an upload
// (docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html).
func (s *Server) copyPart(w http.ResponseWriter, r *http.Request, key string) error {
	u, number, err := s.part(r, key)
	if err != nil {
		return err
	}
	o, _, err := s.source(r)
	if err != nil {
		return err
	}
	defer o.file.Close() //nolint:errcheck // it was only read
	from, length := int64(0), o.size
	if text := r.Header.Get(headerSource + "-Range"); text != "" {
		var ok bool
		from, length, ok = parseRange(text, o.size)
		if !ok || length < 1 {
			return errRange
		}
	}
	if err := s.fits(u, number, length); err != nil {
		return err
	}
	return s.answerSlowly(w, r, func(context.Context) (any, error) {
		meta, err := s.copyToPart(u, number, io.NewSectionReader(o.file, from, length))
		if err != nil {
			return nil, err
		}
		return copyPartResult{copied: copied{ETag: meta.ETag, LastModified: meta.Modified.UTC()}}, nil
	})
}

// copyToPart stores bytes as a part of an upload.
func (s *Server) copyToPart(u *upload, number int, from io.Reader) (attributes, error) {
	f, err := s.disk.create()
	if err != nil {
		return attributes{}, err
	}
	defer discard(f)
	var wanted []string
	if u.Algorithm != "" {
		wanted = []string{u.Algorithm}
	}
	got, err := receiveFrom(f, from, wanted)
	if err != nil {
		return attributes{}, err
	}
	meta, err := s.storePart(f, u, number, got)
	if errors.Is(err, errNoKey) {
		err = errNoUpload
	}
	return meta, err
}
