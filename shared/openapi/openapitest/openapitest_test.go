package openapitest_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/openapi/openapitest"
)

const (
	list = "https://api.example.com/v2/accounts/A/recordings"
	item = list + "/202601-a"
	base = `"request_id":"r","version":"1.0.0","node":"n4bQgYhMfWWaL-qgxVrQFQ","timestamp":"2026-01-15T10:31:04Z"`
	doc  = `{"data":{"id":"202601-a","_read_only":{"content_types":[],"state":"pending"}},"status":"success","revision":"1-a",` + base + `}`
	page = `{"data":[],"page_size":0,"start_key":"k","status":"success",` + base + `}`
	gone = `{"data":{"message":"bad identifier","cause":"202601-a"},"error":"404","message":"bad_identifier","status":"error",` + base + `}`
)

// headers returns the headers of a successful response, changed by more: pairs of names
// and values. The value "-" removes a header.
func headers(more ...string) http.Header {
	h := http.Header{
		"X-Request-Id": {"r"}, "Vary": {"Accept, Accept-Encoding, Origin"}, "Cache-Control": {"private, no-cache"},
		"Access-Control-Allow-Origin": {"*"}, "Access-Control-Allow-Methods": {"OPTIONS, GET"}, "Content-Type": {"application/json"},
		"Access-Control-Allow-Headers": {"x"}, "Access-Control-Expose-Headers": {"x"}, "Access-Control-Max-Age": {"86400"},
	}
	for i := 0; i < len(more); i += 2 {
		h.Set(more[i], more[i+1])
		if more[i+1] == "-" {
			h.Del(more[i])
		}
	}
	return h
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		method, url, body string
		request           http.Header
		status            int
		answer            string
		header            http.Header
		want              string // part of the error text, or "" for no error
	}{
		"a document":                {method: "GET", url: item, status: 200, answer: doc},
		"a trailing slash":          {method: "GET", url: item + "/", status: 200, answer: doc},
		"a page":                    {method: "GET", url: list + "?page_size=10&filter_direction=inbound&_=17", status: 200, answer: page},
		"an undefined bound":        {method: "GET", url: list + "?created_from=undefined&created_to=1.5", status: 200, answer: page},
		"a head":                    {method: "HEAD", url: item, status: 200},
		"audio":                     {method: "GET", url: item + "?accept=audio", status: 200, answer: "audio", header: headers("Content-Type", "audio/mpeg")},
		"an error":                  {method: "GET", url: item, status: 404, answer: gone},
		"a patch":                   {method: "PATCH", url: item, status: 200, answer: doc, body: `{"data":{"user_metadata":{"a":1}}}`, header: headers("ETag", `"1-a"`)},
		"a patch of another +json":  {method: "PATCH", url: item, status: 200, answer: doc, body: `{"user_metadata":{}}`, request: http.Header{"Content-Type": {"application/vnd.x+json"}}, header: headers("ETag", `"1-a"`)},
		"a bad patch that fails":    {method: "PATCH", url: item, status: 404, answer: gone, body: `{"x":1}`},
		"a preflight":               {method: "OPTIONS", url: list, status: 200, header: headers("Allow", "OPTIONS, GET")},
		"a preflight elsewhere":     {method: "OPTIONS", url: "https://api.example.com/x", status: 200, header: headers("Allow", "OPTIONS")},
		"a preflight with a body":   {method: "OPTIONS", url: list, status: 200, header: headers("Allow", "OPTIONS, GET"), answer: "x", want: "body"},
		"a preflight without Allow": {method: "OPTIONS", url: list, status: 200, want: "Allow"},
		"the audio's path":          {method: "GET", url: item + "/audio", status: 200, answer: "audio", header: headers("Content-Type", "audio/wav")},
		"a document as audio":       {method: "GET", url: item + "/audio", status: 200, answer: doc, want: "application/json"},
		"an unknown path":           {method: "GET", url: "https://api.example.com/v2/nothing", status: 404, answer: strings.ReplaceAll(gone, "bad_identifier", "not_found")},
		"an unknown method":         {method: "POST", url: list, status: 405, answer: strings.NewReplacer("404", "405", "bad_identifier", "invalid_method").Replace(gone)},
		"an unknown status":         {method: "GET", url: item, status: 418, answer: gone, want: "418"},
		"a status of another path":  {method: "GET", url: list, status: 206, answer: page, want: "206"},
		"no CORS header":            {method: "GET", url: item, status: 200, answer: doc, header: headers("Access-Control-Allow-Origin", "-"), want: "Access-Control-Allow-Origin"},
		"a bad header":              {method: "GET", url: item, status: 200, answer: doc, header: headers("ETag", "1-a"), want: "ETag"},
		"another type":              {method: "GET", url: item, status: 200, answer: doc, header: headers("Content-Type", "text/html"), want: "text/html"},
		"not JSON":                  {method: "GET", url: item, status: 200, answer: "{", want: "not JSON"},
		"a private field":           {method: "GET", url: item, status: 200, answer: strings.Replace(doc, `"id"`, `"pvt_type":"x","id"`, 1), want: "pvt_type"},
		"a wrong field":             {method: "GET", url: item, status: 200, answer: strings.Replace(doc, `"id"`, `"duration":-1,"id"`, 1), want: "duration"},
		"a null":                    {method: "GET", url: list, status: 200, answer: strings.Replace(page, `"k"`, `"k","next_start_key":null`, 1), want: "next_start_key"},
		"an unknown key":            {method: "GET", url: item, status: 200, answer: strings.Replace(doc, `"status"`, `"auth_token":"x","status"`, 1), want: "auth_token"},
		"a wrong code":              {method: "GET", url: item, status: 404, answer: strings.ReplaceAll(gone, "bad_identifier", "gone"), want: "message"},
		"details of another error":  {method: "GET", url: item, status: 404, answer: strings.ReplaceAll(gone, `"message":"bad identifier"`, `"id":{"type":{"message":"x"}}`), want: "data"},
		"an unknown error status":   {method: "GET", url: item, status: 404, answer: strings.ReplaceAll(gone, "404", "418"), want: "error"},
		"a code of another status":  {method: "GET", url: item, status: 403, answer: gone, want: "403"},
		"a number as text":          {method: "GET", url: item, status: 200, answer: strings.Replace(doc, `"id"`, `"duration":"1","id"`, 1), want: "duration"},
		"no state":                  {method: "GET", url: item, status: 200, answer: strings.Replace(doc, `,"state":"pending"`, "", 1), want: "state"},
		"an unknown state":          {method: "GET", url: item, status: 200, answer: strings.Replace(doc, "pending", "lost", 1), want: "state"},
		"failed without a reason":   {method: "GET", url: item, status: 200, answer: strings.Replace(doc, "pending", "failed", 1), want: "reason"},
		"a reason without a fault":  {method: "GET", url: item, status: 200, answer: strings.Replace(doc, `"pending"`, `"ready","reason":"damaged"`, 1), want: "_read_only"},
		"deleted is false":          {method: "GET", url: item, status: 200, answer: strings.Replace(doc, `"pending"`, `"ready","deleted":false`, 1), want: "_read_only"},
		"a delete without deleted":  {method: "DELETE", url: item, status: 200, answer: doc, want: "deleted"},
		"an offset from UTC":        {method: "GET", url: item, status: 200, answer: strings.Replace(doc, "04Z", "04+01:00", 1), want: "timestamp"},
		"a time with a fraction":    {method: "GET", url: item, status: 200, answer: strings.Replace(doc, "04Z", "04.5Z", 1), want: "timestamp"},
		"not a time":                {method: "GET", url: item, status: 200, answer: strings.Replace(doc, "2026-01-15T", "2026-13-15T", 1), want: "timestamp"},
		"beyond 64 bits":            {method: "GET", url: list + "?created_from=63935481600000000000", status: 200, answer: page, want: "created_from"},
		"a page without a position": {method: "GET", url: list, status: 200, answer: strings.Replace(page, `"start_key":"k",`, "", 1), want: "start_key"},
		"an unknown header":         {method: "GET", url: item, status: 200, answer: doc, header: headers("X-Internal", "1"), want: "X-Internal"},
		"a gateway's header":        {method: "GET", url: item, status: 200, answer: doc, header: headers("X-Amzn-Trace-Id", "1", "Date", "x", "Content-Length", "9")},
		"no media type":             {method: "GET", url: item, status: 200, answer: doc, header: headers("Content-Type", "-"), want: "media type"},
		"no body":                   {method: "GET", url: item, status: 200, want: "not JSON"},
		"a 304 with a body":         {method: "GET", url: item, status: 304, answer: doc, want: "body"},
		"no required header":        {method: "GET", url: item + "?accept=audio", status: 206, answer: "audio", header: headers("Content-Type", "audio/mpeg"), want: "Content-Range"},
		"no token":                  {method: "GET", url: item, status: 200, answer: doc, request: http.Header{"X-Auth-Token": nil}, want: "token"},
		"a token in the query":      {method: "GET", url: item + "?auth_token=t", status: 200, answer: doc, request: http.Header{"X-Auth-Token": nil}},
		"a change by such a token":  {method: "DELETE", url: item + "?auth_token=t", status: 200, answer: strings.Replace(doc, `"pending"`, `"ready","deleted":true`, 1), request: http.Header{"X-Auth-Token": nil}, want: "token"},
		"no request body":           {method: "PATCH", url: item, status: 200, answer: doc, header: headers("ETag", `"1-a"`), want: "body"},
		"a form":                    {method: "PATCH", url: item, status: 200, answer: doc, body: "a=1", request: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, header: headers("ETag", `"1-a"`), want: "x-www-form-urlencoded"},
		"an account ID too long":    {method: "GET", url: strings.Replace(list, "/A/", "/"+strings.Repeat("A", 65)+"/", 1), status: 200, answer: page, want: "account_id"},
		"a version without paths":   {method: "GET", url: strings.Replace(list, "v2", "v3", 1), status: 200, answer: page, want: "version"},
		"an unknown delivery":       {method: "GET", url: item + "?accept=audio&delivery=post", status: 200, answer: "audio", header: headers("Content-Type", "audio/mpeg"), want: "delivery"},
		"a bad idempotency key":     {method: "PUT", url: list, status: 201, answer: doc, body: "{}", request: http.Header{"Idempotency-Key": {"é"}}, header: headers("ETag", `"1-a"`, "Location", "/v2/accounts/A/recordings/202601-a"), want: "Idempotency-Key"},
		"a head with a body":        {method: "HEAD", url: item, status: 200, answer: doc, want: "body"},
		"a patch of the wrong kind": {method: "PATCH", url: item, status: 200, answer: doc, body: `{"data":{"name":"x"}}`, header: headers("ETag", `"1-a"`), want: "request"},
		"an accepted bad parameter": {method: "GET", url: list + "?page_size=0", status: 200, answer: page, want: "page_size"},
		"success on unknown path":   {method: "GET", url: "https://api.example.com/v2/nothing", status: 200, answer: page, want: "not in the definition"},
		"no envelope":               {method: "POST", url: list, status: 405, answer: "{}", want: "response"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.header == nil {
				tt.header = headers()
			}
			tt.request = maps.Clone(tt.request)
			if tt.request == nil {
				tt.request = http.Header{}
			}
			if _, ok := tt.request["X-Auth-Token"]; !ok {
				tt.request.Set("X-Auth-Token", "t")
			}
			err := openapitest.Check(openapitest.Exchange{
				Method: tt.method, URL: tt.url, Header: tt.request, Body: []byte(tt.body),
				Status: tt.status, Answer: tt.header, AnswerBody: []byte(tt.answer),
			})
			if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Check = %v, want %q", err, tt.want)
			}
		})
	}
}
