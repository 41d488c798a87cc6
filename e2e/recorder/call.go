package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

// call is a call to AWS, described in IAM's terms.
type call struct {
	Function string `json:"function"`
	Action   string `json:"action"`
	Resource string `json:"resource"`
}

// dynamoTarget is the header with the operation of DynamoDB or EventBridge.
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
	if target != "" {
		_, operation, _ := strings.Cut(target, ".")
		c.Action, c.Resource = "dynamodb:"+operation, tableOf(body)
		return c, true
	}
	c.Action, c.Resource = objectOf(req.Method, req.URL.Path)
	return c, true
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

// objectOf returns the action and resource of a path-style request to S3.
func objectOf(method, path string) (action, resource string) {
	_, key, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch {
	case key == "" && (method == http.MethodHead || method == http.MethodGet):
		return "s3:ListBucket", "Bucket.Arn"
	case actions[method] == "" || key == "":
		return method + " of S3", path
	}
	for _, prefix := range []string{"recordings/", "inbox/", "imported/", "set-aside/", "probes/"} {
		if strings.HasPrefix(key, prefix) {
			return actions[method], "${Bucket.Arn}/" + prefix + "*"
		}
	}
	return actions[method], "${Bucket.Arn}/" + key
}
