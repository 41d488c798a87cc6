// Package e2e is the black-box suite. Its tests are text scripts
// (testdata/*.txtar) that talk HTTP to a running API. They seed it through the
// recordings command and through its bucket. The same scripts run against make
// run, against sam local over LocalStack, and against any deployment.
//
// The environment selects the target:
//
//   - No variables set: the suite builds the local server and starts it on a
//     temporary data folder, so `go test ./...` covers the whole product.
//   - URL, TOKEN_KEYS, TABLE_NAME and BUCKET_NAME set: that deployment, reached
//     with the AWS_* variables. TARGET names it ("sam", "localstack") so that
//     the table in exceptions_test.go can list the scripts that an emulator
//     cannot run.
//   - URL and TOKEN set: only the read-only part, TestSmoke (`make smoke`).
//
// Each script uses its own account and removes the recordings that it creates.
//
// These subfolders hold programs and packages for the tests:
//
//   - browser plays a recording in headless Chromium.
//   - given builds programs and finds the variables and ports for tests.
//   - operator tests the scripts for deploying with stand-ins for AWS, and drives an
//     operator's first hour on LocalStack (hour).
//   - pbx builds the uploads and file names of PBXs.
//   - policy prints the IAM policy that deploying needs.
//   - provision creates the table and the bucket of template.yaml in an emulator.
//   - recorder is a proxy that logs which AWS calls each function makes.
//   - stack reads the policies of template.yaml and lists the calls that each
//     function, and a deployment, may make.
//
// The other folders hold suites with the build tag e2e. They need servers and
// programs that `go test ./...` does not require; e2e/run starts them all:
//
//   - clients tests make run with wget, s3cmd, rclone, the AWS CLI and other clients.
//   - deployed tests a deployed stack: streams, events, permissions, template.
//   - front tests the path rule in front of a running Kazoo (nginx, CloudFront).
//   - guides runs the tutorials and the guides of docs/how-to/connect.md.
//   - invoke runs the sample events through sam local invoke.
//   - migration imports thousands of recordings from a stand-in Kazoo.
//   - storm uploads thousands of recordings while the receivers are killed.
package e2e
