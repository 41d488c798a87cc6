// Package version holds the version of this release. The command line prints it, every answer of
// the API carries it in its envelope, and the OpenAPI definition, the gateway's own answers in
// template.yaml and the top entry of CHANGELOG.md repeat it. A test compares them all.
package version

// Number is the semantic version (semver.org), without a leading "v".
const Number = "1.0.0"
