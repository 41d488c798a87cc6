package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

// call is who did what to what, in IAM's words.
type call struct {
	Function string `json:"function"`
	Action   string `json:"action"`
	Resource string `json:"resource"`
}

// dynamoTarget is the header that names an operation of DynamoDB.
const dynamoTarget = "X-Amz-Target"

// application is how an SDK client of a function names itself.
var application = regexp.MustCompile(`\bapp/callrecordings-([a-z]+)\b`)

// callOf reads a call off a request. What no SDK client made, such as the first
// connection at a function's start, is none.
func callOf(req *http.Request, body []byte) (call, bool) {
	target := req.Header.Get(dynamoTarget)
	m := application.FindStringSubmatch(req.UserAgent())
	if m == nil {
		// An SDK client that does not say whose it is would escape the table.
		return call{Function: "unknown", Action: req.Method + " " + target}, strings.Contains(req.UserAgent(), "aws-sdk-go")
	}
	c := call{Function: m[1]}
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

// tableOf is the table of a request to DynamoDB, or its index.
func tableOf(body []byte) string {
	var in struct {
		TableName, IndexName string
	}
	if err := json.Unmarshal(body, &in); err != nil || in.TableName == "" {
		return "unknown"
	}
	if in.IndexName != "" {
		return "${Table.Arn}/index/" + in.IndexName
	}
	return "Table.Arn"
}

// actions are those of S3 on an object, by method. HEAD is judged like GET.
var actions = map[string]string{
	http.MethodGet: "s3:GetObject", http.MethodHead: "s3:GetObject",
	http.MethodPut: "s3:PutObject", http.MethodDelete: "s3:DeleteObject",
}

// objectOf reads a request to S3, whose bucket is in the path.
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
