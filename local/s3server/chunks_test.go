package s3server

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// The example in the AWS documentation: 65 KiB of "a" in two chunks
// (docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html).
func TestSignedChunksOfTheDocumentation(t *testing.T) {
	t.Parallel()
	a := &authorization{time: "20130524T000000Z"}
	k := keyPair{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"}
	if err := k.scope(a, k.id+"/20130524/us-east-1/s3/aws4_request", errAuthHeader); err != nil {
		t.Fatal(err)
	}
	text := "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" + strings.Repeat("a", 65536) +
		"\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" + strings.Repeat("a", 1024) +
		"\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
	read := func(text string) (int, error) {
		c := &chunks{
			from: bufio.NewReader(strings.NewReader(text)), auth: a, signed: true,
			previous: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
		}
		body, err := io.ReadAll(c)
		return len(body), err
	}
	if n, err := read(text); n != 66560 || err != nil {
		t.Errorf("%d bytes, %v, want 66560", n, err)
	}
	if _, err := read(strings.Replace(text, "aaa\r\n400", "aab\r\n400", 1)); !errors.Is(err, errSignature) {
		t.Errorf("another byte: %v, want %v", err, errSignature)
	}
	if _, err := read(strings.Replace(text, "0;chunk-signature=b6", "0;chunk-signature=b7", 1)); !errors.Is(err, errSignature) {
		t.Errorf("another last signature: %v, want %v", err, errSignature)
	}
	if _, err := read(text[:66_000]); err == nil {
		t.Error("a body without its end = nil, want an error")
	}
}

// The encoding aws-chunked applies only to the request. It is neither stored nor
// returned. The checksum in the trailer is checked and stored.
func TestChunkedUploads(t *testing.T) {
	t.Parallel()
	_, s, c := startTraced(t)
	text := strings.Repeat("audio", 5000)
	for name, sum := range map[string]func() []byte{
		"crc32": sumWith("crc32", text), "crc32c": sumWith("crc32c", text), "crc64nvme": sumWith("crc64nvme", text),
		"sha1": sumWith("sha1", text), "sha256": sumWith("sha256", text),
	} {
		for _, encoding := range []string{"aws-chunked", "aws-chunked,gzip", "gzip, aws-chunked"} {
			checksum := base64.StdEncoding.EncodeToString(sum())
			if got := putChunked(t, s, encoding, name, checksum, text); got != http.StatusOK {
				t.Fatalf("%s, %s: PUT = %d, want 200", name, encoding, got)
			}
			out, err := c.GetObject(t.Context(), &s3.GetObjectInput{
				Bucket: aws.String("recordings"), Key: aws.String("k"), ChecksumMode: types.ChecksumModeEnabled,
			})
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(out.Body) // the SDK checks the checksum
			want := strings.Trim(strings.ReplaceAll(encoding, "aws-chunked", ""), ", ")
			if string(body) != text || err != nil || aws.ToString(out.ContentEncoding) != want {
				t.Errorf("%s: %d bytes in encoding %q, %v, want %d in %q", name, len(body), aws.ToString(out.ContentEncoding), err, len(text), want)
			}
		}
		if got := putChunked(t, s, "aws-chunked", name, base64.StdEncoding.EncodeToString(sumWith(name, "other")()), text); got != http.StatusBadRequest {
			t.Errorf("%s of other bytes: PUT = %d, want 400", name, got)
		}
	}
}

func sumWith(name, text string) func() []byte {
	return func() []byte {
		h := algorithms[name]()
		_, _ = io.WriteString(h, text)
		return h.Sum(nil)
	}
}

// TestCRC64NVME compares the checksum with the check value of its definition
// (https://reveng.sourceforge.io/crc-catalogue/all.htm).
func TestCRC64NVME(t *testing.T) {
	t.Parallel()
	if got := hex.EncodeToString(sumWith("crc64nvme", "123456789")()); got != "ae8b14860a799888" {
		t.Errorf("crc64nvme = %s, want ae8b14860a799888", got)
	}
}

// putChunked sends text in chunks of 10,000 bytes with a checksum in the trailer.
func putChunked(t *testing.T, s *Server, encoding, algorithm, checksum, text string) int {
	t.Helper()
	var b bytes.Buffer
	for at := 0; at < len(text); at += 10_000 {
		part := text[at:min(len(text), at+10_000)]
		_, _ = fmt.Fprintf(&b, "%x\r\n%s\r\n", len(part), part)
	}
	_, _ = fmt.Fprintf(&b, "0\r\nx-amz-checksum-%s:%s\r\n\r\n", algorithm, checksum)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL()+"/recordings/k", &b)
	if err != nil {
		t.Fatal(err)
	}
	const hash = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	r.Header.Set("Content-Encoding", encoding)
	r.Header.Set("X-Amz-Content-Sha256", hash)
	r.Header.Set("X-Amz-Decoded-Content-Length", strconv.Itoa(len(text)))
	r.Header.Set("X-Amz-Trailer", "x-amz-checksum-"+algorithm)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	creds := aws.Credentials{AccessKeyID: "local", SecretAccessKey: "secret"}
	if err := signer.SignHTTP(t.Context(), creds, r, hash, "s3", "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}
