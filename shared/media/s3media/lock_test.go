package s3media

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/callrecordings/api/shared/media"
)

// threeVersions opens a bucket that lists three versions of an object and notes its deletions in
// did. If locked is true, it refuses them unless they go past a lock.
func threeVersions(t *testing.T, locked bool, did *[]string) *Bucket {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			past := r.Header.Get("X-Amz-Bypass-Governance-Retention")
			*did = append(*did, r.URL.Query().Get("versionId")+" "+past)
			if locked && past == "" {
				refuse(w, http.StatusForbidden, "AccessDenied")
				return
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = fmt.Fprint(w, `<?xml version="1.0"?><ListVersionsResult>`)
		for v := 3; v > 0; v-- {
			_, _ = fmt.Fprintf(w, `<Version><Key>a</Key><VersionId>v%d</VersionId><IsLatest>%t</IsLatest><ETag>&quot;%d&quot;</ETag><Size>%d</Size></Version>`,
				v, v == 3, v, 10*v)
		}
		_, _ = fmt.Fprint(w, `</ListVersionsResult>`)
	}))
	t.Cleanup(server.Close)
	b, err := Open(Options{
		Region: "us-east-1", Endpoint: server.URL, Bucket: "recordings",
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A version that was locked in the place of the audio on hold is removed all the same. Without a
// lock, the request does not ask for more than it needs.
func TestRevertGoesPastALock(t *testing.T) {
	t.Parallel()
	for locked, want := range map[bool][]string{true: {"v3 ", "v3 true"}, false: {"v3 "}} {
		var did []string
		b := threeVersions(t, locked, &did)
		err := b.Revert(t.Context(), "a", media.Object{ETag: `"3"`}, 20, func(context.Context, media.Object) error { return nil })
		if err != nil || !slices.Equal(did, want) {
			t.Errorf("Revert of a locked version: %v = %v, sent %q, want %q", locked, err, did, want)
		}
	}
}

// Revert goes back to the newest earlier version of the size, and sets aside each version that it
// removes, just before. Where it cannot go back, it does nothing.
func TestRevertGoesBackToASize(t *testing.T) {
	t.Parallel()
	errFull := errors.New("the disk is full")
	for name, c := range map[string]struct {
		size  int64
		etag  string
		fault error // of aside for the second version
		want  error
		did   []string
	}{
		"the version before": {20, `"3"`, nil, nil, []string{`aside "3" 30`, "v3 "}},
		"an older version":   {10, `"3"`, nil, nil, []string{`aside "3" 30`, "v3 ", `aside "2" 20`, "v2 "}},
		"any size":           {0, `"3"`, nil, nil, []string{`aside "3" 30`, "v3 "}},
		"no version":         {40, `"3"`, nil, media.ErrNotFound, nil},
		"only the current":   {30, `"3"`, nil, media.ErrNotFound, nil},
		"replaced meanwhile": {20, `"2"`, nil, media.ErrChanged, nil},
		"a fault on its way": {10, `"3"`, errFull, errFull, []string{`aside "3" 30`, "v3 "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var did []string
			aside := func(_ context.Context, o media.Object) error {
				if o.Size == 20 && c.fault != nil {
					return c.fault
				}
				did = append(did, fmt.Sprintf("aside %s %d", o.ETag, o.Size))
				return nil
			}
			err := threeVersions(t, false, &did).Revert(t.Context(), "a", media.Object{ETag: c.etag}, c.size, aside)
			if !errors.Is(err, c.want) || !slices.Equal(did, c.did) {
				t.Errorf("Revert = %v after %q, want %v after %q", err, did, c.want, c.did)
			}
		})
	}
}
