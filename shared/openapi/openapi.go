// Package openapi holds the API's definition, an OpenAPI 3.1 document.
//
// openapi.yaml is the source, written by hand; openapi.json is the same for
// machines, made by `make golden`, and embedded. Tests hold it against the
// routes, the errors and the parameters of package api and the routes of
// template.yaml; openapitest judges requests and answers of the test suites by
// it. It is a package of its own, so that only the function that serves it
// carries it.
package openapi

import _ "embed"

//go:embed openapi.json
var definition []byte

// JSON returns the definition, which clients get at /v2/openapi.json. The bytes
// are the caller's to read, not to change.
func JSON() []byte { return definition }
