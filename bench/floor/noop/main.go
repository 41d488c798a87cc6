// Command noop is the floor of a function that uses no AWS service. It has only the
// runtime.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() { lambda.Start(func(context.Context) error { return nil }) }
