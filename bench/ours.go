package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/gateway"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store/dynamo"
)

// Parameters of all measurements.
const (
	region      = "us-east-1"
	ourTable    = "ours"
	nativeTable = "native" // an attribute for each field
	plainTable  = "plain"  // the document as JSON text, as the product had it before ADR 017
	pageSize    = 50
	audioSize   = 1_000_000
	account     = "a0123456789abcdef0123456789abcde"
	owner       = "b0123456789abcdef0123456789abcde"
	cursorKey   = "0123456789abcdef0123456789abcdef"
	jwks        = `{"keys":[{"kty":"oct","kid":"bench","alg":"HS256","k":"YmVuY2gta2V5LWZvci1tZWFzdXJpbmctc3RhcnR1cC1vbmx5"}]}`
	listPath    = "/v2/accounts/" + account + "/recordings"
)

// sample returns the n-th recording of the account, a typical one.
func sample(n int) recording.Recording {
	id := fmt.Sprintf("202311-%032x", n)
	direction := "inbound"
	if n%2 == 1 {
		direction = "outbound"
	}
	created := recording.Seconds(63866880062 + n)
	return recording.Recording{
		Account: account, ID: id, Owner: owner, Created: created, Modified: created,
		Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: audioSize},
		Document: recording.Document(fmt.Sprintf(`{"call_id":"MTQ4YjE1ZjQ3NWU4ZTJkMzA0@10.1.1.5",`+
			`"interaction_id":"63866880000-9f3c2a1b","name":"%032x.mp3","content_type":"audio/mpeg","media_type":"mp3",`+
			`"media_source":"recorded","source_type":"kzc_recording","origin":"%s from offnet to endpoint",`+
			`"direction":"%s","start":%d,"duration":62,"duration_ms":62340,"from":"+14155550100@example.com",`+
			`"to":"+14155550199@example.com","request":"+14155550199@example.com","caller_id_name":"Ada Lovelace",`+
			`"caller_id_number":"+14155550100","callee_id_name":"Front Desk","callee_id_number":"+14155550199",`+
			`"owner_id":"%s","custom_channel_vars":{"Media-Recording-ID":"%s"}}`,
			n, direction, direction, 63866880000+n, owner, id)),
	}
}

var credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"}, nil
})

// openTable opens the product's store on an endpoint.
func openTable(endpoint, table string) (*dynamo.Store, error) {
	return dynamo.Open(dynamo.Options{Region: region, Endpoint: endpoint, Table: table, Credentials: credentials})
}

// event returns the event that a REST API sends for a request.
func event(method, path string, header map[string]string, body ...string) ([]byte, error) {
	keys, err := auth.Sign([]byte(jwks), auth.Claims{Account: account, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(path)
	if err != nil {
		return nil, err
	}
	headers := map[string][]string{
		"Accept": {"application/json"}, "Host": {"api.example.com"}, "User-Agent": {"bench"}, "X-Auth-Token": {keys},
	}
	for name, value := range header {
		headers[name] = []string{value}
	}
	return json.Marshal(events.APIGatewayProxyRequest{
		Path: u.Path, HTTPMethod: method, MultiValueHeaders: headers, MultiValueQueryStringParameters: u.Query(), Body: strings.Join(body, ""),
		RequestContext: events.APIGatewayProxyRequestContext{RequestID: "bench", Stage: "live"},
	})
}

// requestOf returns a function that makes one request of a case. way is "ours" or
// "floor".
func requestOf(name, way string) (func(context.Context) error, error) {
	endpoint := os.Getenv("AWS_ENDPOINT_URL")
	if way == "floor" {
		return floorOf(name, endpoint)
	}
	keys, err := auth.ParseKeys([]byte(jwks))
	if err != nil {
		return nil, err
	}
	sealer, err := cursor.New(cursorKey, "")
	if err != nil {
		return nil, err
	}
	table, err := openTable(endpoint, ourTable)
	if err != nil {
		return nil, err
	}
	bucket, err := s3media.Open(s3media.Options{Region: region, Endpoint: endpoint, Bucket: "bucket", Credentials: credentials})
	if err != nil {
		return nil, err
	}
	env := api.Env{Verifier: auth.NewVerifier(keys, time.Now), Now: time.Now, Node: "bench"}
	one := listPath + "/" + sample(0).ID
	list, get := api.List(env, table, sealer, true), api.Get(env, table, bucket, api.Delivery{Default: media.Redirect})
	for _, c := range []struct {
		name, method, path string
		header             map[string]string
		body               string
		handler            http.Handler
		want               string
	}{
		{name: "list", method: "GET", path: listPath, handler: list, want: `page_size\":50`},
		{name: "list with a filter", method: "GET", path: listPath + "?filter_direction=inbound", handler: list, want: `page_size\":50`},
		{name: "csv", method: "GET", path: listPath, header: map[string]string{"Accept": "text/csv"}, handler: list, want: "call_id,"},
		{name: "gzip", method: "GET", path: listPath, header: map[string]string{"Accept-Encoding": "gzip"}, handler: list, want: "H4sI"},
		{
			name: "audio", method: "GET", path: one + "?delivery=inline", header: map[string]string{"Accept": "audio/mpeg"},
			handler: get, want: "AAAA",
		},
		{name: "get", method: "GET", path: one, handler: get, want: "call_id"},
		{name: "patch", method: "PATCH", path: one, body: `{"data":{"user_metadata":{"tag":"vip"}}}`, handler: api.Patch(env, table), want: "vip"},
		{name: "redirect", method: "GET", path: one, header: map[string]string{"Accept": "audio/mpeg"}, handler: get, want: "X-Amz-Signature"},
	} {
		if c.name == name {
			e, err := event(c.method, c.path, c.header, c.body)
			return invoke(c.handler, e, c.want), err
		}
	}
	return nil, fmt.Errorf("unknown case %q", name)
}

// invoke returns a function that answers an event with h. The answer must contain
// want.
func invoke(h http.Handler, e []byte, want string) func(context.Context) error {
	handler := gateway.Handler(h)
	return func(ctx context.Context) error {
		out, err := handler.Invoke(ctx, e)
		if err == nil && !bytes.Contains(out, []byte(want)) {
			err = fmt.Errorf("the answer does not contain %s: %.500s", want, out)
		}
		return err
	}
}

// fill stores recordings in the fake, in the product's layout and in two ordinary
// ones.
func (b *bench) fill(ctx context.Context) error {
	table, err := openTable(b.fake.url, ourTable)
	if err != nil {
		return err
	}
	native := nativeClient(b.fake.url)
	for n := range tableSize {
		r := sample(n)
		if err := table.Put(ctx, &r); err != nil {
			return err
		}
		if err := putNative(ctx, native, &r); err != nil {
			return err
		}
		if err := putPlain(ctx, native, &r); err != nil {
			return err
		}
	}
	return nil
}
