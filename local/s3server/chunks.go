package s3server

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// chunks decodes a body in the encoding aws-chunked
// (docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html). Each chunk is
// "size;chunk-signature=…\r\n", its bytes and "\r\n". The last has size 0. Trailing
// headers follow it.
type chunks struct {
	from *bufio.Reader
	auth *authorization
	// signed is true if chunks have signatures; trailing is true if headers follow.
	signed, trailing bool
	// previous is the signature of the previous chunk.
	previous string
	// left is the number of bytes that remain of the current chunk.
	left int64
	// signature and sum are those of the current chunk.
	signature string
	sum       hash.Hash
	begun     bool
	ended     bool
	trailer   http.Header
}

// maxChunkLine is the maximum length of a chunk's first line or a trailing header.
const maxChunkLine = 4096

// Read reads decoded bytes. It checks a chunk's signature after the chunk's last
// byte. Errors: those of the body, InvalidChunkSizeError, SignatureDoesNotMatch.
func (c *chunks) Read(p []byte) (int, error) {
	for c.left == 0 {
		if c.ended {
			return 0, io.EOF
		}
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n, err := c.from.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if c.signed {
		c.sum.Write(p[:n])
	}
	if errors.Is(err, io.EOF) {
		err = errIncomplete
	}
	return n, err
}

// next ends the current chunk and reads the first line of the next one.
func (c *chunks) next() error {
	if c.begun {
		if err := c.end(); err != nil {
			return err
		}
		if line, err := c.line(); err != nil || line != "" {
			return errors.Join(err, errChunk)
		}
	}
	line, err := c.line()
	if err != nil {
		return err
	}
	size, extension, _ := strings.Cut(line, ";")
	c.left, err = strconv.ParseInt(size, 16, 64)
	if err != nil || c.left < 0 {
		return errChunk
	}
	c.begun, c.sum = true, sha256.New()
	c.signature = strings.TrimPrefix(extension, "chunk-signature=")
	if c.left > 0 {
		return nil
	}
	c.ended = true
	if err := c.end(); err != nil {
		return err
	}
	return c.trailers()
}

// end checks the signature of the chunk that has been read.
func (c *chunks) end() error {
	if !c.signed {
		return nil
	}
	want := c.auth.sign(algorithm+"-PAYLOAD", c.previous, hexSum(""), hex.EncodeToString(c.sum.Sum(nil)))
	if c.signature != want {
		return errSignature
	}
	c.previous = want
	return nil
}

// trailers reads the trailing headers and checks their signature.
func (c *chunks) trailers() error {
	c.trailer = http.Header{}
	var text strings.Builder
	signature := ""
	for {
		line, err := c.line()
		if err != nil && (!errors.Is(err, errIncomplete) || c.trailing) {
			return err
		}
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if strings.EqualFold(name, "x-amz-trailer-signature") {
			signature = value
			continue
		}
		c.trailer.Set(name, value)
		text.WriteString(strings.ToLower(name) + ":" + value + "\n")
	}
	if c.signed && c.trailing && signature != c.auth.sign(algorithm+"-TRAILER", c.previous, hexSum(text.String())) {
		return errSignature
	}
	return nil
}

// line reads a line without its end.
func (c *chunks) line() (string, error) {
	text, err := c.from.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF) && len(text) == 0:
		return "", errIncomplete
	case err != nil && !errors.Is(err, io.EOF), len(text) > maxChunkLine:
		return "", errors.Join(errChunk, err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}
