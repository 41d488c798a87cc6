package s3server

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxKeys is the maximum number of keys and prefixes in a list.
const maxKeys = 1000

// item is an object or a common prefix in a list.
type item struct {
	key    string
	path   string // of the object; "" for a common prefix
	prefix bool
}

// listing collects the items of a list.
type listing struct {
	objects                  string // the folder of the bucket
	prefix, after, delimiter string
	max                      int
	items                    []item
	truncated                bool
}

// errEnough ends the walk of a list that is full.
var errEnough = errors.New("the list is full")

// collect fills the list, in the byte order of the keys.
func (l *listing) collect() error {
	if l.max == 0 {
		return nil
	}
	err := l.walk(l.objects, "")
	if errors.Is(err, errEnough) {
		l.truncated = true
		return nil
	}
	return err
}

// entry is a file or a folder with its key. The key of a folder ends in a slash, so
// that entries sort in the order of the keys inside them.
type entry struct {
	fs.DirEntry
	key string
}

// walk visits the objects in dir. Their keys start with base. It skips folders that
// contain no keys of the list.
func (l *listing) walk(dir, base string) error {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed meanwhile
	}
	if err != nil {
		return err
	}
	entries := make([]entry, 0, len(files))
	for _, f := range files {
		key := base + segment(f.Name())
		if f.IsDir() {
			key += "/"
		}
		entries = append(entries, entry{f, key})
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	for _, e := range entries {
		if err := l.visit(e, filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// visit adds a file to the list, or the files in a folder.
func (l *listing) visit(e entry, path string) error {
	if !e.IsDir() {
		if !e.Type().IsRegular() || !strings.HasPrefix(e.key, l.prefix) {
			return nil
		}
		return l.add(e.key, path)
	}
	inside := strings.HasPrefix(e.key, l.prefix)
	if !inside && !strings.HasPrefix(l.prefix, e.key) || e.key < l.after && !strings.HasPrefix(l.after, e.key) {
		return nil
	}
	if common, ok := l.common(e.key); ok && l.seen(common) {
		return nil
	}
	return l.walk(path, e.key)
}

// common returns the common prefix of key, if key contains the delimiter.
func (l *listing) common(key string) (string, bool) {
	if l.delimiter == "" || !strings.HasPrefix(key, l.prefix) {
		return "", false
	}
	i := strings.Index(key[len(l.prefix):], l.delimiter)
	if i < 0 {
		return "", false
	}
	return key[:len(l.prefix)+i+len(l.delimiter)], true
}

// seen reports whether the common prefix is already in this list or in an earlier
// page.
func (l *listing) seen(common string) bool {
	return common == l.after || len(l.items) > 0 && l.items[len(l.items)-1].key == common
}

// add adds an object, or its common prefix.
func (l *listing) add(key, path string) error {
	it := item{key: key, path: path}
	if common, ok := l.common(key); ok {
		if l.seen(common) {
			return nil
		}
		it = item{key: common, prefix: true}
	}
	if key <= l.after {
		return nil
	}
	if len(l.items) == l.max {
		return errEnough
	}
	l.items = append(l.items, it)
	return nil
}

// listed is an object in an answer.
type listed struct {
	Key               string
	LastModified      time.Time
	ETag              string
	ChecksumAlgorithm string `xml:",omitempty"`
	Size              int64
	StorageClass      string
}

type commonPrefix struct{ Prefix string }

// listAnswer is the answer to both versions of the list.
type listAnswer struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name, Prefix          string
	Marker                *string
	StartAfter            string `xml:",omitempty"`
	ContinuationToken     string `xml:",omitempty"`
	NextMarker            string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	KeyCount              *int
	MaxKeys               int
	Delimiter             string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	IsTruncated           bool
	Contents              []listed
	CommonPrefixes        []commonPrefix
}

// list answers ListObjects and ListObjectsV2.
func (s *Server) list(w http.ResponseWriter, r *http.Request, query url.Values) error {
	l := &listing{objects: s.disk.objects, prefix: query.Get("prefix"), delimiter: query.Get("delimiter"), max: maxKeys}
	if text := query.Get("max-keys"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return errArgument
		}
		l.max = min(n, maxKeys)
	}
	two := query.Get("list-type") == "2"
	encode := func(key string) string { return key }
	if kind := query.Get("encoding-type"); kind == "url" {
		encode = func(key string) string { return escape(key, true) }
	} else if kind != "" {
		return errArgument
	}
	l.after = query.Get("marker")
	if two {
		l.after = query.Get("start-after")
		if token := query.Get("continuation-token"); token != "" {
			text, err := base64.URLEncoding.DecodeString(token)
			if err != nil {
				return errArgument
			}
			l.after = string(text)
		}
	}
	if err := l.collect(); err != nil {
		return err
	}
	answer := listAnswer{
		Name: s.o.Bucket, Prefix: encode(l.prefix), Delimiter: encode(l.delimiter), MaxKeys: l.max,
		EncodingType: query.Get("encoding-type"), IsTruncated: l.truncated,
	}
	s.fill(&answer, l.items, encode)
	next := ""
	if l.truncated {
		next = l.items[len(l.items)-1].key
	}
	if two {
		count := len(l.items)
		answer.KeyCount, answer.StartAfter, answer.ContinuationToken = &count, encode(query.Get("start-after")), query.Get("continuation-token")
		answer.NextContinuationToken = base64.URLEncoding.EncodeToString([]byte(next))
	} else {
		marker := encode(l.after)
		answer.Marker, answer.NextMarker = &marker, encode(next)
	}
	writeXML(w, r, http.StatusOK, answer)
	return nil
}

// fill adds the items to an answer. It skips objects that were deleted meanwhile.
func (s *Server) fill(answer *listAnswer, items []item, encode func(string) string) {
	for _, it := range items {
		if it.prefix {
			answer.CommonPrefixes = append(answer.CommonPrefixes, commonPrefix{encode(it.key)})
			continue
		}
		o, err := s.disk.openFile(it.path)
		if err != nil {
			continue
		}
		_ = o.file.Close()
		entry := listed{Key: encode(it.key), LastModified: o.Modified.UTC(), ETag: o.ETag, Size: o.size, StorageClass: "STANDARD"}
		for name := range o.Checksums {
			entry.ChecksumAlgorithm = strings.ToUpper(name)
		}
		answer.Contents = append(answer.Contents, entry)
	}
}
