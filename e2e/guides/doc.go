// Package guides tests the guides of docs/how-to/connect.md and the tutorials in
// docs/tutorials. It runs every command and installs every file in them unchanged. For
// the guides, it has a stand-in for the PBX. For the tutorials, it clones the commit that
// is checked out. It has the build tag e2e and needs a running server:
//
//	URL         the API's address
//	DATA_DIR    data folder of make run; without it, the variables that make
//	            deploy writes for scripts: BUCKET_NAME, TOKEN_KEYS,
//	            AWS_ENDPOINT_URL and others
package guides
