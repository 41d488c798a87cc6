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

// refuse answers with an error of S3.
func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<Error><Code>%s</Code></Error>`, code)
}

// Purge goes past a lock, and asks for that only after the bucket has refused: a bucket without
// Object Lock rejects such a request. If the right to delete is missing, that is the reason given.
func TestPurgeGoesPastALock(t *testing.T) {
	t.Parallel()
	type answer struct {
		status int
		code   string
	}
	ok := answer{http.StatusNoContent, ""}
	denied := answer{http.StatusForbidden, "AccessDenied"}
	for name, c := range map[string]struct {
		plain, past answer // without and with the request to go past the lock
		want        string // in the error, "" for none
		sent        []string
	}{
		"no lock":                  {ok, ok, "", []string{""}},
		"a lock":                   {denied, ok, "", []string{"", "true"}},
		"a lock in MinIO":          {answer{http.StatusBadRequest, "InvalidRequest"}, ok, "", []string{"", "true"}},
		"a lock without the right": {denied, denied, "AccessDenied", []string{"", "true"}},
		"no right, no Object Lock": {denied, answer{http.StatusBadRequest, "InvalidArgument"}, "AccessDenied", []string{"", "true"}},
		"it is gone meanwhile":     {denied, answer{http.StatusNotFound, "NoSuchVersion"}, "", []string{"", "true"}},
		"another failure":          {answer{http.StatusConflict, "OperationAborted"}, ok, "OperationAborted", []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodDelete {
					(&versioned{entries: []entryOfKey{{"a", "v1", false}}}).ServeHTTP(w, r)
					return
				}
				past := r.Header.Get("X-Amz-Bypass-Governance-Retention")
				sent = append(sent, past)
				a := c.plain
				if past != "" {
					a = c.past
				}
				if a == ok {
					w.WriteHeader(a.status)
					return
				}
				refuse(w, a.status, a.code)
			}))
			t.Cleanup(server.Close)
			b, err := Open(Options{
				Region: "us-east-1", Endpoint: server.URL, Bucket: "recordings", Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
			})
			if err != nil {
				t.Fatal(err)
			}
			err = b.Purge(t.Context(), []string{"a"}, nil)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) || !slices.Equal(sent, c.sent) {
				t.Errorf("Purge = %v after %q, want an error with %q after %q", err, sent, c.want, c.sent)
			}
		})
	}
}
