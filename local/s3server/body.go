package s3server

import (
	"bufio"
	"bytes"
	"crypto/md5"  //nolint:gosec // S3 defines ETags by MD5
	"crypto/sha1" //nolint:gosec // S3 offers this checksum
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// nvme is the table of the checksum CRC-64/NVME, the default of the AWS SDKs.
var nvme = crc64.MakeTable(0x9a6c9329ac4bc9b5)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// algorithms are the checksums that clients can ask for
// (docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html).
var algorithms = map[string]func() hash.Hash{
	"crc32":     func() hash.Hash { return crc32.NewIEEE() },
	"crc32c":    func() hash.Hash { return crc32.New(castagnoli) },
	"crc64nvme": func() hash.Hash { return crc64.New(nvme) },
	"sha1":      sha1.New,
	"sha256":    sha256.New,
}

const checksumPrefix = "X-Amz-Checksum-"

// body is the body of an upload: its bytes without the aws-chunked encoding.
type body struct {
	io.Reader
	// size is the announced number of bytes.
	size int64
	// trailer returns the trailing headers after the last byte.
	trailer func() http.Header
}

// openBody checks the announced length and decodes aws-chunked bodies. It does not
// read from the body. limit is the maximum length in bytes; 0 means no limit.
// Errors: MissingContentLength, EntityTooLarge, NotImplemented.
func openBody(w http.ResponseWriter, r *http.Request, a *authorization, limit int64) (*body, error) {
	b := &body{Reader: &patientReader{r.Body, http.NewResponseController(w)}, size: r.ContentLength, trailer: func() http.Header { return nil }}
	if strings.HasPrefix(a.payload, "STREAMING-") {
		size, err := strconv.ParseInt(r.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64)
		if err != nil || size < 0 {
			return nil, errNoLength
		}
		c := &chunks{from: bufio.NewReader(b.Reader), auth: a, previous: a.signature}
		switch a.payload {
		case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD":
			c.signed = true
		case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER":
			c.signed, c.trailing = true, true
		case "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
			c.trailing = true
		default:
			return nil, errUnsupported
		}
		b.Reader, b.size, b.trailer = c, size, func() http.Header { return c.trailer }
	}
	if b.size < 0 {
		return nil, errNoLength
	}
	if limit > 0 && b.size > limit {
		return nil, errTooLarge
	}
	return b, nil
}

// patientReader reads a request's body. It gives up if no byte arrives for
// ioTimeout.
type patientReader struct {
	io.Reader
	conn *http.ResponseController
}

// Read reads from the connection. Errors: RequestTimeout, IncompleteBody.
func (p *patientReader) Read(b []byte) (int, error) {
	_ = p.conn.SetReadDeadline(time.Now().Add(ioTimeout)) // no deadlines: the connection is hijacked, which never happens
	n, err := p.Reader.Read(b)
	if err != nil {
		_ = p.conn.SetReadDeadline(time.Time{}) // the deadline would also end the wait for the answer
	}
	switch {
	case err == nil, errors.Is(err, io.EOF):
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errRequestTimedOut
	default:
		err = errIncomplete
	}
	return n, err
}

// received describes the bytes of an upload.
type received struct {
	size int64
	md5  []byte
	// crc is the CRC-32C of the bytes.
	crc uint32
	// checksums has the checksum that the client asked for, in base64.
	checksums map[string]string
}

// receive copies an upload to dst and checks its length and every checksum that
// the client sent. The limit is that of openBody. Errors: EntityTooLarge,
// IncompleteBody, BadDigest, XAmzContentSHA256Mismatch, InvalidRequest, and those of
// dst.
func receive(w http.ResponseWriter, r *http.Request, a *authorization, dst io.Writer, limit int64) (received, error) {
	b, err := openBody(w, r, a, limit)
	if err != nil {
		return received{}, err
	}
	sums, crc := map[string]hash.Hash{"": md5.New()}, crc32.New(castagnoli) //nolint:gosec // S3 defines ETags by MD5
	for _, name := range requested(r.Header) {
		if algorithms[name] == nil {
			return received{}, errChecksum
		}
		sums[name] = algorithms[name]()
	}
	if len(a.payload) == sha256.Size*2 {
		sums["payload"] = sha256.New()
	}
	all := []io.Writer{dst, crc}
	for _, h := range sums {
		all = append(all, h)
	}
	n, err := io.Copy(io.MultiWriter(all...), io.LimitReader(b, b.size+1))
	if err != nil {
		return received{}, err
	}
	if n != b.size {
		return received{}, errIncomplete
	}
	got := received{size: n, md5: sums[""].Sum(nil), crc: crc.Sum32(), checksums: map[string]string{}}
	return got, got.check(r.Header, b.trailer(), a.payload, sums)
}

// requested returns the names of the checksums that the headers announce.
func requested(h http.Header) []string {
	var names []string
	for name := range h {
		alg, ok := strings.CutPrefix(name, checksumPrefix)
		if alg = strings.ToLower(alg); ok && alg != "algorithm" && alg != "type" && alg != "mode" {
			names = append(names, alg)
		}
	}
	for _, name := range h.Values("X-Amz-Trailer") {
		if alg, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(name)), strings.ToLower(checksumPrefix)); ok {
			names = append(names, alg)
		}
	}
	return names
}

// check compares the checksums of the received bytes with those that the client
// sent, and keeps them in g.
func (g *received) check(h, trailer http.Header, payload string, sums map[string]hash.Hash) error {
	if p := sums["payload"]; p != nil && hex.EncodeToString(p.Sum(nil)) != strings.ToLower(payload) {
		return errHash
	}
	if text := h.Get("Content-Md5"); text != "" {
		switch sum, err := base64.StdEncoding.DecodeString(text); {
		case err != nil || len(sum) != md5.Size:
			return errInvalidDigest
		case !bytes.Equal(sum, g.md5):
			return errDigest
		}
	}
	for name, sum := range sums {
		if name == "" || name == "payload" {
			continue
		}
		want := h.Get(checksumPrefix + name)
		if want == "" {
			want = trailer.Get(checksumPrefix + name)
		}
		got := base64.StdEncoding.EncodeToString(sum.Sum(nil))
		switch decoded, err := base64.StdEncoding.DecodeString(want); {
		case err != nil || len(decoded) != sum.Size():
			return errChecksum
		case want != got:
			return errDigest
		}
		g.checksums[name] = got
	}
	return nil
}
