package dynamo

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"callrecordings/shared/attempt"
	"callrecordings/shared/requestlog"
)

// idle connections are kept for that many requests at once.
const idle = 64

// network says how long to wait and how often to try (docs/adr/007-time-outs.md).
type network struct {
	attempt.Limits
	conflict time.Duration // longest wait between two tries of a write that met another writer's, or of a read of which DynamoDB left out a part, doubled before each later one
	patience time.Duration // longest wait between those
}

// wait is that before the n-th repeat of what DynamoDB answered but did not do.
func (n network) wait(repeat int) time.Duration {
	return attempt.Jitter(min(n.conflict<<min(repeat, 16), n.patience))
}

func standard() network {
	return network{Limits: attempt.Standard(time.Second), conflict: 50 * time.Millisecond, patience: 640 * time.Millisecond}
}

// options makes the part of the SDK client's options that has to do with time.
// The checksum of answers stays off: this version of the SDK computes it and
// then only logs that it is wrong. So does everything that would lead to
// another host: endpoint discovery and endpoints by account.
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
