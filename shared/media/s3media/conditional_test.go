package s3media

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/callrecordings/api/shared/media"
)

// LocalStack refuses a conditional DELETE with a 501. Then, and only then, the
// object is removed without the condition.
func TestRemoveIfWithoutConditionalDeletes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int // of a conditional DELETE
		code   string
		want   []string // If-Match of each DELETE
		err    error
	}{
		{"a server without conditions", http.StatusNotImplemented, "NotImplemented", []string{`"e"`, ""}, nil},
		{"an object that was replaced", http.StatusPreconditionFailed, "PreconditionFailed", []string{`"e"`}, media.ErrChanged},
	} {
		var conditions []string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			condition := r.Header.Get("If-Match")
			if r.Method == http.MethodHead {
				w.Header().Set("ETag", `"e"`)
				return
			}
			conditions = append(conditions, condition)
			if condition == "" {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			answer(c.status, c.code)(w, r)
		}))
		defer server.Close()
		b, err := Open(Options{
			Region: "eu-west-1", Endpoint: server.URL, Bucket: "audio", Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.RemoveIf(t.Context(), "key", media.Object{ETag: `"e"`}); !errors.Is(err, c.err) {
			t.Errorf("%s: RemoveIf = %v, want %v", c.name, err, c.err)
		}
		slices.Sort(conditions) // a 501 may be tried again
		if got := slices.Compact(conditions); !slices.Equal(got, sorted(c.want)) {
			t.Errorf("%s: DELETEs with If-Match %q, want %q", c.name, got, c.want)
		}
	}
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}
