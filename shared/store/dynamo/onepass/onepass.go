// Package onepass decodes DynamoDB's answers to Query, GetItem and BatchGetItem in one
// pass over their bytes.
//
// # Why it exists
//
// The SDK's decoder takes two fifths of the instructions of a list: it splits the
// answer into tokens, looks each of them up in a schema, and allocates several objects
// for every attribute. [Protocol] replaces only that step. Signing, endpoints, retries,
// time-outs and errors stay the SDK's.
//
// The decoder accepts only answers of the usual form. It leaves everything else to the
// SDK: errors, other operations, types of attributes that package dynamo does not
// write, unknown members, and anything that is not strict JSON in UTF-8. If it accepts
// an answer, the result equals the SDK's. Tests compare the two on generated and
// mutated answers.
//
// It also checks the CRC-32 of every answer, which this version of the SDK computes but
// does not act on: its error is dropped when the answer is closed.
//
// # When to delete it
//
// Delete this package when the SDK's own decoder costs less than about half as much as it
// does now (compare "request list" of bench with and without [Protocol]), or when an
// update of the SDK removes dynamodb.Options.Protocol. In dynamo, the option in open and
// the type rows go with it; decode and everything else work on the SDK's output as well.
package onepass

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Kind is the type of an attribute that the decoder accepts.
type Kind byte

// The kinds of attributes. Rows get no other types.
const (
	String Kind = iota
	Number
	Bool
	Null
)

// Rows receives the items of a Query instead of QueryOutput.Items.
type Rows interface {
	// Begin discards all items so far. It is called before the items of an answer,
	// and when an answer is left to the SDK.
	Begin()
	// Attribute adds an attribute to the current item. name and value are valid until
	// End returns. The value of a Bool or Null is "true" or "false". If it returns
	// false, the SDK decodes the answer.
	Attribute(name, value []byte, kind Kind) bool
	// End ends the current item. If it returns false, the SDK decodes the answer.
	End() bool
}

type rowsKey struct{}

// WithRows returns a context for a Query that passes its items to rows. If the SDK decodes
// the answer, the items are in QueryOutput.Items instead.
func WithRows(ctx context.Context, rows Rows) context.Context {
	return context.WithValue(ctx, rowsKey{}, rows)
}

// Protocol returns the SDK's protocol with the decoder of this package in front of its
// own. Set it in an option function: dynamodb.New overwrites Options.Protocol.
func Protocol(sdk smithyhttp.ClientProtocol) smithyhttp.ClientProtocol { return protocol{sdk} }

type protocol struct{ smithyhttp.ClientProtocol }

// maxPooled is the largest buffer that is kept for the next answer, in bytes.
const maxPooled = 2 << 20

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// DeserializeResponse decodes an answer into out. Error: a DeserializationError if the
// body cannot be read or does not match its checksum; the SDK then retries.
func (p protocol) DeserializeResponse(
	ctx context.Context, schema *smithy.OperationSchema, types *smithy.TypeRegistry, resp *smithyhttp.Response, out smithy.Deserializable,
) error {
	body := buffers.Get().(*bytes.Buffer) //nolint:forcetypeassert // the pool holds nothing else
	body.Reset()
	if err := read(body, resp); err != nil {
		return &smithy.DeserializationError{Err: err}
	}
	if resp.StatusCode == http.StatusOK && decode(ctx, body.Bytes(), out) {
		if body.Cap() <= maxPooled {
			buffers.Put(body)
		}
		return nil
	}
	// The SDK may keep the body, so it does not go back to the pool.
	resp.Body = struct {
		io.Reader
		io.Closer
	}{body, resp.Body}
	return p.ClientProtocol.DeserializeResponse(ctx, schema, types, resp, out)
}

// read reads the body of resp and compares it with its checksum, if it has one.
func read(body *bytes.Buffer, resp *smithyhttp.Response) error {
	if n := resp.ContentLength; n > 0 && n < maxPooled {
		body.Grow(int(n) + bytes.MinRead) // ReadFrom wants this much room to see the end
	}
	if _, err := body.ReadFrom(resp.Body); err != nil {
		return err
	}
	want := resp.Header.Get("X-Amz-Crc32")
	if want == "" {
		return nil
	}
	sum, err := strconv.ParseUint(want, 10, 32)
	if err != nil {
		return fmt.Errorf("checksum header: %w", err)
	}
	if got := crc32.ChecksumIEEE(body.Bytes()); got != uint32(sum) {
		return fmt.Errorf("the answer has the checksum %d instead of %d", got, sum)
	}
	return nil
}

// decode decodes an answer into out. It returns false, and leaves out empty, for an
// answer that is left to the SDK.
func decode(ctx context.Context, body []byte, out any) bool {
	d := decoder{data: body}
	switch out := out.(type) {
	case *dynamodb.QueryOutput:
		rows, _ := ctx.Value(rowsKey{}).(Rows)
		if rows != nil {
			rows.Begin()
		}
		if d.valid() && d.query(out, rows) && d.end() {
			return true
		}
		if rows != nil {
			rows.Begin()
		}
		*out = dynamodb.QueryOutput{}
	case *dynamodb.GetItemOutput:
		if d.valid() && d.getItem(out) && d.end() {
			return true
		}
		*out = dynamodb.GetItemOutput{}
	case *dynamodb.BatchGetItemOutput:
		if d.valid() && d.batchGetItem(out) && d.end() {
			return true
		}
		*out = dynamodb.BatchGetItemOutput{}
	}
	return false
}
