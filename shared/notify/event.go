// Package notify turns changes of the store into the events that other systems
// receive, and defines the guarantees of a [Sink] that delivers them.
// docs/reference/events.md is the documentation for subscribers. A test compares its schema
// with [Event].
//
// # Guarantees
//
// Events are made from the store's stream, after the write. No request waits for
// them, and an event is sent even if the process that wrote crashes. The stream
// delivers each change at least once, so an event may be sent more than once. A
// subscriber recognizes a duplicate by the recording's ID and the revision that
// the write gave it.
//
// One write yields at most one event ([Of]). Events contain IDs, but no phone
// numbers, names or call IDs.
//
// Events of one recording are sent in order: none is sent before the earlier ones
// were accepted ([Publish], [Sink]).
//
// # Failure modes
//
// EventBridge and the systems behind it may reorder events.
package notify

import (
	"encoding/json"
	"time"

	"github.com/callrecordings/api/shared/recording"
)

// Source is the source field of every event. Sources that begin with "aws." are
// reserved (docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html).
const Source = "callrecordings"

// Type is the kind of an event. Its value is the event's detail-type.
type Type string

// Types of events.
const (
	// Created: the recording is new. State shows whether it already has its audio.
	Created Type = "Recording Created"
	// Completed: audio has arrived, or has replaced earlier audio.
	Completed Type = "Recording Completed"
	// Failed: the audio that arrived was rejected. Reason gives the cause.
	Failed Type = "Recording Failed"
	// Changed: anything else about the recording has changed.
	Changed Type = "Recording Changed"
	// Restored: a deleted recording is back, with its audio.
	Restored Type = "Recording Restored"
	// Deleted: the recording was deleted. Clients cannot read it any more.
	Deleted Type = "Recording Deleted"
)

// Gone is the state of a deleted recording.
const Gone recording.State = "deleted"

// Event describes one write to other systems.
type Event struct {
	// Type is the kind of event.
	Type Type
	// Time of the write in UTC, to the second.
	Time time.Time
	// Account is the account ID.
	Account string
	// ID is the recording ID, and Revision the recording's revision after the
	// write. Together they identify the event.
	ID, Revision string
	// Owner is the recording's owner, "" for a recording without one.
	Owner string
	// State is that of the audio after the write, or Gone.
	State recording.State
	// Reason is set if State is recording.Failed.
	Reason recording.Reason
}

// detail is the detail object of an event. The JSON has its fields in this order.
type detail struct {
	Account  string           `json:"account_id"`
	ID       string           `json:"id"`
	Revision string           `json:"revision"`
	Owner    string           `json:"owner_id,omitempty"`
	State    recording.State  `json:"state"`
	Reason   recording.Reason `json:"reason,omitempty"`
	Time     string           `json:"time"`
}

func (e Event) detail() detail {
	return detail{e.Account, e.ID, e.Revision, e.Owner, e.State, e.Reason, e.stamp()}
}

// stamp returns the time in RFC 3339 format, "2026-01-31T09:30:00Z".
func (e Event) stamp() string { return e.Time.UTC().Format(time.RFC3339) }

// Detail returns the JSON object for the detail field of the event.
func (e Event) Detail() ([]byte, error) { return json.Marshal(e.detail()) }

// MarshalJSON returns the event as an EventBridge rule sees it, without the
// fields that EventBridge adds (version, id, account, region, resources).
func (e Event) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Source string `json:"source"`
		Type   Type   `json:"detail-type"`
		Time   string `json:"time"`
		Detail detail `json:"detail"`
	}{Source, e.Type, e.stamp(), e.detail()})
}
