package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/recording"
)

// usual answers requests in the way that a Lambda function in Go usually does: with the
// SDK, encoding/json and the event types of aws-lambda-go, over a table with the same documents as JSON text.
// Figures with names that end in "usual Go" compare with it.
type usual struct {
	client   *dynamodb.Client
	objects  *s3.Client
	verifier *auth.Verifier
}

// response is what a Lambda function returns.
type response = events.APIGatewayProxyResponse

// usualOf returns the peer of a case.
func usualOf(name, endpoint string) (func(context.Context) error, error) {
	keys, err := auth.ParseKeys([]byte(jwks))
	if err != nil {
		return nil, err
	}
	u := &usual{
		client:   nativeClient(endpoint),
		objects:  s3.New(s3.Options{Region: region, BaseEndpoint: &endpoint, UsePathStyle: true, Credentials: credentials}),
		verifier: auth.NewVerifier(keys, time.Now),
	}
	one := listPath + "/" + sample(0).ID
	for _, c := range []struct {
		name, path, want string
		answer           func(context.Context) (response, error)
	}{
		{"list", listPath, `page_size\":50`, u.list},
		{"csv", listPath, "call_id,", u.csv},
		{"gzip", listPath, "H4sI", u.gzip},
		{"get", one, "call_id", u.document},
		{"audio", one, "AAAA", u.audio},
	} {
		if c.name == name {
			e, err := event(http.MethodGet, c.path, nil)
			return u.behindEvents(c.answer, e, c.want), err
		}
	}
	return nil, fmt.Errorf("unknown peer %q", name)
}

// behindEvents returns a function that answers e with answer, behind the verification of
// the token. The answer must contain want.
func (u *usual) behindEvents(answer func(context.Context) (response, error), e []byte, want string) func(context.Context) error {
	handler := lambda.NewHandler(func(ctx context.Context, r events.APIGatewayProxyRequest) (response, error) {
		if _, err := u.verifier.Verify(ctx, r.MultiValueHeaders["X-Auth-Token"][0]); err != nil {
			return response{StatusCode: http.StatusUnauthorized}, nil //nolint:nilerr // the status is the answer
		}
		return answer(ctx)
	})
	return func(ctx context.Context) error {
		out, err := handler.Invoke(ctx, e)
		if err == nil && !bytes.Contains(out, []byte(want)) {
			err = fmt.Errorf("the answer does not contain %s: %.500s", want, out)
		}
		return err
	}
}

func text(contentType string, body []byte) response {
	return response{StatusCode: http.StatusOK, Headers: map[string]string{"Content-Type": contentType}, Body: string(body)}
}

func inBase64(contentType string, body []byte) response {
	r := text(contentType, nil)
	r.Body, r.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	return r
}

// documents reads a page. Decoding each document is what an ordinary API does to add
// its ID.
func (u *usual) documents(ctx context.Context) ([]map[string]any, error) {
	out, err := u.client.Query(ctx, &dynamodb.QueryInput{
		TableName: aws.String(plainTable), KeyConditionExpression: aws.String("account_id = :a"), Limit: aws.Int32(pageSize + 1),
		ExpressionAttributeValues: map[string]types.AttributeValue{":a": &types.AttributeValueMemberS{Value: account}},
	})
	if err != nil {
		return nil, err
	}
	all := make([]map[string]any, len(out.Items))
	for i, item := range out.Items {
		if all[i], err = documentIn(item); err != nil {
			return nil, err
		}
	}
	return all[:min(len(all), pageSize)], nil // the last row only shows that there is another page
}

// documentIn decodes the document of an item with JSON text.
func documentIn(item map[string]types.AttributeValue) (map[string]any, error) {
	doc, ok := item["doc"].(*types.AttributeValueMemberS)
	if !ok {
		return nil, fmt.Errorf("no document in %v", item)
	}
	var document map[string]any
	if err := json.Unmarshal([]byte(doc.Value), &document); err != nil {
		return nil, err
	}
	document["id"] = sample(0).ID
	return document, nil
}

func (u *usual) envelope(ctx context.Context) ([]byte, error) {
	all, err := u.documents(ctx)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"data": all, "page_size": len(all), "status": "success"})
}

func (u *usual) list(ctx context.Context) (response, error) {
	body, err := u.envelope(ctx)
	return text("application/json", body), err
}

func (u *usual) gzip(ctx context.Context) (response, error) {
	body, err := u.envelope(ctx)
	if err != nil {
		return response{}, err
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err = z.Write(body); err == nil {
		err = z.Close()
	}
	return inBase64("application/json", out.Bytes()), err
}

func (u *usual) csv(ctx context.Context) (response, error) {
	all, err := u.documents(ctx)
	if err != nil {
		return response{}, err
	}
	columns := map[string]bool{}
	for _, document := range all {
		for name := range document {
			columns[name] = true
		}
	}
	header := slices.Sorted(maps.Keys(columns))
	var out strings.Builder
	w := csv.NewWriter(&out)
	_ = w.Write(header) // Error reports a failure
	for _, document := range all {
		row := make([]string, len(header))
		for i, name := range header {
			if value, ok := document[name]; ok {
				row[i] = fmt.Sprint(value)
			}
		}
		_ = w.Write(row)
	}
	w.Flush()
	return text("text/csv", []byte(out.String())), w.Error()
}

func (u *usual) item(ctx context.Context) (map[string]any, error) {
	out, err := u.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(plainTable), Key: map[string]types.AttributeValue{
		"account_id": &types.AttributeValueMemberS{Value: account}, "id": &types.AttributeValueMemberS{Value: sample(0).ID},
	}})
	if err != nil {
		return nil, err
	}
	return documentIn(out.Item)
}

func (u *usual) document(ctx context.Context) (response, error) {
	document, err := u.item(ctx)
	if err != nil {
		return response{}, err
	}
	body, err := json.Marshal(map[string]any{"data": document, "status": "success"})
	return text("application/json", body), err
}

func (u *usual) audio(ctx context.Context) (response, error) {
	if _, err := u.item(ctx); err != nil {
		return response{}, err
	}
	key := recording.AudioKey(account, sample(0).ID)
	out, err := u.objects.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key})
	if err != nil {
		return response{}, err
	}
	defer func() { _ = out.Body.Close() }()
	data, err := io.ReadAll(out.Body)
	return inBase64("audio/mpeg", data), err
}
