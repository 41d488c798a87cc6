package s3media

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/callrecordings/api/shared/media"
)

// A version that was locked in the place of the audio on hold is removed all the same. In a
// bucket without Object Lock, the request does not ask for more than it needs.
func TestRevertGoesPastALock(t *testing.T) {
	t.Parallel()
	for _, locked := range []bool{true, false} {
		removed := ""
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete {
				removed = r.URL.Query().Get("versionId") + " " + r.Header.Get("X-Amz-Bypass-Governance-Retention")
				w.WriteHeader(http.StatusNoContent)
				return
			}
			_, _ = fmt.Fprint(w, `<?xml version="1.0"?><ListVersionsResult>`+
				`<Version><Key>a</Key><VersionId>v2</VersionId><IsLatest>true</IsLatest><ETag>&quot;2&quot;</ETag></Version>`+
				`<Version><Key>a</Key><VersionId>v1</VersionId><IsLatest>false</IsLatest><ETag>&quot;1&quot;</ETag></Version>`+
				`</ListVersionsResult>`)
		}))
		t.Cleanup(server.Close)
		b, err := Open(Options{
			Region: "us-east-1", Endpoint: server.URL, Bucket: "recordings", Locked: locked,
			Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		})
		if err != nil {
			t.Fatal(err)
		}
		want := map[bool]string{true: "v2 true", false: "v2 "}[locked]
		if err := b.Revert(t.Context(), "a", media.Object{ETag: `"2"`}); err != nil || removed != want {
			t.Errorf("Revert in a bucket with locks: %v = %v, removed %q, want %q", locked, err, removed, want)
		}
	}
}
