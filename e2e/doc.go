// Package e2e is the black-box suite: text scripts (testdata/*.txtar) that
// talk HTTP to a running API and seed it through the recordings command, and
// nothing else. The same scripts run against make run, against sam local over
// LocalStack, and against any deployment.
//
// Which one is decided by the environment:
//
//   - Nothing set: the local server is built and started on a data folder of
//     its own; so `go test ./...` covers the whole product.
//   - URL, TOKEN_KEYS, TABLE_NAME and BUCKET_NAME set: that deployment.
//     TARGET names it ("sam", "localstack"), for the table of what an emulator
//     cannot carry (exceptions.go).
//   - URL and TOKEN set: only the read-only part, TestSmoke (`make smoke`).
//
// Each script gets an account of its own and removes what it made.
package e2e
