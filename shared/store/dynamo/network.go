package dynamo

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/requestlog"
)

// idle is how many unused connections are kept.
const idle = 64

// network bounds the time of calls and the number of retries
// (docs/adr/007-time-outs.md).
type network struct {
	attempt.Limits
	// conflict is the longest wait after the first unmet condition of a write,
	// or after the first batch that DynamoDB read only in part. The wait doubles
	// each time after that, up to patience.
	conflict, patience time.Duration
}

// wait returns a random wait before the n-th retry of a call that DynamoDB
// answered without completing it.
func (n network) wait(retry int) time.Duration {
	return attempt.Jitter(min(n.conflict<<min(retry, 16), n.patience))
}

func standard() network {
	return network{Limits: attempt.Standard(time.Second), conflict: 50 * time.Millisecond, patience: 640 * time.Millisecond}
}

// options returns the SDK options for time-outs and retries. They also turn off
// three features: the SDK's check of answers' checksums, because it only logs a
// mismatch (package onepass checks them), and endpoint discovery and account-based endpoints, because
// they lead to other hosts.
func (n network) options() dynamodb.Options {
	count := func(e *requestlog.Entry) { e.Calls++ }
	return dynamodb.Options{
		Retryer:                         n.Retryer(),
		APIOptions:                      n.APIOptions(count),
		DisableValidateResponseChecksum: true,
		AccountIDEndpointMode:           aws.AccountIDEndpointModeDisabled,
		EndpointDiscovery:               dynamodb.EndpointDiscoveryOptions{EnableEndpointDiscovery: aws.EndpointDiscoveryDisabled},
	}
}
