// Package eventbridge sends events to a bus of Amazon EventBridge. [Bus]
// implements [notify.Sink].
//
// # Guarantees
//
// Events are sent in calls of PutEvents, one after another. A call carries at
// most 10 events and 256 KB. It carries only one event per recording, because
// EventBridge accepts or rejects each entry separately, so a later event could
// otherwise overtake an earlier one that fails. Sending ends with the first
// rejected entry, because the stream delivers all changes from there again anyway.
//
// Every call ends: 500 ms to connect, 2 s per attempt, and at most three
// attempts with full jitter. Half a second per attempt would usually do, but an
// attempt that is given up too early sends its events twice. An attempt, even
// the first, starts only if the context's deadline leaves enough time for it
// (docs/adr/007-time-outs.md). The context's requestlog entry counts every
// attempt and every accepted event.
//
// # Failure modes
//
// If the answer of a call is lost, the retry sends its events twice.
//
// EventBridge accepts events for a bus that does not exist and drops them: it
// answers 200 without a failed entry
// (docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html). So the
// bus name should come from the resource that creates the bus, as in
// template.yaml.
//
// # Permissions
//
// events:PutEvents on the bus.
package eventbridge

import (
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/requestlog"
)

// Options locates the bus and identifies the sender.
type Options struct {
	// Region of the bus, "eu-west-1". Required.
	Region string
	// Endpoint is the base URL of an emulator; "" means EventBridge itself.
	Endpoint string
	// Bus is the bus's name, such as "default", or its ARN, which may belong to
	// another AWS account. Required.
	Bus string
	// Credentials sign requests; they are retrieved for every attempt. Required.
	Credentials aws.CredentialsProvider
	// Application identifies the caller in the User-Agent header, and so in
	// CloudTrail. Optional.
	Application string
	// HTTPClient sends the requests; nil means a client with the time-outs of the
	// package comment.
	HTTPClient sdk.HTTPClient
}

// Bus is an event bus. It is safe for concurrent use, but concurrent calls of
// Send are not ordered.
type Bus struct {
	client *sdk.Client
	name   string
	limits attempt.Limits
}

var _ notify.Sink = (*Bus)(nil)

// idle is how many unused connections are kept. One is enough, because a function
// makes its calls one after another.
const idle = 1

// standard returns the limits that the package comment promises.
func standard() attempt.Limits { return attempt.Standard(2 * time.Second) }

// Open returns a Bus. It does not use the network.
func Open(o Options) (*Bus, error) { return open(o, standard()) }

func open(o Options, l attempt.Limits) (*Bus, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("event bus: %w", err)
	}
	if o.HTTPClient == nil {
		o.HTTPClient = l.Client(idle)
	}
	count := func(e *requestlog.Entry) { e.EventCalls++ }
	so := sdk.Options{Retryer: l.Retryer(), APIOptions: l.APIOptions(count)}
	so.Region, so.Credentials, so.HTTPClient, so.AppID = o.Region, o.Credentials, o.HTTPClient, o.Application
	if o.Endpoint != "" {
		so.BaseEndpoint = &o.Endpoint
	}
	return &Bus{client: sdk.New(so), name: o.Bus, limits: l}, nil
}

func (o Options) check() error {
	return errors.Join(
		attempt.Require("region", o.Region != ""),
		attempt.Require("name of the bus", o.Bus != ""),
		attempt.Require("credentials", o.Credentials != nil),
		attempt.CheckURL("endpoint", o.Endpoint),
	)
}
