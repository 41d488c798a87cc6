package s3server

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	w.Header().Set(headerRequestID, strings.ToUpper(hex.EncodeToString(b)))
	defer extendWrite(w)      // for the bytes that are still in a buffer
	if r.ContentLength != 0 { // net/http reads a body that the server does not read before it answers
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.unreadTime))
	}
	if err := s.answer(w, r); err != nil {
		fail(w, r, err)
	}
}

// answer checks the signature and answers the request, or returns the error to
// answer with.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodOptions {
		return preflight(w, r)
	}
	addCORS(w, r)
	a, err := s.keys.authenticate(r, time.Now())
	if err != nil {
		return err
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return errURI
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	leave, ok := s.admit(r, key)
	if !ok {
		w.Header().Set("Connection", "close") // a body that arrives slowly would keep the connection
		w.Header().Set("Retry-After", retryAfter)
		return errSlowDown
	}
	defer leave()
	switch {
	case bucket == "" && key == "" && r.Method == http.MethodGet:
		return s.listBuckets(w, r)
	case bucket != s.o.Bucket:
		return errNoBucket
	case key == "":
		return s.answerBucket(w, r, a, query)
	}
	for name := range query {
		if unsupported[name] {
			return errUnsupported
		}
	}
	lock := query.Has("retention")
	if id := query.Get("versionId"); id != "" && (id != noVersion || !lock && (r.Method == http.MethodPut || r.Method == http.MethodPost)) {
		return errUnsupported
	}
	if query.Has("uploads") || query.Has("uploadId") {
		return s.answerUpload(w, r, a, key, query)
	}
	return s.answerObject(w, r, a, key, query)
}

// admit begins a request for an object. The caller must call leave at its end. ok is false if
// the object's party has its share of the public connections already.
func (s *Server) admit(r *http.Request, key string) (leave func(), ok bool) {
	if r.Context().Value(http.ServerContextKey) != s.public {
		return func() {}, true
	}
	party := partyOf(key)
	return func() { s.shares.give(party) }, s.shares.take(party)
}

// unsupported lists the subresources of an object that this server does not support.
// Without this list, such a request would be treated as a request for the object.
var unsupported = map[string]bool{
	"acl": true, "attributes": true, "legal-hold": true, "restore": true, "torrent": true,
	"select": true, "append": true, "renameObject": true,
}

// answerBucket answers a request for the bucket.
func (s *Server) answerBucket(w http.ResponseWriter, r *http.Request, a *authorization, query url.Values) error {
	known := func(name string) bool {
		switch name {
		case "prefix", "delimiter", "marker", "max-keys", "encoding-type", "list-type", "start-after", "continuation-token", "fetch-owner", "x-id":
			return true
		}
		return strings.HasPrefix(strings.ToLower(name), "x-amz-")
	}
	switch {
	case r.Method == http.MethodPost && query.Has("delete"):
		return s.deleteObjects(w, r, a)
	case r.Method == http.MethodGet && query.Has("location"):
		return s.location(w, r)
	case r.Method == http.MethodGet && query.Has("versioning"):
		return s.versioning(w, r)
	case r.Method == http.MethodGet && query.Has("versions"):
		return s.listVersions(w, r, query)
	case r.Method == http.MethodGet && query.Has("uploads"):
		return s.listUploads(w, r, query)
	}
	for name := range query {
		if !known(name) {
			return errUnsupported
		}
	}
	switch r.Method {
	case http.MethodGet:
		return s.list(w, r, query)
	case http.MethodHead, http.MethodPut: // the bucket exists, and creating it again changes nothing
		w.Header().Set("X-Amz-Bucket-Region", s.o.Region)
		extendWrite(w)
		w.WriteHeader(http.StatusOK)
		return nil
	}
	return errMethod
}

// answerObject answers a request for an object.
func (s *Server) answerObject(w http.ResponseWriter, r *http.Request, a *authorization, key string, query url.Values) error {
	copies := r.Header.Get(headerSource) != ""
	switch {
	case query.Has("tagging") && r.Method == http.MethodGet:
		return s.tagging(w, r, key)
	case query.Has("retention") && r.Method == http.MethodGet:
		return s.getRetention(w, r, key)
	case query.Has("retention") && r.Method == http.MethodPut:
		return s.putRetention(w, r, a, key)
	case query.Has("tagging"), query.Has("partNumber"), query.Has("retention"):
		return errUnsupported
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		return s.getObject(w, r, key)
	case r.Method == http.MethodPut && copies:
		return s.copyObject(w, r, key)
	case r.Method == http.MethodPut:
		return s.putObject(w, r, a, key)
	case r.Method == http.MethodDelete:
		return s.deleteObject(w, r, key)
	}
	return errMethod
}

// answerUpload answers a request for a multipart upload.
func (s *Server) answerUpload(w http.ResponseWriter, r *http.Request, a *authorization, key string, query url.Values) error {
	id := query.Get("uploadId")
	switch {
	case r.Method == http.MethodPost && query.Has("uploads"):
		return s.createUpload(w, r, key)
	case r.Method == http.MethodPost:
		return s.completeUpload(w, r, a, key)
	case r.Method == http.MethodPut && r.Header.Get(headerSource) != "":
		return s.copyPart(w, r, key)
	case r.Method == http.MethodPut:
		return s.putPart(w, r, a, key)
	case r.Method == http.MethodDelete:
		return s.abortUpload(w, id, key)
	case r.Method == http.MethodGet:
		return s.listParts(w, r, id, key)
	}
	return errMethod
}
