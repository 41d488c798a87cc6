package s3server

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// S3 sends the names of metadata in lower case. boto3 and the AWS CLI keep their case.
func TestMetadataNamesAreLowerCase(t *testing.T) {
	t.Parallel()
	o := &object{attributes: attributes{Metadata: map[string]string{"call-id": "a-1"}}}
	w := httptest.NewRecorder()
	o.writeHeaders(w.Header(), httptest.NewRequest(http.MethodHead, "/recordings/key", http.NoBody))
	if got := map[string][]string(w.Header())["x-amz-meta-call-id"]; len(got) != 1 || got[0] != "a-1" {
		t.Errorf("x-amz-meta-call-id = %q, want a-1; the headers are %v", got, w.Header())
	}
}
