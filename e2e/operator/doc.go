// Package operator tests the scripts with which an operator deploys: tools/deploy,
// tools/deploy-check, tools/destroy and tools/reattach. It replaces the SAM CLI, the AWS
// CLI, Go and make by the small programs in testdata, so that each failure of AWS can be
// tried. The script hour runs the same scripts against LocalStack.
package operator
