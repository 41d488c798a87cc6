package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// call is a call to AWS, described in IAM's terms.
type call struct {
	Function string `json:"function"`
	Action   string `json:"action"`
	Resource string `json:"resource"`
}

// dynamoTarget is the header with the operation of DynamoDB, EventBridge or SQS.
const dynamoTarget = "X-Amz-Target"

// application matches the function's name in the User-Agent of its SDK clients.
var application = regexp.MustCompile(`\bapp/callrecordings-([a-z]+)\b`)

// callOf returns the call that a request makes. ok is false if the request does not
// come from an SDK client, such as the request that warms up a function's connection.
func callOf(req *http.Request, body []byte) (c call, ok bool) {
	target := req.Header.Get(dynamoTarget)
	m := application.FindStringSubmatch(req.UserAgent())
	if m == nil {
		// Report an SDK client without a function's name; otherwise its calls would
		// not be compared with the table.
		return call{Function: "unknown", Action: req.Method + " " + target}, strings.Contains(req.UserAgent(), "aws-sdk-go")
	}
	c.Function = m[1]
	if operation, ok := strings.CutPrefix(target, "AWSEvents."); ok {
		c.Action, c.Resource = "events:"+operation, "Bus.Arn"
		return c, true
	}
	if operation, ok := strings.CutPrefix(target, "AmazonSQS."); ok {
		// IAM has no action for a batch of messages.
		c.Action, c.Resource = "sqs:"+strings.TrimSuffix(operation, "Batch"), queueOf(c.Function)
		return c, true
	}
	if target != "" {
		_, operation, _ := strings.Cut(target, ".")
		c.Action, c.Resource = "dynamodb:"+operation, tableOf(body)
		return c, true
	}
	c.Action, c.Resource = objectOf(req.Method, req.URL.Path, req.URL.Query())
	return c, true
}

// queueOf returns the queue that a function sends to.
func queueOf(function string) string {
	if function == "publish" {
		return "IndexEvents.Arn"
	}
	return "JobsQueue.Arn"
}

// callsOf returns the calls that a request makes. A transaction makes one for each kind
// of action in it: IAM has no action for the transaction itself
// (docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html).
func callsOf(req *http.Request, body []byte) []call {
	c, ok := callOf(req, body)
	if !ok {
		return nil
	}
	var in struct {
		TransactItems []map[string]struct{ TableName string }
	}
	if c.Action != "dynamodb:TransactWriteItems" || json.Unmarshal(body, &in) != nil {
		return []call{c}
	}
	var all []call
	for _, item := range in.TransactItems {
		for kind := range item {
			all = append(all, call{c.Function, "dynamodb:" + kind + "Item", "Table.Arn"})
		}
	}
	return all
}

// tableOf returns the table or index that a request to DynamoDB uses.
func tableOf(body []byte) string {
	var in struct {
		TableName, IndexName string
		RequestItems         map[string]any // of BatchGetItem, by table
	}
	if err := json.Unmarshal(body, &in); err != nil || in.TableName == "" && len(in.RequestItems) != 1 {
		return "unknown"
	}
	if in.IndexName != "" {
		return "${Table.Arn}/index/" + in.IndexName
	}
	return "Table.Arn"
}

// actions maps methods to S3's actions on an object. IAM treats HEAD like GET.
var actions = map[string]string{
	http.MethodGet: "s3:GetObject", http.MethodHead: "s3:GetObject",
	http.MethodPut: "s3:PutObject", http.MethodDelete: "s3:DeleteObject",
}

// parameters maps methods and query parameters to S3's actions, which differ from those of
// the method alone.
var parameters = []struct{ method, name, action string }{
	{http.MethodDelete, "versionId", "s3:DeleteObjectVersion"},
	{http.MethodDelete, "uploadId", "s3:AbortMultipartUpload"},
	{http.MethodPost, "uploads", "s3:PutObject"},
	{http.MethodPost, "uploadId", "s3:PutObject"},
	{http.MethodPut, "retention", "s3:PutObjectRetention"},
}

// actionOf returns the action of a request for an object; "" if S3 has none.
func actionOf(method string, query url.Values) string {
	for _, p := range parameters {
		if method == p.method && query.Has(p.name) {
			return p.action
		}
	}
	return actions[method]
}

// objectOf returns the action and resource of a path-style request to S3.
func objectOf(method, path string, query url.Values) (action, resource string) {
	_, key, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	action = actionOf(method, query)
	switch {
	case key == "" && method == http.MethodGet && query.Has("versions"):
		return "s3:ListBucketVersions", "Bucket.Arn"
	case key == "" && (method == http.MethodHead || method == http.MethodGet):
		return "s3:ListBucket", "Bucket.Arn"
	case action == "" || key == "":
		return method + " of S3", path
	}
	for _, prefix := range []string{"recordings/", "inbox/", "imported/", "set-aside/", "probes/", "exports/"} {
		if strings.HasPrefix(key, prefix) {
			return action, "${Bucket.Arn}/" + prefix + "*"
		}
	}
	return action, "${Bucket.Arn}/" + key
}
