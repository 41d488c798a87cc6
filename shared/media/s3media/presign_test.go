package s3media_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fixedTime signs at a fixed time.
type fixedTime struct {
	*v4.Signer
	now time.Time
}

func (s fixedTime) PresignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, hash, service, region string,
	_ time.Time, opts ...func(*v4.SignerOptions),
) (string, http.Header, error) {
	return s.Signer.PresignHTTP(ctx, c, r, hash, service, region, s.now, opts...)
}

// sdk returns the SDK's own presign client for the public endpoint of o.
func sdk(o s3media.Options) *s3.PresignClient {
	so := s3.Options{
		Region: o.Region, Credentials: o.Credentials,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	if endpoint := o.PublicEndpoint + o.Endpoint; endpoint != "" {
		if o.PublicEndpoint != "" {
			endpoint = o.PublicEndpoint
		}
		so.BaseEndpoint, so.UsePathStyle = &endpoint, true
	}
	return s3.NewPresignClient(s3.New(so), func(po *s3.PresignOptions) {
		po.Presigner = fixedTime{v4.NewSigner(func(so *v4.SignerOptions) { so.DisableURIPathEscaping = true }), noon}
	})
}

func sdkURL(t testing.TB, c *s3.PresignClient, bucket, key string, g media.Grant) string {
	t.Helper()
	in := &s3.GetObjectInput{Bucket: &bucket, Key: &key}
	for _, p := range []struct {
		to   **string
		from string
	}{
		{&in.ResponseContentType, g.ContentType},
		{&in.ResponseContentDisposition, g.Disposition},
		{&in.ResponseCacheControl, g.CacheControl},
	} {
		if p.from != "" {
			*p.to = &p.from
		}
	}
	r, err := c.PresignGetObject(t.Context(), in, s3.WithPresignExpires(g.TTL))
	if err != nil {
		t.Fatalf("PresignGetObject(%q) = %v, want nil", key, err)
	}
	return r.URL
}

var (
	static    = credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")
	temporary = credentials.NewStaticCredentialsProvider("ASIDEXAMPLE", "secret", "session/token+==")
	full      = media.Grant{
		ContentType: "audio/ogg; codecs=opus", Disposition: `attachment; filename="a b.mp3"; filename*=UTF-8''%C3%A4.mp3`,
		CacheControl: "private, max-age=300", TTL: 5 * time.Minute,
	}
)

// TestPresignMatchesTheSDK compares URLs byte for byte.
func TestPresignMatchesTheSDK(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		o    s3media.Options
		base string
	}{
		{"S3", s3media.Options{Region: "eu-west-1", Bucket: "recordings", Credentials: static}, "https://recordings.s3.eu-west-1.amazonaws.com/"},
		{"S3 in Virginia", s3media.Options{Region: "us-east-1", Bucket: "recordings", Credentials: static}, "https://recordings.s3.us-east-1.amazonaws.com/"},
		{"S3 in China", s3media.Options{Region: "cn-north-1", Bucket: "recordings", Credentials: static}, "https://recordings.s3.cn-north-1.amazonaws.com.cn/"},
		{"a bucket with dots", s3media.Options{Region: "eu-west-1", Bucket: "my.recordings", Credentials: static}, "https://s3.eu-west-1.amazonaws.com/my.recordings/"},
		{"a session", s3media.Options{Region: "eu-west-1", Bucket: "recordings", Credentials: temporary}, "https://recordings.s3.eu-west-1.amazonaws.com/"},
		{"an endpoint", s3media.Options{Region: "us-east-1", Bucket: "recordings", Credentials: static, Endpoint: "http://127.0.0.1:9000"}, "http://127.0.0.1:9000/recordings/"},
		{"a public endpoint", s3media.Options{
			Region: "us-east-1", Bucket: "recordings", Credentials: static,
			Endpoint: "http://host.docker.internal:4566", PublicEndpoint: "http://localhost:4566",
		}, "http://localhost:4566/recordings/"},
		{"a public endpoint with a path", s3media.Options{
			Region: "us-east-1", Bucket: "recordings", Credentials: static, PublicEndpoint: "https://media.example.com/s3/",
		}, "https://media.example.com/s3/recordings/"},
	} {
		c.o.Now = func() time.Time { return noon }
		b := open(t, c.o)
		theirs := sdk(c.o)
		for _, key := range []string{"recordings/a/202603/202603-0f", "a b+c%2F?d#e", "über/日本🎧", "a//b/../c", "/x", "~'()*!"} {
			for _, g := range []media.Grant{full, {TTL: time.Second}} {
				got, err := b.Presign(t.Context(), key, g)
				if err != nil {
					t.Errorf("%s: Presign(%q) = %v, want nil", c.name, key, err)
				}
				if want := sdkURL(t, theirs, c.o.Bucket, key, g); got != want || !strings.HasPrefix(got, c.base) {
					t.Errorf("%s: Presign(%q) =\n%s, want\n%s under %s", c.name, key, got, want, c.base)
				}
			}
		}
	}
}

// TestPresignAnyKey checks that the URL of any key leads to that key only.
func TestPresignAnyKey(t *testing.T) {
	t.Parallel()
	o := s3media.Options{
		Region: "us-east-1", Bucket: "recordings", Credentials: static, Endpoint: "http://127.0.0.1:9000",
		Now: func() time.Time { return noon },
	}
	b, theirs := open(t, o), sdk(o)
	rapid.Check(t, func(rt *rapid.T) {
		key := rapid.StringN(1, -1, 100).Draw(rt, "key")
		g := media.Grant{
			ContentType: rapid.String().Draw(rt, "type"), Disposition: rapid.String().Draw(rt, "disposition"),
			TTL: time.Duration(rapid.IntRange(1, 604800).Draw(rt, "seconds")) * time.Second,
		}
		link, err := b.Presign(t.Context(), key, g)
		if err != nil {
			rt.Fatalf("Presign(%q) = %v, want nil", key, err)
		}
		if want := sdkURL(t, theirs, o.Bucket, key, g); link != want {
			rt.Fatalf("Presign(%q) = %s, want %s", key, link, want)
		}
		u, err := url.Parse(link)
		if err != nil {
			rt.Fatalf("Presign(%q) = %q, which does not parse: %v", key, link, err)
		}
		if u.Path != "/recordings/"+key || u.Fragment != "" {
			rt.Errorf("Presign(%q) leads to %q instead", key, u.Path)
		}
		if q := u.Query(); q.Get("response-content-type") != g.ContentType || q.Get("response-content-disposition") != g.Disposition {
			rt.Errorf("Presign(%+v) grants %v", g, q)
		}
	})
}

// TestPresignMakesNoCall uses an endpoint without a server.
func TestPresignMakesNoCall(t *testing.T) {
	t.Parallel()
	b := open(t, s3media.Options{Region: "us-east-1", Bucket: "recordings", Credentials: static, Endpoint: "http://192.0.2.1:1"})
	if _, err := b.Presign(t.Context(), "key", full); err != nil {
		t.Errorf("Presign = %v, want nil", err)
	}
}

func TestPresignWithoutCredentials(t *testing.T) {
	t.Parallel()
	b := open(t, s3media.Options{
		Region: "us-east-1", Bucket: "recordings",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("no credentials")
		}),
	})
	if link, err := b.Presign(t.Context(), "key", full); !errors.Is(err, media.ErrUnavailable) {
		t.Errorf("Presign = %q, %v, want ErrUnavailable", link, err)
	}
}

// A private bucket presigns nothing. An address for clients makes it public.
func TestPrivate(t *testing.T) {
	t.Parallel()
	b := open(t, s3media.Options{Region: "us-east-1", Bucket: "recordings", Credentials: static, Private: true})
	if link, err := b.Presign(t.Context(), "key", full); err == nil || link != "" || !strings.Contains(err.Error(), "private") {
		t.Errorf("Presign = %q, %v, want an error that the bucket is private", link, err)
	}
	if r, err := b.PresignPut(t.Context(), "key", media.Admission{TTL: time.Minute}); err == nil || r.URL != "" || !strings.Contains(err.Error(), "private") {
		t.Errorf("PresignPut = %+v, %v, want an error that the bucket is private", r, err)
	}
	public, err := b.At("http://127.0.0.1:9000")
	if err != nil {
		t.Fatal(err)
	}
	if link, err := public.Presign(t.Context(), "key", full); err != nil || !strings.HasPrefix(link, "http://127.0.0.1:9000/recordings/key?") {
		t.Errorf("Presign at a public address = %q, %v", link, err)
	}
}

func TestOpenReportsEveryInvalidOption(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o    s3media.Options
		want []string
	}{
		{s3media.Options{}, []string{"region", "bucket name", "credentials"}},
		{s3media.Options{Region: "us-east-1", Bucket: "b", Credentials: static, Endpoint: "127.0.0.1:9000"}, []string{"the endpoint is not"}},
		{s3media.Options{Region: "us-east-1", Bucket: "b", Credentials: static, PublicEndpoint: "ftp://x"}, []string{"the public endpoint is not"}},
		{s3media.Options{Region: "us-east-1", Bucket: "b", Credentials: static, Endpoint: "http://a b"}, []string{"the endpoint is not"}},
		{s3media.Options{Region: "not a region", Bucket: "recordings", Credentials: static}, []string{"recordings"}},
	} {
		_, err := s3media.Open(c.o)
		for _, want := range c.want {
			if !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("Open(%+v) = %v, want it to contain %q", c.o, err, want)
			}
		}
	}
}

func BenchmarkPresign(b *testing.B) {
	o := s3media.Options{Region: "eu-west-1", Bucket: "recordings", Credentials: static, Now: func() time.Time { return noon }}
	const key = "recordings/0123456789abcdef0123456789abcdef/202603/202603-0123456789abcdef0123456789abcdef"
	b.Run("impl=ours", func(b *testing.B) {
		bucket := open(b, o)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := bucket.Presign(b.Context(), key, full); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("impl=floor", func(b *testing.B) { // the SDK's presign client
		c := sdk(o)
		b.ReportAllocs()
		for b.Loop() {
			sdkURL(b, c, o.Bucket, key, full)
		}
	})
}

func ExampleBucket_Presign() {
	b, err := s3media.Open(s3media.Options{
		Region: "eu-west-1", Bucket: "recordings", Credentials: static,
		Now: func() time.Time { return noon },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	link, err := b.Presign(context.Background(), "recordings/a/202603/202603-0f", media.Grant{
		ContentType: "audio/mpeg", Disposition: "inline", CacheControl: "no-store", TTL: 5 * time.Minute,
	})
	fmt.Println(strings.ReplaceAll(link, "&", "\n&"), err)
	// Output:
	// https://recordings.s3.eu-west-1.amazonaws.com/recordings/a/202603/202603-0f?X-Amz-Algorithm=AWS4-HMAC-SHA256
	// &X-Amz-Credential=AKIDEXAMPLE%2F20260301%2Feu-west-1%2Fs3%2Faws4_request
	// &X-Amz-Date=20260301T120000Z
	// &X-Amz-Expires=300
	// &X-Amz-SignedHeaders=host
	// &response-cache-control=no-store
	// &response-content-disposition=inline
	// &response-content-type=audio%2Fmpeg
	// &x-id=GetObject
	// &X-Amz-Signature=71c0024b5381587a300eca99168baf360d197e08f58fed768642c33429080e96 <nil>
}
