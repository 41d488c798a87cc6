package openapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"gopkg.in/yaml.v3"

	"callrecordings/shared/api"
	"callrecordings/shared/openapi"
	"callrecordings/shared/openapi/openapitest"
)

var update = flag.Bool("update", false, "rewrite openapi.json from openapi.yaml")

// openapi.json says what openapi.yaml says.
func TestTheJSONIsTheYAML(t *testing.T) {
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	out := json.NewEncoder(&want)
	out.SetEscapeHTML(false)
	if err := out.Encode(v); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("openapi.json", want.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(openapi.JSON(), want.Bytes()) {
		t.Error("openapi.json is not what openapi.yaml says; to make it: go test ./shared/openapi -update")
	}
}

func load(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapitest.Load()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// What is defined is what is routed, both ways. OPTIONS is answered everywhere.
func TestPathsAreTheRoutes(t *testing.T) {
	var defined, routed []string
	for path, item := range load(t).Paths.Map() {
		for method := range item.Operations() {
			defined = append(defined, method+" "+path)
		}
	}
	for _, r := range api.Routes {
		routed = append(routed, r.Method+" "+r.Path)
	}
	slices.Sort(defined)
	slices.Sort(routed)
	if !slices.Equal(defined, routed) {
		t.Errorf("defined %q\n routed %q", defined, routed)
	}
}

// A route that needs no token says so, and no other does.
func TestSecurityIsThatOfTheRoutes(t *testing.T) {
	doc := load(t)
	for _, r := range api.Routes {
		op := doc.Paths.Value(r.Path).GetOperation(r.Method)
		if open := op.Security != nil && len(*op.Security) == 0; open != r.Public {
			t.Errorf("%s %s: without a token %v, the route says %v", r.Method, r.Path, open, r.Public)
		}
	}
	if len(doc.Security) != 3 {
		t.Errorf("%d ways to bring a token, want 3", len(doc.Security))
	}
}

// Every operation, parameter, header and answer says what it is, has an
// example, and every operation can fail in the ways that any request can.
func TestDefinitionIsComplete(t *testing.T) {
	doc := load(t)
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			name := method + " " + path
			if op.Summary == "" || op.OperationID == "" || len(op.Tags) == 0 {
				t.Errorf("%s lacks a summary, an id or a tag", name)
			}
			for _, p := range append(slices.Clone(item.Parameters), op.Parameters...) {
				if p.Value.Description == "" || p.Value.Example == nil {
					t.Errorf("%s: parameter %s lacks a description or an example", name, p.Value.Name)
				}
			}
			wanted := []int{200, 500}
			if !strings.HasSuffix(path, "/openapi.json") {
				wanted = append(wanted, 401, 403, 404, 406, 429, 503)
			}
			for _, status := range wanted {
				if op.Responses.Status(status) == nil {
					t.Errorf("%s has no %d", name, status)
				}
			}
			for status, r := range op.Responses.Map() {
				for kind, media := range r.Value.Content {
					if strings.HasPrefix(kind, "audio/") || strings.HasSuffix(path, "/openapi.json") || status == "302" {
						continue
					}
					if len(media.Examples) == 0 || media.Schema == nil {
						t.Errorf("%s: %s of %s lacks a schema or an example", name, kind, status)
					}
				}
			}
		}
	}
	for name, h := range doc.Components.Headers {
		if h.Value.Description == "" {
			t.Errorf("header %s lacks a description", name)
		}
	}
}

// The judge must be able to condemn.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	const list = "/v2/accounts/a/recordings"
	good := http.Header{"Content-Type": {"application/json"}}
	for name, value := range map[string]string{
		"X-Request-Id": "r", "Vary": "Accept, Accept-Encoding, Origin", "Cache-Control": "private, no-cache", "Access-Control-Allow-Origin": "*",
		"Access-Control-Allow-Methods": "GET", "Access-Control-Allow-Headers": "range", "Access-Control-Expose-Headers": "etag", "Access-Control-Max-Age": "1",
	} {
		good.Set(name, value)
	}
	without := good.Clone()
	without.Del("Vary")
	const body = `{"data":[],"page_size":0,"start_key":"a","status":"success","request_id":"r","version":"1.0.0","node":"n","timestamp":"2026-01-05T12:00:00Z"}`
	for _, c := range []struct {
		name, method, target string
		status               int
		header               http.Header
		body                 string
		ok                   bool
	}{
		{"as it should be", "GET", list, 200, good, body, true},
		{"below a stage", "GET", "/live" + list + "/?page_size=2", 200, good, body, true},
		{"a header is missing", "GET", list, 200, without, body, false},
		{"a status that is not defined", "GET", list, 418, good, body, false},
		{"a type that is not defined", "GET", list, 200, http.Header{"Content-Type": {"text/html"}}, body, false},
		{"a field of the envelope is missing", "GET", list, 200, good, strings.Replace(body, `"node":"n",`, "", 1), false},
		{"a null cursor", "GET", list, 200, good, strings.Replace(body, `"a"`, "null", 1), false},
		{"a document without id", "GET", list, 200, good, strings.Replace(body, `[]`, `[{"_read_only":{"content_types":[]}}]`, 1), false},
		{"a private field", "GET", list, 200, good, strings.Replace(body, `[]`, `[{"id":"202601-a","pvt_x":1,"_read_only":{"content_types":[]}}]`, 1), false},
		{"a bad request was served", "GET", list + "?page_size=x", 200, good, body, false},
		{"an unknown path was served", "GET", "/v2/accounts/a/devices", 200, good, body, false},
		{"an unknown path was refused", "GET", "/v2/accounts/a/devices", 404, good, `{"data":{},"error":"404","message":"not_found","status":"error","request_id":"r","version":"1.0.0"}`, true},
		{"an unknown path was refused oddly", "GET", "/v2/accounts/a/devices", 404, good, `{"message":"not_found"}`, false},
	} {
		r, err := http.NewRequest(c.method, "http://api.example.com"+c.target, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		prefix := ""
		if strings.HasPrefix(c.target, "/live") {
			prefix = "/live"
		}
		err = openapitest.Check(r, nil, prefix, openapitest.Answer{Status: c.status, Header: c.header, Body: []byte(c.body)})
		if (err == nil) != c.ok {
			t.Errorf("%s: Check = %v", c.name, err)
		}
	}
}
