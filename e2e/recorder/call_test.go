package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

func TestCallOf(t *testing.T) {
	t.Parallel()
	const get = "aws-sdk-go-v2/1.47.7 app/callrecordings-get"
	for _, c := range []struct {
		agent, method, path, target, body string
		want                              call
		ok                                bool
	}{
		{
			agent: get, method: "POST", path: "/", target: "DynamoDB_20120810.GetItem", body: `{"TableName":"t"}`,
			want: call{"get", "dynamodb:GetItem", "Table.Arn"}, ok: true,
		},
		{
			agent: "x app/callrecordings-list y", method: "POST", path: "/", target: "DynamoDB_20120810.Query", body: `{"TableName":"t","IndexName":"by_user"}`,
			want: call{"list", "dynamodb:Query", "${Table.Arn}/index/by_user"}, ok: true,
		},
		{
			agent: get, method: "POST", path: "/", target: "DynamoDB_20120810.BatchGetItem", body: `{"RequestItems":{"t":{"Keys":[]}}}`,
			want: call{"get", "dynamodb:BatchGetItem", "Table.Arn"}, ok: true,
		},
		{agent: get, method: "POST", path: "/", target: "DynamoDB_20120810.ListTables", body: `{}`, want: call{"get", "dynamodb:ListTables", "unknown"}, ok: true},
		{agent: get, method: "HEAD", path: "/b/recordings/a/202601/x", want: call{"get", "s3:GetObject", "${Bucket.Arn}/recordings/*"}, ok: true},
		{agent: get, method: "DELETE", path: "/b/recordings/a/202601/x", want: call{"get", "s3:DeleteObject", "${Bucket.Arn}/recordings/*"}, ok: true},
		{agent: get, method: "GET", path: "/b/elsewhere/x", want: call{"get", "s3:GetObject", "${Bucket.Arn}/elsewhere/x"}, ok: true},
		{agent: get, method: "HEAD", path: "/b", want: call{"get", "s3:ListBucket", "Bucket.Arn"}, ok: true},
		{agent: get, method: "GET", path: "/b", want: call{"get", "s3:ListBucket", "Bucket.Arn"}, ok: true},
		{agent: get, method: "GET", path: "/b/inbox/a/x", want: call{"get", "s3:GetObject", "${Bucket.Arn}/inbox/*"}, ok: true},
		{agent: get, method: "DELETE", path: "/b/imported/a/202601/x", want: call{"get", "s3:DeleteObject", "${Bucket.Arn}/imported/*"}, ok: true},
		{agent: get, method: "GET", path: "/b?versions&prefix=recordings%2Fa", want: call{"get", "s3:ListBucketVersions", "Bucket.Arn"}, ok: true},
		{agent: get, method: "DELETE", path: "/b/recordings/a/202601/x?versionId=1", want: call{"get", "s3:DeleteObjectVersion", "${Bucket.Arn}/recordings/*"}, ok: true},
		{agent: get, method: "POST", path: "/b/exports/a/x.zip?uploads", want: call{"get", "s3:PutObject", "${Bucket.Arn}/exports/*"}, ok: true},
		{agent: get, method: "PUT", path: "/b/exports/a/x.zip?partNumber=1&uploadId=u", want: call{"get", "s3:PutObject", "${Bucket.Arn}/exports/*"}, ok: true},
		{agent: get, method: "POST", path: "/b/exports/a/x.zip?uploadId=u", want: call{"get", "s3:PutObject", "${Bucket.Arn}/exports/*"}, ok: true},
		{agent: get, method: "DELETE", path: "/b/exports/a/x.zip?uploadId=u", want: call{"get", "s3:AbortMultipartUpload", "${Bucket.Arn}/exports/*"}, ok: true},
		{agent: get, method: "PUT", path: "/b/imported/a/202601/x?retention", want: call{"get", "s3:PutObjectRetention", "${Bucket.Arn}/imported/*"}, ok: true},
		{agent: get, method: "POST", path: "/", target: "AmazonSQS.SendMessage", body: `{"QueueUrl":"q"}`, want: call{"get", "sqs:SendMessage", "JobsQueue.Arn"}, ok: true},
		{
			agent: "x app/callrecordings-publish y", method: "POST", path: "/", target: "AmazonSQS.SendMessageBatch", body: `{"QueueUrl":"q"}`,
			want: call{"publish", "sqs:SendMessage", "IndexEvents.Arn"}, ok: true,
		},
		{agent: get, method: "POST", path: "/b/recordings/x", want: call{"get", "POST of S3", "/b/recordings/x"}, ok: true},
		{agent: "aws-sdk-go-v2/1.47.7", method: "GET", path: "/b/k", want: call{Function: "unknown", Action: "GET "}, ok: true},
		{agent: "Go-http-client/1.1", method: "GET", path: "/"},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Header.Set("User-Agent", c.agent)
		if c.target != "" {
			r.Header.Set(dynamoTarget, c.target)
		}
		got, ok := callOf(r, []byte(c.body))
		if ok != c.ok || ok && got != c.want {
			t.Errorf("callOf(%s %s %s) = %+v, %v, want %+v, %v", c.method, c.path, c.target, got, ok, c.want, c.ok)
		}
	}
}

// A transaction needs the actions of the writes in it.
func TestCallsOfATransaction(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header.Set("User-Agent", "aws-sdk-go-v2/1.47.7 app/callrecordings-access")
	r.Header.Set(dynamoTarget, "DynamoDB_20120810.TransactWriteItems")
	got := callsOf(r, []byte(`{"TransactItems":[{"Put":{"TableName":"t"}},{"Delete":{"TableName":"t"}},{"ConditionCheck":{"TableName":"t"}}]}`))
	want := []call{
		{"access", "dynamodb:PutItem", "Table.Arn"},
		{"access", "dynamodb:DeleteItem", "Table.Arn"},
		{"access", "dynamodb:ConditionCheckItem", "Table.Arn"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("callsOf = %+v, want %+v", got, want)
	}
	if got := callsOf(httptest.NewRequest(http.MethodGet, "/", nil), nil); len(got) != 0 {
		t.Errorf("callsOf of another client = %+v", got)
	}
}
