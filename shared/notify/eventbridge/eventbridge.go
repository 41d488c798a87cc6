// Package eventbridge passes events on to a bus of Amazon EventBridge. A [Bus]
// is a [notify.Sink].
//
// Events go in calls of PutEvents, one after another. A call carries at most 10
// events and 256 KB of them, and no two of the same recording: EventBridge takes
// or refuses each entry by itself, so a second one might get through ahead of
// the first. The first entry that is refused ends the sending, since the stream
// repeats all behind it anyway.
//
// Every call ends: 500 ms to connect, 2 s for an attempt (half a second would do
// mostly, but an attempt that was given up too early sends its events twice),
// three attempts with full jitter at most, and none, not even the first, that
// the rest of the context's deadline would not carry (docs/adr/007-time-outs.md).
// A call that is repeated because its answer was lost sends its events twice.
// Every attempt is noted in the context's requestlog entry, and so is every
// event that was accepted.
//
// # What can still go wrong
//
// EventBridge accepts events for a bus that does not exist, and drops them: 200,
// no failed entry
// (docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html). So the
// name of the bus has to come from whoever made the bus, as in template.yaml.
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

	"callrecordings/shared/attempt"
	"callrecordings/shared/notify"
	"callrecordings/shared/requestlog"
)

// Options say where the bus is and who sends.
type Options struct {
	// Region of the bus, "eu-west-1". Required.
	Region string
	// Endpoint is the base URL of an emulator; "" is EventBridge itself.
	Endpoint string
	// Bus is the bus's name, "default", or its ARN, which may be of another AWS
	// account. Required.
	Bus string
	// Credentials sign requests; they are asked for every attempt. Required.
	Credentials aws.CredentialsProvider
	// Application names the caller in the User-Agent of its requests, and so in
	// CloudTrail; "" is nobody.
	Application string
	// HTTPClient carries the requests; nil is one with the time-outs that the
	// package comment promises.
	HTTPClient sdk.HTTPClient
}

// Bus is one bus of events. It is safe for concurrent use, but order holds only
// for one who calls Send.
type Bus struct {
	client *sdk.Client
	name   string
	limits attempt.Limits
}

var _ notify.Sink = (*Bus)(nil)

// idle is one connection: a function makes one call after the other.
const idle = 1

// standard are the limits that the package comment promises.
func standard() attempt.Limits { return attempt.Standard(2 * time.Second) }

// Open makes a Bus. It touches no network.
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
