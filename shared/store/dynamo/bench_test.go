package dynamo

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/callrecordings/api/shared/store"
)

// canned is an http.RoundTripper that gives every request the same answer.
type canned string

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header:        http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		ContentLength: int64(len(c)), Body: io.NopCloser(strings.NewReader(string(c))),
	}, nil
}

// wire returns DynamoDB's answer to a Query that finds the items.
func wire(items []item, last item) canned {
	text, err := json.Marshal(map[string]any{
		"Items": wireItems(items), "Count": len(items), "ScannedCount": len(items),
		"ConsumedCapacity": map[string]any{"TableName": "recordings", "CapacityUnits": 7},
		"LastEvaluatedKey": wireItem(last),
	})
	if err != nil {
		panic(err)
	}
	return canned(text)
}

func wireItems(items []item) []map[string]any {
	out := make([]map[string]any, len(items))
	for i, m := range items {
		out[i] = wireItem(m)
	}
	return out
}

func wireItem(m item) map[string]any {
	out := make(map[string]any, len(m))
	for name, v := range m {
		out[name] = wireValue(v)
	}
	return out
}

func wireValue(v types.AttributeValue) map[string]any {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}
	case *types.AttributeValueMemberM:
		return map[string]any{"M": wireItem(v.Value)}
	}
	panic("unexpected attribute type")
}

// native is a recording in the obvious layout: one attribute per field.
type native struct {
	Account   string `dynamodbav:"account_id" json:"-"`
	ID        string `dynamodbav:"id" json:"id"`
	CreatedID string `dynamodbav:"created_id" json:"-"`
	Owned     string `dynamodbav:"account_owner" json:"-"`
	Revision  string `dynamodbav:"rev" json:"-"`

	CallID         string            `dynamodbav:"call_id" json:"call_id,omitempty"`
	InteractionID  string            `dynamodbav:"interaction_id" json:"interaction_id,omitempty"`
	Name           string            `dynamodbav:"name" json:"name,omitempty"`
	ContentType    string            `dynamodbav:"content_type" json:"content_type,omitempty"`
	MediaType      string            `dynamodbav:"media_type" json:"media_type,omitempty"`
	MediaSource    string            `dynamodbav:"media_source" json:"media_source,omitempty"`
	SourceType     string            `dynamodbav:"source_type" json:"source_type,omitempty"`
	Origin         string            `dynamodbav:"origin" json:"origin,omitempty"`
	Direction      string            `dynamodbav:"direction" json:"direction,omitempty"`
	Start          int64             `dynamodbav:"start" json:"start,omitempty"`
	Duration       int64             `dynamodbav:"duration" json:"duration,omitempty"`
	DurationMS     int64             `dynamodbav:"duration_ms" json:"duration_ms,omitempty"`
	From           string            `dynamodbav:"from" json:"from,omitempty"`
	To             string            `dynamodbav:"to" json:"to,omitempty"`
	Request        string            `dynamodbav:"request" json:"request,omitempty"`
	CallerIDName   string            `dynamodbav:"caller_id_name" json:"caller_id_name,omitempty"`
	CallerIDNumber string            `dynamodbav:"caller_id_number" json:"caller_id_number,omitempty"`
	CalleeIDName   string            `dynamodbav:"callee_id_name" json:"callee_id_name,omitempty"`
	CalleeIDNumber string            `dynamodbav:"callee_id_number" json:"callee_id_number,omitempty"`
	OwnerID        string            `dynamodbav:"owner_id" json:"owner_id,omitempty"`
	Vars           map[string]string `dynamodbav:"custom_channel_vars" json:"custom_channel_vars,omitempty"`
}

const pageSize = 50

// ours lists a page with this package and encodes it as JSON.
func ours(tb testing.TB) func() []byte {
	items := make([]item, pageSize+1)
	for i := range items {
		r := sample(i)
		m, err := encode(nil, &r)
		if err != nil {
			tb.Fatal(err)
		}
		items[i] = m
	}
	s := openWith(tb, &http.Client{Transport: wire(items, items[pageSize])})
	return func() []byte {
		p, err := s.Page(context.Background(), store.Query{Account: account, Limit: pageSize})
		if err != nil {
			tb.Fatal(err)
		}
		var text []byte
		for i := range p.Recordings {
			text = append(p.Recordings[i].AppendJSON(text, false), ',')
		}
		return text
	}
}

// ordinary does the same with native attributes and the SDK's own encoders.
func ordinary(tb testing.TB) func() []byte {
	items := make([]item, pageSize+1)
	for i := range items {
		r := sample(i)
		n := native{Account: r.Account, ID: r.ID, CreatedID: createdID(r.Created, r.ID), Owned: accountOwner(r.Account, r.Owner), Revision: r.Revision}
		if err := json.Unmarshal([]byte(r.Document), &n); err != nil {
			tb.Fatal(err)
		}
		m, err := attributevalue.MarshalMap(n)
		if err != nil {
			tb.Fatal(err)
		}
		items[i] = m
	}
	client := dynamodb.New(dynamodb.Options{
		Region: "eu-west-1", Credentials: static, BaseEndpoint: aws.String("http://dynamodb.invalid"),
		HTTPClient: &http.Client{Transport: wire(items, items[pageSize])},
	})
	return func() []byte {
		out, err := client.Query(context.Background(), &dynamodb.QueryInput{
			TableName: aws.String("recordings"), IndexName: aws.String(indexByCreated),
			KeyConditionExpression:    aws.String("account_id = :account"),
			ExpressionAttributeValues: item{":account": str(account)},
			Limit:                     aws.Int32(pageSize + 1), ScanIndexForward: aws.Bool(false),
		})
		if err != nil {
			tb.Fatal(err)
		}
		var page []native
		if err := attributevalue.UnmarshalListOfMaps(out.Items[:pageSize], &page); err != nil {
			tb.Fatal(err)
		}
		text, err := json.Marshal(page)
		if err != nil {
			tb.Fatal(err)
		}
		return text
	}
}

var ways = []struct {
	name string
	make func(testing.TB) func() []byte
}{{"ours", ours}, {"ordinary", ordinary}}

// BenchmarkPage lists a page of 50 recordings both ways. Ours may cost at most
// 9% of the allocations of the ordinary way.
func BenchmarkPage(b *testing.B) {
	for _, way := range ways {
		b.Run("way="+way.name, func(b *testing.B) {
			page := way.make(b)
			b.ReportAllocs()
			for b.Loop() {
				page()
			}
		})
	}
}

// TestPageAllocatesWithinBudget checks the part of the budget that does not
// depend on the machine.
func TestPageAllocatesWithinBudget(t *testing.T) {
	const budget = 0.09
	count := make(map[string]float64)
	for _, way := range ways {
		page := way.make(t)
		if n := bytes.Count(page(), []byte(`"owner_id"`)); n != pageSize {
			t.Fatalf("%s: a page of %d recordings, want %d", way.name, n, pageSize)
		}
		count[way.name] = testing.AllocsPerRun(20, func() { page() })
	}
	t.Logf("a page takes %.0f allocations, the ordinary way %.0f", count["ours"], count["ordinary"])
	if got := count["ours"] / count["ordinary"]; got > budget {
		t.Errorf("a page takes %.0f allocations, %.2f of the ordinary %.0f, want at most %.2f", count["ours"], got, count["ordinary"], budget)
	}
}
