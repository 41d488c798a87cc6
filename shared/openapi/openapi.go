// Package openapi contains the definition of the API, a complete OpenAPI 3.1
// document with routes, parameters, headers, errors, media types and examples.
//
// The source is openapi.yaml, written by hand. `make golden` generates openapi.json
// from it, and a test checks that the two agree. Tests also compare the document
// with the routes, errors and parameters in the code and with template.yaml. Package
// openapitest checks every request and response of the test suites against it, and
// tools/schemathesis uses it to attack a running server. A change to the API that
// clients can see therefore starts in openapi.yaml (docs/adr/008-definition.md).
//
// Only the fallback function and the local server link the document.
package openapi

import _ "embed" // for the document

// JSON is the document that /v2/openapi.json serves. It must not be modified.
//
//go:embed openapi.json
var JSON []byte
