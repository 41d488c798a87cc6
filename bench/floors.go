package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/recording"
)

func nativeClient(endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{Region: region, BaseEndpoint: &endpoint, Credentials: credentials})
}

// putNative stores r in the usual way, with an attribute for each field.
func putNative(ctx context.Context, client *dynamodb.Client, r *recording.Recording) error {
	fields := map[string]any{
		"account_id": r.Account, "id": r.ID, "created_id": fmt.Sprintf("%011d#%s", r.Created, r.ID),
		"account_owner": r.Account + "#" + r.Owner, "rev": "0123456789abcdef",
	}
	var document map[string]any
	if err := json.Unmarshal([]byte(r.Document), &document); err != nil {
		return err
	}
	for name, value := range document {
		fields[name] = value
	}
	m, err := attributevalue.MarshalMap(fields)
	if err != nil {
		return err
	}
	_, err = client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(nativeTable), Item: m})
	return err
}

// putPlain stores r with its document as JSON text.
func putPlain(ctx context.Context, client *dynamodb.Client, r *recording.Recording) error {
	m, err := attributevalue.MarshalMap(map[string]string{
		"account_id": r.Account, "id": r.ID, "created_id": fmt.Sprintf("%011d#%s", r.Created, r.ID),
		"account_owner": r.Account + "#" + r.Owner, "rev": "0123456789abcdef", "doc": string(r.Document),
	})
	if err != nil {
		return err
	}
	_, err = client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(plainTable), Item: m})
	return err
}

// floorOf returns the floor of a case: the same round trip with only the SDK. The
// floor of lists is an ordinary implementation: Query, attributevalue and
// encoding/json behind the same event codec and token verification. get has two
// floors, one behind the codec and a bare GetItem.
func floorOf(name, endpoint string) (func(context.Context) error, error) {
	if peer, ok := strings.CutSuffix(name, usualGo); ok {
		return usualOf(peer, endpoint)
	}
	client := nativeClient(endpoint)
	key := map[string]types.AttributeValue{
		"a": &types.AttributeValueMemberS{Value: account}, "id": &types.AttributeValueMemberS{Value: sample(0).ID},
	}
	get := func(ctx context.Context) (map[string]types.AttributeValue, error) {
		out, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(ourTable), Key: key, ConsistentRead: aws.Bool(true)})
		if err != nil {
			return nil, err
		}
		return out.Item, nil
	}
	switch name {
	case "list":
		return ordinaryList(client, pageSize+1, nil)
	case "list with a filter": // every second recording matches
		return ordinaryList(client, 2*pageSize+1, map[string]any{"direction": "inbound"})
	case "get":
		return behindCodec(func(ctx context.Context) ([]byte, error) {
			m, err := get(ctx)
			if err != nil {
				return nil, err
			}
			return []byte(m["doc"].(*types.AttributeValueMemberS).Value), nil
		}, listPath+"/"+sample(0).ID, "10.1.1.5") // the call ID, also in the shorthand of doc
	case "get, bare floor":
		return func(ctx context.Context) error { _, err := get(ctx); return err }, nil
	case "patch":
		return func(ctx context.Context) error {
			m, err := get(ctx)
			if err == nil {
				_, err = client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(ourTable), Item: m})
			}
			return err
		}, nil
	case "redirect":
		return bareRedirect(endpoint, get), nil
	}
	return nil, fmt.Errorf("unknown floor %q", name)
}

// bareRedirect returns a function that reads the item, requests HEAD of the object,
// and presigns a URL with the SDK's presign client.
func bareRedirect(endpoint string, get func(context.Context) (map[string]types.AttributeValue, error)) func(context.Context) error {
	client := s3.New(s3.Options{Region: region, BaseEndpoint: &endpoint, UsePathStyle: true, Credentials: credentials})
	presign := s3.NewPresignClient(client)
	object := recording.AudioKey(account, sample(0).ID)
	return func(ctx context.Context) error {
		if _, err := get(ctx); err != nil {
			return err
		}
		if _, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("bucket"), Key: &object}); err != nil {
			return err
		}
		_, err := presign.PresignGetObject(ctx, &s3.GetObjectInput{
			Bucket: aws.String("bucket"), Key: &object, ResponseContentType: aws.String("audio/mpeg"),
			ResponseContentDisposition: aws.String("attachment"), ResponseCacheControl: aws.String("private"),
		})
		return err
	}
}

// ordinaryList returns a list that is implemented in the usual way, without
// optimization. It reads so many rows, and lists those with the wanted fields.
func ordinaryList(client *dynamodb.Client, rows int32, want map[string]any) (func(context.Context) error, error) {
	return behindCodec(func(ctx context.Context) ([]byte, error) {
		out, err := client.Query(ctx, &dynamodb.QueryInput{
			TableName: aws.String(nativeTable), KeyConditionExpression: aws.String("account_id = :a"), Limit: &rows,
			ExpressionAttributeValues: map[string]types.AttributeValue{":a": &types.AttributeValueMemberS{Value: account}},
		})
		if err != nil {
			return nil, err
		}
		var documents []map[string]any
		if err := attributevalue.UnmarshalListOfMaps(out.Items, &documents); err != nil {
			return nil, err
		}
		documents = slices.DeleteFunc(documents, func(d map[string]any) bool {
			for name, value := range want {
				if d[name] != value {
					return true
				}
			}
			return false
		})[:pageSize]
		return json.Marshal(map[string]any{"data": documents, "page_size": len(documents), "status": "success"})
	}, listPath, `page_size\":50`)
}

// behindCodec returns a function that answers a GET event with the result of answer,
// behind the product's event codec and token verification. The answer must contain
// want.
func behindCodec(answer func(context.Context) ([]byte, error), path, want string) (func(context.Context) error, error) {
	keys, err := auth.ParseKeys([]byte(jwks))
	if err != nil {
		return nil, err
	}
	verifier := auth.NewVerifier(keys, time.Now)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := verifier.Verify(r.Context(), auth.Token(r)); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		body, err := answer(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})
	e, err := event(http.MethodGet, path, nil)
	return invoke(h, e, want), err
}

// signer is the SDK's signer, for the floor of presigned URLs.
var signer = v4.NewSigner()
