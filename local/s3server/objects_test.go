package s3server_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/callrecordings/api/local/s3server"
)

var inBucket = aws.String("recordings")

// client returns a client of AWS with its default settings.
func client(s *s3server.Server) *s3.Client {
	return s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(s.URL()), UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("local", "secret", ""),
	})
}

// wantMentions checks how many files under dir contain text.
func wantMentions(t *testing.T, dir, text string, want int) {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(text)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) != want {
		t.Errorf("%q is in %q, %v, want it in %d files", text, found, err, want)
	}
}

// A new object has only its own attributes, and a deleted one leaves none.
func TestAttributesGoWithTheObject(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := start(t, options(dir))
	c := client(s)
	key := aws.String("inbox/a/call.wav")
	put := func(metadata map[string]string) {
		t.Helper()
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: inBucket, Key: key, Body: strings.NewReader("audio"), Metadata: metadata, CacheControl: aws.String("private"),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put(map[string]string{"from": "+4915112345678", "recording-id": "202611-first"})
	wantMentions(t, dir, "+4915112345678", 1)
	put(nil)
	wantMentions(t, dir, "+4915112345678", 0)
	if head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: inBucket, Key: key}); err != nil || len(head.Metadata) > 0 {
		t.Errorf("HeadObject = %+v, %v, want no metadata", head, err)
	}
	put(map[string]string{"from": "+4915112345678"})
	for range 2 { // the second time, the object is gone already
		if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: inBucket, Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	wantMentions(t, dir, "+4915112345678", 0)
}

// former writes an object as versions before 1.0 did: a file for each attribute.
func former(t *testing.T, dir, key, text string, attributes map[string]string) {
	t.Helper()
	files := map[string]string{filepath.Join(dir, "objects", "recordings", key): text}
	for name, value := range attributes {
		files[filepath.Join(dir, "attributes", "recordings", key, "meta", name)] = value
	}
	for path, content := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Objects of the former layout keep their attributes until they are replaced or
// deleted. Attributes without an object are removed at start.
func TestFormerLayout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	attributes := func(caller string) map[string]string {
		return map[string]string{"content-type": "audio/ogg", "etag": `"0123456789abcdef0123456789abcdef"`, "metadata": `{"from":"` + caller + `"}`}
	}
	for _, key := range []string{"a/kept", "a/replaced", "a/deleted", "a/gone"} {
		former(t, dir, key, "some audio", attributes(key))
	}
	if err := os.Remove(filepath.Join(dir, "objects", "recordings", "a", "gone")); err != nil {
		t.Fatal(err)
	}
	s, _ := start(t, options(dir))
	wantMentions(t, dir, "a/gone", 0)
	c := client(s)
	head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: inBucket, Key: aws.String("a/kept")})
	if err != nil || aws.ToString(head.ContentType) != "audio/ogg" || head.Metadata["from"] != "a/kept" || aws.ToString(head.ETag) != attributes("")["etag"] {
		t.Errorf("HeadObject = %+v, %v, want the former attributes", head, err)
	}
	b := bucket(t, s, "local", "secret")
	wantObject(t, b, "a/kept", "audio/ogg", "some audio")
	put(t, b, "a/replaced", "audio/mpeg", "other audio")
	wantObject(t, b, "a/replaced", "audio/mpeg", "other audio")
	for _, key := range []string{"a/deleted", "a/gone"} {
		if err := b.Remove(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	for key, want := range map[string]int{"a/kept": 1, "a/replaced": 0, "a/deleted": 0} {
		wantMentions(t, dir, key, want)
	}
}

// Keys are byte strings: "a//b", "a/./b" and "a/b" are three objects, also after a
// restart.
func TestKeysAreNotCleaned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, stop := start(t, options(dir))
	keys := []string{"/lead", "a/../b", "a/./b", "a//b", "a/b", "a/%./b", "a/%../b", "b/", "b/c", "../up", "./a", "%.", "trail/"}
	for i, key := range keys {
		put(t, bucket(t, s, "local", "secret"), key, "audio/mpeg", strconv.Itoa(i))
	}
	if up, _ := filepath.Glob(filepath.Join(dir, "objects", "*")); len(up) != 1 {
		t.Errorf("objects holds %q, want only the bucket", up)
	}
	stop()
	s, _ = start(t, options(dir))
	b := bucket(t, s, "local", "secret")
	sorted := slices.Sorted(slices.Values(keys))
	if got, err := b.List(t.Context(), "", ""); err != nil || !slices.Equal(got, sorted) {
		t.Errorf("List = %q, %v, want %q", got, err, sorted)
	}
	for i, key := range keys {
		wantObject(t, b, key, "audio/mpeg", strconv.Itoa(i))
	}
	if err := b.Remove(t.Context(), "a//b"); err != nil {
		t.Fatal(err)
	}
	wantObject(t, b, "a/b", "audio/mpeg", "4")
	wantObject(t, b, "a/./b", "audio/mpeg", "2")
	for _, key := range []string{strings.Repeat("k", 256), strings.Repeat("k/", 513)} {
		if err := b.Put(t.Context(), key, "audio/mpeg", strings.NewReader(""), 0); err == nil || !strings.Contains(err.Error(), "KeyTooLong") {
			t.Errorf("Put of a key of %d bytes = %v, want KeyTooLongError", len(key), err)
		}
	}
}

// A key is rejected if it is a folder of an existing key, and the existing objects
// stay usable.
func TestAKeyInsideAnother(t *testing.T) {
	t.Parallel()
	s, _ := start(t, options(t.TempDir()))
	b := bucket(t, s, "local", "secret")
	put(t, b, "a", "audio/mpeg", "file")
	put(t, b, "b/c", "audio/mpeg", "in a folder")
	for _, key := range []string{"a/b", "b"} {
		if err := b.Put(t.Context(), key, "audio/mpeg", strings.NewReader("x"), 1); err == nil || !strings.Contains(err.Error(), "409") {
			t.Errorf("Put(%q) = %v, want a 409", key, err)
		}
	}
	wantObject(t, b, "a", "audio/mpeg", "file")
	wantObject(t, b, "b/c", "audio/mpeg", "in a folder")
}

// Both versions of the list, with a delimiter and in pages.
func TestListsInPages(t *testing.T) {
	t.Parallel()
	s, _ := start(t, options(t.TempDir()))
	c, b := client(s), bucket(t, s, "local", "secret")
	for _, key := range []string{"a", "b c/1", "b/1", "b/2", "b/x/3", "b-", "c", "d/e/f", "ü"} {
		put(t, b, key, "audio/mpeg", key)
	}
	want := []string{"a", "b c/", "b-", "b/", "c", "d/", "ü"}
	for size := range int32(len(want)) {
		var one, two []string
		marker, token := "", (*string)(nil)
		for range 20 {
			out, err := c.ListObjects(t.Context(), &s3.ListObjectsInput{Bucket: inBucket, Delimiter: aws.String("/"), MaxKeys: aws.Int32(size + 1), Marker: &marker})
			if err != nil {
				t.Fatalf("ListObjects = %v", err)
			}
			one = append(one, names(out.Contents, out.CommonPrefixes)...)
			if marker = aws.ToString(out.NextMarker); !aws.ToBool(out.IsTruncated) {
				break
			}
		}
		for range 20 {
			out, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: inBucket, Delimiter: aws.String("/"), MaxKeys: aws.Int32(size + 1), ContinuationToken: token})
			if err != nil {
				t.Fatalf("ListObjectsV2 = %v", err)
			}
			if n := len(out.Contents) + len(out.CommonPrefixes); int(aws.ToInt32(out.KeyCount)) != n {
				t.Errorf("KeyCount = %d, want %d", aws.ToInt32(out.KeyCount), n)
			}
			two = append(two, names(out.Contents, out.CommonPrefixes)...)
			if token = out.NextContinuationToken; !aws.ToBool(out.IsTruncated) {
				break
			}
		}
		if !slices.Equal(one, want) || !slices.Equal(two, want) {
			t.Errorf("pages of %d: ListObjects = %q, ListObjectsV2 = %q, want %q", size+1, one, two, want)
		}
	}
	out, err := c.ListObjects(t.Context(), &s3.ListObjectsInput{Bucket: inBucket, Prefix: aws.String("b/"), Delimiter: aws.String("/"), EncodingType: types.EncodingTypeUrl})
	if err != nil || !slices.Equal(names(out.Contents, out.CommonPrefixes), []string{"b/1", "b/2", "b/x/"}) || aws.ToInt64(out.Contents[0].Size) != 3 {
		t.Errorf("ListObjects(b/) = %+v, %v", out, err)
	}
}

func names(objects []types.Object, prefixes []types.CommonPrefix) []string {
	var all []string
	for _, o := range objects {
		all = append(all, aws.ToString(o.Key))
	}
	for _, p := range prefixes {
		all = append(all, aws.ToString(p.Prefix))
	}
	slices.Sort(all)
	return all
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	s, _ := start(t, options(t.TempDir()))
	c := client(s)
	out, err := c.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil || len(out.Buckets) != 1 || aws.ToString(out.Buckets[0].Name) != "recordings" {
		t.Errorf("ListBuckets = %+v, %v, want the one bucket", out, err)
	}
	if out, err := c.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: inBucket}); err != nil || out.LocationConstraint != "" {
		t.Errorf("GetBucketLocation = %+v, %v, want us-east-1", out, err)
	}
	if out, err := c.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: inBucket}); err != nil || out.Status != "" {
		t.Errorf("GetBucketVersioning = %+v, %v, want never", out, err)
	}
	if _, err := c.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: inBucket}); err == nil || !strings.Contains(err.Error(), "501") {
		t.Errorf("GetBucketPolicy = %v, want a 501", err)
	}
	if _, err := c.GetObjectAcl(t.Context(), &s3.GetObjectAclInput{Bucket: inBucket, Key: aws.String("k")}); err == nil || !strings.Contains(err.Error(), "501") {
		t.Errorf("GetObjectAcl = %v, want a 501", err)
	}
}

// A copy has the metadata and headers of the original, unless the request replaces
// them.
func TestCopiesKeepAttributes(t *testing.T) {
	t.Parallel()
	s, _ := start(t, options(t.TempDir()))
	c := client(s)
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: inBucket, Key: aws.String("a b/ä+"), Body: strings.NewReader("audio"), ContentType: aws.String("audio/wav"),
		CacheControl: aws.String("private"), ContentDisposition: aws.String("inline"), ContentLanguage: aws.String("de"),
		Metadata: map[string]string{"from": "+49151", "call-id": "7"}, Tagging: aws.String("x=1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	source := aws.String("/recordings/a%20b/%C3%A4%2B")
	if _, err := c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: inBucket, Key: aws.String("copy"), CopySource: source}); err != nil {
		t.Fatal(err)
	}
	head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: inBucket, Key: aws.String("copy")})
	if err != nil || !maps.Equal(head.Metadata, map[string]string{"from": "+49151", "call-id": "7"}) || aws.ToString(head.ContentType) != "audio/wav" ||
		aws.ToString(head.CacheControl) != "private" || aws.ToString(head.ContentDisposition) != "inline" || aws.ToString(head.ContentLanguage) != "de" {
		t.Errorf("HeadObject of the copy = %+v, %v, want all attributes", head, err)
	}
	if tags, err := c.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: inBucket, Key: aws.String("copy")}); err != nil || len(tags.TagSet) != 1 {
		t.Errorf("GetObjectTagging = %+v, %v, want one tag", tags, err)
	}
	replace := &s3.CopyObjectInput{
		Bucket: inBucket, Key: aws.String("copy"), CopySource: aws.String("recordings/copy"), MetadataDirective: types.MetadataDirectiveReplace,
		Metadata: map[string]string{"from": "other"}, ContentType: aws.String("audio/ogg"),
	}
	if _, err := c.CopyObject(t.Context(), replace); err != nil {
		t.Fatal(err)
	}
	head, err = c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: inBucket, Key: aws.String("copy")})
	if err != nil || !maps.Equal(head.Metadata, map[string]string{"from": "other"}) || aws.ToString(head.ContentType) != "audio/ogg" || head.CacheControl != nil {
		t.Errorf("HeadObject after REPLACE = %+v, %v, want the new attributes", head, err)
	}
	if _, err := c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: inBucket, Key: aws.String("copy"), CopySource: aws.String("recordings/copy")}); err == nil {
		t.Error("CopyObject to itself = nil, want an error")
	}
}

// A multipart upload can copy an existing object, as `aws s3 mv` does for a large
// file.
func TestUploadPartCopy(t *testing.T) {
	t.Parallel()
	s, _ := start(t, options(t.TempDir()))
	c := client(s)
	text := strings.Repeat("0123456789", 600_000)
	put(t, bucket(t, s, "local", "secret"), "source", "audio/wav", text)
	key := aws.String("copy")
	made, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: inBucket, Key: key, ContentType: aws.String("audio/wav")})
	if err != nil {
		t.Fatal(err)
	}
	list := &types.CompletedMultipartUpload{}
	for i, span := range []string{"bytes=0-5242879", fmt.Sprintf("bytes=5242880-%d", len(text)-1)} {
		n := aws.Int32(int32(i + 1))
		out, err := c.UploadPartCopy(t.Context(), &s3.UploadPartCopyInput{
			Bucket: inBucket, Key: key, UploadId: made.UploadId, PartNumber: n, CopySource: aws.String("recordings/source"), CopySourceRange: &span,
		})
		if err != nil {
			t.Fatalf("UploadPartCopy = %v", err)
		}
		list.Parts = append(list.Parts, types.CompletedPart{PartNumber: n, ETag: out.CopyPartResult.ETag})
	}
	if parts, err := c.ListParts(t.Context(), &s3.ListPartsInput{Bucket: inBucket, Key: key, UploadId: made.UploadId}); err != nil || len(parts.Parts) != 2 {
		t.Errorf("ListParts = %+v, %v, want two", parts, err)
	}
	if _, err := c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{Bucket: inBucket, Key: key, UploadId: made.UploadId, MultipartUpload: list}); err != nil {
		t.Fatal(err)
	}
	wantObject(t, bucket(t, s, "local", "secret"), "copy", "audio/wav", text)
	out, err := c.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: inBucket, Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: key}, {Key: aws.String("source")}, {Key: aws.String("missing")}},
	}})
	if err != nil || len(out.Deleted) != 3 || len(out.Errors) > 0 {
		t.Errorf("DeleteObjects = %+v, %v, want three deleted", out, err)
	}
}

// A request may have only one authorization, as in S3.
func TestOneAuthorizationOnly(t *testing.T) {
	t.Parallel()
	s, _ := start(t, options(t.TempDir()))
	put(t, bucket(t, s, "local", "secret"), "key", "audio/mpeg", "text")
	link := presigned(t, s, "key")
	for _, header := range []string{"Bearer some.jwt", "Basic eDp5", "AWS4-HMAC-SHA256 Credential=x"} {
		wantAnswer(t, http.MethodGet, link, header, http.StatusBadRequest, "Only one auth mechanism allowed")
		wantAnswer(t, http.MethodPut, link, header, http.StatusBadRequest, "Only one auth mechanism allowed")
	}
	wantAnswer(t, http.MethodGet, s.URL()+"/recordings/key", "Bearer some.jwt", http.StatusBadRequest, "Unsupported Authorization Type")
	wantAnswer(t, http.MethodGet, link, "", http.StatusOK, "text")
}
