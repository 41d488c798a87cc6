package s3server

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// noVersion is the version ID of every object: the bucket has no versioning.
const noVersion = "null"

// version is an object in the answer to ListObjectVersions.
type version struct {
	Key          string
	VersionId    string
	IsLatest     bool
	LastModified time.Time
	ETag         string
	Size         int64
	StorageClass string
}

// listVersions answers ListObjectVersions
// (docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html). Every object has
// one version, without delete markers.
func (s *Server) listVersions(w http.ResponseWriter, r *http.Request, query url.Values) error {
	l := &listing{objects: s.disk.objects, prefix: query.Get("prefix"), after: query.Get("key-marker"), max: maxKeys}
	if text := query.Get("max-keys"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return errArgument
		}
		l.max = min(n, maxKeys)
	}
	encode := func(key string) string { return key }
	switch kind := query.Get("encoding-type"); {
	case kind == "url":
		encode = func(key string) string { return escape(key, true) }
	case kind != "", query.Get("delimiter") != "":
		return errArgument
	}
	if err := l.collect(); err != nil {
		return err
	}
	answer := struct {
		XMLName             xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListVersionsResult"`
		Name, Prefix        string
		KeyMarker           string
		NextKeyMarker       string `xml:",omitempty"`
		NextVersionIdMarker string `xml:",omitempty"`
		MaxKeys             int
		EncodingType        string `xml:",omitempty"`
		IsTruncated         bool
		Version             []version
	}{
		Name: s.o.Bucket, Prefix: encode(l.prefix), KeyMarker: encode(l.after), MaxKeys: l.max,
		EncodingType: query.Get("encoding-type"), IsTruncated: l.truncated,
	}
	var found listAnswer
	s.fill(&found, l.items, encode)
	for _, o := range found.Contents {
		answer.Version = append(answer.Version, version{
			Key: o.Key, VersionId: noVersion, IsLatest: true, LastModified: o.LastModified, ETag: o.ETag, Size: o.Size, StorageClass: o.StorageClass,
		})
	}
	if l.truncated {
		answer.NextKeyMarker, answer.NextVersionIdMarker = encode(l.items[len(l.items)-1].key), noVersion
	}
	writeXML(w, r, http.StatusOK, answer)
	return nil
}
