package openapitest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/openapi"
	"github.com/callrecordings/api/shared/openapi/openapitest"
)

// node is a JSON object in the document.
type node map[string]any

// at starts at from, follows a path of names, and returns the object there. It
// resolves references.
func (d node) at(from node, names ...string) node {
	for _, name := range names {
		next, _ := from[name].(map[string]any)
		if ref, ok := next["$ref"].(string); ok {
			next = d.at(d, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
		from = next
	}
	return from
}

const octets = "application/octet-stream"

// sent holds values of optional parameters. The definition has no examples of them,
// because Swagger UI would send those.
var sent = map[string]string{
	"page_size": "10", "start_key": "", "paginate": "true", "created_from": "63935481600", "created_to": "63966931199",
	"ascending": "true", "descending": "false", "filter_direction": "outbound", "filter_not_direction": "inbound",
	"filter_owner_id": "U", "filter_call_id": "a@b", "filter_interaction_id": "1-a", "filter_from": "a@b", "filter_to": "a@b",
	"filter_caller_id_number": "+15550142", "filter_callee_id_number": `["1001","1002"]`, "filter_user_metadata.tag": "vip",
	"cursor": "", "search": "ren*", "total": "true", "deleted": "false", "expiring_within": "7d", "kept_over": "90d", "confirm": "12", "has_key": "owner_id", "key_missing": "user_metadata.tag", "has_value": "duration", "value_missing": "caller_id_name",
	"missing_value": "caller_id_name", "sort": "duration", "fields": "id,from", "modified_from": "63935481600", "modified_to": "undefined", "accept": "json",
	"columns": "id,start_iso", "bom": "true", "file_name": "january.csv", "X-File-Name": "january.csv", "delivery": "inline", "inline": "true", "verb": "", "pretty_print": "true",
	"X-Pretty-Print": "true", "X-Request-ID": "checkout-17", "Accept-Encoding": "gzip", "If-Match": "*",
	"If-None-Match": `"1-00000000000000000000000000000000"`, "If-Modified-Since": "Thu, 01 Jan 2026 00:00:00 GMT",
	"If-Unmodified-Since": "Fri, 01 Jan 2100 00:00:00 GMT", "If-Range": `"not-this-one"`, "Range": "bytes=-100", "Prefer": "wait=1",
	"Idempotency-Key": "call-17", "actor": "anna", "action": "listen", "reason": "complaint 4711", "X-Reason": "complaint 4711", "id": "202601-a", "from": "1001@pbx.example.com", "to": "1002@pbx.example.com",
	"direction": "inbound", "start": "63935481600", "owner_id": "77bc1d2e3f405162738495a6b7c8d9e0",
}

// values returns the values of n's examples and the constant of its schema. If there
// are none, it returns the first value of the schema's enum.
func (d node) values(n node) []any {
	var all []any
	for _, name := range slices.Sorted(maps.Keys(d.at(n, "examples"))) {
		all = append(all, d.at(n, "examples", name)["value"])
	}
	schema := d.at(n, "schema")
	if only, ok := schema["const"]; ok {
		all = append(all, only)
	}
	if some, ok := schema["enum"].([]any); ok && len(all) == 0 {
		all = append(all, some[0])
	}
	return all
}

// The examples in the definition are valid: examples of responses and their headers,
// and requests that are built from the examples of parameters and bodies.
func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	var d node
	if err := json.Unmarshal(openapi.JSON, &d); err != nil {
		t.Fatal(err)
	}
	count := 0
	for path := range d.at(d, "paths") {
		item := d.at(d, "paths", path)
		for method := range item {
			operation := d.at(item, method)
			if operation == nil {
				continue
			}
			x := openapitest.Exchange{Method: strings.ToUpper(method), URL: "https://api.example.com" + path, Header: http.Header{"X-Auth-Token": {"t"}}}
			pathParameters, _ := item["parameters"].([]any)
			parameters, _ := operation["parameters"].([]any)
			for _, p := range slices.Concat(pathParameters, parameters) {
				d.fill(t, &x, d.at(node{"p": p}, "p"))
			}
			for _, v := range d.values(d.at(operation, "requestBody", "content", "application/json")) {
				x.Body, _ = json.Marshal(v)
				count += d.check(t, x, d.at(operation, "responses"))
			}
			if d.at(operation, "requestBody", "content", octets) != nil {
				x.Body = []byte("audio")
			}
			count += d.check(t, x, d.at(operation, "responses"))
		}
	}
	if count < 400 {
		t.Errorf("%d examples, want at least 400", count)
	}
}

// fill adds a value of a parameter to the request: its first example, or the value in
// sent.
func (d node) fill(t *testing.T, x *openapitest.Exchange, p node) {
	t.Helper()
	name := fmt.Sprint(p["name"])
	value, ok := sent[name]
	if values := d.values(p); len(values) > 0 {
		value, ok = fmt.Sprint(values[0]), true
	}
	if !ok {
		t.Errorf("parameter %s has no example, and no row in sent", name)
		return
	}
	separator := "?"
	if strings.Contains(x.URL, "?") {
		separator = "&"
	}
	switch p["in"] {
	case "path":
		x.URL = strings.Replace(x.URL, "{"+name+"}", value, 1)
	case "query":
		x.URL += separator + url.QueryEscape(name) + "=" + url.QueryEscape(value)
	case "header":
		x.Header.Set(name, value)
	}
}

// check checks the examples of all responses.
func (d node) check(t *testing.T, x openapitest.Exchange, responses node) (count int) {
	t.Helper()
	for code := range responses {
		response := d.at(responses, code)
		x.Status, _ = strconv.Atoi(code)
		x.Answer = http.Header{}
		for name := range d.at(response, "headers") {
			values := d.values(d.at(response, "headers", name))
			if len(values) == 0 {
				t.Errorf("header %s has no example", name)
				continue
			}
			x.Answer.Set(name, fmt.Sprint(values[0]))
		}
		if response["content"] == nil && response["x-content"] == nil {
			x.AnswerBody = nil
			count += d.one(t, x)
		}
		for _, content := range []string{"content", "x-content"} {
			for kind := range d.at(response, content) {
				x.Answer.Set("Content-Type", strings.Replace(kind, "*", "mpeg", 1))
				for _, v := range d.values(d.at(response, content, kind)) {
					x.AnswerBody, _ = json.Marshal(v)
					count += d.one(t, x)
				}
			}
		}
	}
	return count
}

func (node) one(t *testing.T, x openapitest.Exchange) int {
	t.Helper()
	if err := openapitest.Check(x); err != nil {
		t.Errorf("%v\n%s", err, x.AnswerBody)
	}
	return 1
}
