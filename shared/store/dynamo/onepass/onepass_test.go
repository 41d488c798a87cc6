package onepass

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/schemas"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
)

// items is a Rows that builds the items that it gets.
type items struct {
	list []map[string]types.AttributeValue
	next map[string]types.AttributeValue
}

func (s *items) Begin() { s.list, s.next = nil, map[string]types.AttributeValue{} }

func (s *items) Attribute(name, value []byte, kind Kind) bool {
	switch kind {
	case String:
		s.next[string(name)] = &types.AttributeValueMemberS{Value: string(value)}
	case Number:
		s.next[string(name)] = &types.AttributeValueMemberN{Value: string(value)}
	case Bool:
		s.next[string(name)] = &types.AttributeValueMemberBOOL{Value: string(value) == "true"}
	default:
		s.next[string(name)] = &types.AttributeValueMemberNULL{Value: string(value) == "true"}
	}
	return true
}

func (s *items) End() bool {
	s.list, s.next = append(s.list, s.next), map[string]types.AttributeValue{}
	return true
}

var theSDK = awsjson.New10(schemas.DynamoDB_20120810)

// operations lists the operations that the package decodes.
var operations = []struct {
	name   string
	schema *smithy.OperationSchema
	output func() smithy.Deserializable
}{
	{"Query", smithy.NewOperationSchema(schemas.Query, schemas.QueryInput, schemas.QueryOutput), func() smithy.Deserializable { return new(dynamodb.QueryOutput) }},
	{"GetItem", smithy.NewOperationSchema(schemas.GetItem, schemas.GetItemInput, schemas.GetItemOutput), func() smithy.Deserializable { return new(dynamodb.GetItemOutput) }},
	{"BatchGetItem", smithy.NewOperationSchema(schemas.BatchGetItem, schemas.BatchGetItemInput, schemas.BatchGetItemOutput), func() smithy.Deserializable { return new(dynamodb.BatchGetItemOutput) }},
}

func response(status int, body, checksum string) *smithyhttp.Response {
	r := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
	if checksum != "" {
		r.Header.Set("X-Amz-Crc32", checksum)
	}
	return &smithyhttp.Response{Response: r}
}

func checksum(body string) string {
	return strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(body))), 10)
}

const usualQuery = `{"ConsumedCapacity":{"CapacityUnits":6.5,"TableName":"recordings"},"Count":2,"Items":[` +
	`{"a":{"S":"acc"},"id":{"S":"202311-1"},"doc":{"S":"{\"call_id\":\"\u0001\t\/\\ä\ud83d\ude00\"}"},"mod":{"N":"63866880062"}},` +
	`{"a":{"S":"acc"},"purge_pending":{"BOOL":true},"x":{"NULL":true},"y":{"BOOL":false}}],` +
	`"LastEvaluatedKey":{"a":{"S":"acc"},"id":{"S":"202311-2"}},"ScannedCount":2}`

// accepted lists answers that the package decodes itself, and rejected those that it
// leaves to the SDK.
var accepted = [3][]string{
	{
		usualQuery, strings.ReplaceAll(usualQuery, `":{`, "\" :\n\t{"), `{}`, ` { } `, `{"Items":[],"Count":0,"ScannedCount":0}`,
		`{"Items":[{}],"LastEvaluatedKey":{}}`, `{"Items":[{"a":{"S":""}},{"a":{"S":"1"},"a":{"N":"2"}}]}`, `{"Items":[{"a":{"S":"1"}}],"Items":[]}`,
	},
	{
		`{}`, `{"Item":{}}`, `{"Item":{"a":{"S":"x"},"b":{"N":"1"},"c":{"BOOL":true}},"ConsumedCapacity":{"TableName":"t","CapacityUnits":1.0}}`,
		`{"ConsumedCapacity":{}}`, `{"ConsumedCapacity":{"CapacityUnits":0.5},"ConsumedCapacity":{"TableName":"t"}}`,
	},
	{
		`{"Responses":{"t":[{"a":{"S":"x"}},{}]},"UnprocessedKeys":{},"ConsumedCapacity":[{"TableName":"t","CapacityUnits":100.0}]}`,
		`{"Responses":{},"ConsumedCapacity":[]}`, `{"Responses":{"t":[],"t":[{"a":{"S":"x"}}]}}`,
	},
}

var rejected = [3][]string{
	{
		"", "{", "null", "[]", `{"Items":null}`, `{"Items":[null]}`, `{"Items":[{"a":null}]}`, `{"Items":[{"a":{}}]}`, `{"More":1}`, `{} x`,
		`{"Items":[{"a":{"B":"AAAA"}}]}`, `{"Items":[{"a":{"M":{}}}]}`, `{"Items":[{"a":{"SS":["x"]}}]}`, `{"Items":[{"a":{"S":"x","N":"1"}}]}`,
		`{"Items":[{"a":{"S":"\ud83d"}}]}`, `{"Items":[{"a":{"S":"\ud83dx"}}]}`, `{"Items":[{"a":{"S":"\ude00\ud83d"}}]}`, "{\"Items\":[{\"a\":{\"S\":\"\xff\"}}]}",
		"{\"Items\":[{\"a\":{\"S\":\"\x01\"}}]}", `{"Items":[{"a":{"S":"\x"}}]}`, `{"Items":[{"a":{"S":"\u00g0"}}]}`, `{"Items":[{"a":{"S":"\`, `{"Items":[{"a":{"S":"x`,
		`{"Items":[{"\u0061":{"S":"x"}}]}`, `{"Items":[{"a":{"S":1}}]}`, `{"Items":[{"a":{"N":1}}]}`, `{"Items":[{"a":{"BOOL":"true"}}]}`, `{"Items":[{"a":{"BOOL":nul}}]}`,
		`{"Items":[,]}`, `{"Items":[{},]}`, `{"Items":[],}`, `{"Items" []}`, `{"Count":-1}`, `{"Count":01}`, `{"Count":1.5}`, `{"Count":1e2}`, `{"Count":2147483648}`, `{"Count":"1"}`,
		`{"ConsumedCapacity":{"CapacityUnits":"x"}}`, `{"ConsumedCapacity":{"CapacityUnits":1.}}`, `{"ConsumedCapacity":{"Table":{}}}`, `{"ConsumedCapacity":null}`,
	},
	{`{"Item":null}`, `{"Item":{"a":{"L":[]}}}`, `{"Item":[]}`, `{"Items":[]}`, "\xef\xbb\xbf{}"},
	{
		`{"Responses":null}`, `{"Responses":{"t":null}}`, `{"UnprocessedKeys":{"t":{"Keys":[]}}}`, `{"ConsumedCapacity":{}}`, `{"ConsumedCapacity":[null]}`,
	},
}

func TestAnswersOfTheUsualForm(t *testing.T) {
	t.Parallel()
	for i, op := range operations {
		for _, body := range accepted[i] {
			if !decode(t.Context(), []byte(body), op.output()) {
				t.Errorf("%s: left to the SDK: %s", op.name, body)
			}
		}
		for _, body := range append(accepted[i], rejected[i]...) {
			compare(t, i, []byte(body))
		}
		for _, body := range rejected[i] {
			if decode(t.Context(), []byte(body), op.output()) {
				t.Errorf("%s: accepted: %s", op.name, body)
			}
		}
	}
}

// If the answer is left to the SDK, the result is that of the SDK, with rows or without.
func TestTheRestIsTheSDKs(t *testing.T) {
	t.Parallel()
	for i, op := range operations {
		for _, body := range append(accepted[i], rejected[i]...) {
			want, got, rows := op.output(), op.output(), new(items)
			wantErr := theSDK.DeserializeResponse(t.Context(), op.schema, dynamodb.TypeRegistry, response(200, body, ""), want)
			gotErr := Protocol(theSDK).DeserializeResponse(WithRows(t.Context(), rows), op.schema, dynamodb.TypeRegistry, response(200, body, checksum(body)), got)
			if q, ok := got.(*dynamodb.QueryOutput); ok {
				if q.Items != nil && rows.list != nil {
					t.Errorf("%s: rows and items for %s", op.name, body)
				}
				q.Items = append(q.Items, rows.list...)
				if w := want.(*dynamodb.QueryOutput); len(w.Items) == 0 { //nolint:forcetypeassert // as got
					w.Items, q.Items = nil, nil
				}
			}
			if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) || wantErr == nil && !equal(got, want) {
				t.Errorf("%s of %s: %v, error %v, want %v, error %v", op.name, body, got, gotErr, want, wantErr)
			}
		}
	}
}

func TestErrorsAreTheSDKs(t *testing.T) {
	t.Parallel()
	const body = `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"no","Item":{"id":{"S":"x"}}}`
	err := Protocol(theSDK).DeserializeResponse(t.Context(), operations[1].schema, dynamodb.TypeRegistry, response(400, body, checksum(body)), new(dynamodb.GetItemOutput))
	failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok || len(failed.Item) != 1 {
		t.Errorf("DeserializeResponse = %v, want the SDK's error with its item", err)
	}
}

func TestChecksums(t *testing.T) {
	t.Parallel()
	const body = `{"Item":{"id":{"S":"x"}}}`
	for _, status := range []int{200, 400} {
		for sum, valid := range map[string]bool{"": true, checksum(body): true, checksum(body + " "): false, "x": false, "99999999999": false} {
			out := new(dynamodb.GetItemOutput)
			err := Protocol(theSDK).DeserializeResponse(t.Context(), operations[1].schema, dynamodb.TypeRegistry, response(status, body, sum), out)
			broken := new(smithy.DeserializationError)
			if got := !errors.As(err, &broken); got != valid || valid != (len(out.Item) == 1) && status == 200 {
				t.Errorf("status %d, checksum %q: %v, want valid = %v", status, sum, err, valid)
			}
		}
	}
}

// If an answer breaks off, the SDK gets an error and retries.
func TestAnswerBreaksOff(t *testing.T) {
	t.Parallel()
	resp := response(200, "", "")
	resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), failing{}))
	err := Protocol(theSDK).DeserializeResponse(context.Background(), operations[0].schema, dynamodb.TypeRegistry, resp, new(dynamodb.QueryOutput))
	broken := new(smithy.DeserializationError)
	if !errors.As(err, &broken) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("DeserializeResponse = %v, want a DeserializationError", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
