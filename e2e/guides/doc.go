// Package guides holds a test that carries out the guides of docs/connect.md to
// the letter: every command and every file of theirs, with a stand-in where a
// PBX would be. It has the build tag e2e and needs a server:
//
//	URL         the API's address
//	DATA_DIR    data folder of make run; without it, what make deploy has
//	            written for scripts: BUCKET_NAME, TOKEN_KEYS, AWS_ENDPOINT_URL …
package guides
