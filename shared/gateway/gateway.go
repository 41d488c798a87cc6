package gateway

import (
	"net/http"

	"github.com/aws/aws-lambda-go/lambda"
)

// Start serves h as an AWS Lambda function. It does not return.
func Start(h http.Handler) { lambda.StartWithOptions(Handler(h)) }

// Handler turns h into a Lambda handler for the events of API Gateway.
func Handler(h http.Handler) lambda.Handler { return &handler{next: h} }

// Local turns h into a handler that takes the way through Lambda's events.
func Local(h http.Handler) http.Handler { return h }
