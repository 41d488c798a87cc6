package s3media_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
)

// At signs as a Bucket that was opened with that public endpoint.
func TestAt(t *testing.T) {
	t.Parallel()
	const public = "http://pbx.example.com:8001"
	o := s3media.Options{
		Region: "us-east-1", Endpoint: "http://127.0.0.1:9", Bucket: "recordings",
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		Now:         func() time.Time { return time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC) },
	}
	b, err := s3media.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	o.PublicEndpoint = public
	want, err := s3media.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	at, err := b.At(public)
	if err != nil {
		t.Fatal(err)
	}
	grant := media.Grant{TTL: time.Minute}
	wantURL, err := want.Presign(t.Context(), "key", grant)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := at.Presign(t.Context(), "key", grant); err != nil || got != wantURL {
		t.Errorf("Presign = %s, %v, want %s", got, err, wantURL)
	}
	if _, err := b.At("pbx.example.com"); err == nil {
		t.Error("At without a scheme = nil, want an error")
	}
}
