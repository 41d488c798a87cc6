package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"sync"
)

// folder holds the files of the page.
const folder = "assets"

// indexName is the file that /console/ shows.
const indexName = "index.html"

//go:embed assets
var embedded embed.FS

// kinds are the content types by extension. Files with other extensions are a mistake.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// file is a file as it is sent.
type file struct {
	kind string
	body []byte
	// etag is a strong entity tag: a hash of body.
	etag string
	// gzip returns body in gzip. It compresses only once, at the first request, because
	// most starts of a function need few files. It is nil if gzip does not help.
	gzip func() []byte
}

// minCompressed is the length in bytes from which files are compressed. Shorter ones
// fit into a packet anyway.
const minCompressed = 512

// newFile returns a file with its entity tag.
func newFile(kind string, body []byte) *file {
	f := &file{kind: kind, body: body, etag: `"` + digest(body) + `"`}
	if len(body) >= minCompressed {
		f.gzip = sync.OnceValue(func() []byte { return zipped(body) })
	}
	return f
}

// zipped returns text in gzip.
func zipped(text []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(text)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil { // only for an invalid level: memory can always be written
		panic(err)
	}
	return b.Bytes()
}

// digest returns a part of the SHA-256 of texts that is long enough to identify them.
func digest(texts ...[]byte) string {
	h := sha256.New()
	for _, text := range texts {
		_, _ = h.Write(text) // never fails (hash.Hash)
	}
	return hex.EncodeToString(h.Sum(nil)[:10])
}

// assets are all files of the page.
type assets struct {
	// byName has all files but the index.
	byName map[string]*file
	// index is the text of the index. Its references to assets have no version yet.
	index []byte
	// hash identifies names and contents of all files.
	hash []byte
}

// edition is the page for one Content-Security-Policy.
type edition struct {
	policy, version string
	index           *file
}

// load reads the assets in a folder of a file system.
func load(from fs.FS, root string) (*assets, error) {
	a := &assets{byName: map[string]*file{}}
	sum := sha256.New()
	entries, err := fs.ReadDir(from, root)
	if err != nil {
		return nil, fmt.Errorf("read the console's assets: %w", err)
	}
	for _, entry := range entries { // in the order of their names
		name := entry.Name()
		kind := kinds[path.Ext(name)]
		if kind == "" {
			return nil, fmt.Errorf("the console's asset %s has no known content type", name)
		}
		body, err := fs.ReadFile(from, path.Join(root, name))
		if err != nil {
			return nil, fmt.Errorf("read the console's asset: %w", err)
		}
		if body, err = smaller(path.Ext(name), body); err != nil {
			return nil, fmt.Errorf("the console's asset %s: %w", name, err)
		}
		f := newFile(kind, body)
		_, _ = sum.Write([]byte(name + " " + f.etag + "\n")) // never fails (hash.Hash)
		if name == indexName {
			a.index = body
			continue
		}
		a.byName[name] = f
	}
	if a.index == nil {
		return nil, errors.New("the console's assets have no " + indexName)
	}
	a.hash = sum.Sum(nil)
	return a, nil
}

// reference matches an attribute of the index that may refer to an asset.
var reference = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`( (?:href|src)=")([a-z0-9.-]+)(")`) })

// edition returns the edition for a policy. The policy is part of the version because
// the script of a worker, which browsers cache with its headers, follows the policy in
// its own response (HTML, "run a worker").
func (a *assets) edition(policy string) *edition {
	version := digest(a.hash, []byte(policy))
	text := reference().ReplaceAllFunc(a.index, func(match []byte) []byte {
		parts := reference().FindSubmatch(match)
		if a.byName[string(parts[2])] == nil {
			return match
		}
		return fmt.Appendf(nil, "%s%s/%s%s", parts[1], version, parts[2], parts[3])
	})
	return &edition{policy: policy, version: version, index: newFile(kinds[".html"], text)}
}
