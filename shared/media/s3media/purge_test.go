package s3media

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

// versioned is a bucket with versioning that answers the calls of Purge. It lists two
// entries for each page.
type versioned struct {
	entries []entryOfKey // the newest of each key first, like S3
	removed []string
	status  int // of deletions; 0 for success
}

// entryOfKey is a version or a delete marker.
type entryOfKey struct {
	key, id string
	marker  bool
}

func (v *versioned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if r.Method == http.MethodDelete {
		if v.status != 0 {
			w.WriteHeader(v.status)
			return
		}
		v.removed = append(v.removed, strings.TrimPrefix(r.URL.Path, "/recordings/")+" "+query.Get("versionId")+r.Header.Get("If-Match"))
		w.WriteHeader(http.StatusNoContent)
		return
	}
	rest := slices.DeleteFunc(slices.Clone(v.entries), func(e entryOfKey) bool { return !strings.HasPrefix(e.key, query.Get("prefix")) })
	if marker := query.Get("key-marker"); marker != "" {
		at := slices.IndexFunc(rest, func(e entryOfKey) bool { return e.key == marker && e.id == query.Get("version-id-marker") })
		rest = rest[at+1:]
	}
	_, _ = fmt.Fprint(w, `<?xml version="1.0"?><ListVersionsResult>`)
	for i, e := range rest {
		if i == 2 {
			_, _ = fmt.Fprintf(w, "<IsTruncated>true</IsTruncated><NextKeyMarker>%s</NextKeyMarker><NextVersionIdMarker>%s</NextVersionIdMarker>", rest[1].key, rest[1].id)
			break
		}
		element, etag := "Version", "<ETag>&quot;e&quot;</ETag>"
		if e.marker {
			element, etag = "DeleteMarker", ""
		}
		_, _ = fmt.Fprintf(w, "<%s><Key>%s</Key><VersionId>%s</VersionId>%s</%s>", element, e.key, e.id, etag, element)
	}
	_, _ = fmt.Fprint(w, `</ListVersionsResult>`)
}

// open returns the bucket.
func (v *versioned) open(t *testing.T) *Bucket {
	t.Helper()
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	b, err := Open(Options{
		Region: "us-east-1", Endpoint: server.URL, Bucket: "recordings", Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Purge removes all versions of its keys, the oldest first and the delete markers last, so
// that no older version becomes readable.
func TestPurgeRemovesAllVersions(t *testing.T) {
	t.Parallel()
	v := &versioned{entries: []entryOfKey{
		{"a", "m2", true},
		{"a", "v3", false},
		{"a", "m1", true},
		{"a", "v2", false},
		{"a", "v1", false},
		{"a.json", "v9", false},
		{"b", "null", false},
		{"c", "v8", false},
	}}
	b := v.open(t)
	err := b.Purge(t.Context(), []string{"a", "b"}, func(context.Context) error {
		v.entries = slices.Insert(v.entries, 0, entryOfKey{"a", "v4", false}) // not listed, so it stays
		return nil
	})
	want := []string{"a v1", "a v2", "a v3", "a m1", "a m2", `b null"e"`}
	if err != nil || !slices.Equal(v.removed, want) {
		t.Errorf("Purge = %v, removed %q, want %q", err, v.removed, want)
	}
}

// It is not a failure if a version is gone or an object was replaced. A version that the bucket
// protects is a failure.
func TestPurgeOfProtectedVersions(t *testing.T) {
	t.Parallel()
	for status, ok := range map[int]bool{http.StatusNotFound: true, http.StatusPreconditionFailed: true, http.StatusForbidden: false} {
		b := (&versioned{entries: []entryOfKey{{"a", "v1", false}}, status: status}).open(t)
		if err := b.Purge(t.Context(), []string{"a"}, nil); (err == nil) != ok {
			t.Errorf("Purge with a status %d = %v, want success: %v", status, err, ok)
		}
	}
}
