// Package notify makes of the changes of the store the events that the outside
// hears of, and says what whoever passes them on has to promise. docs/events.md
// is what subscribers read; the schema there and [Event] are compared by a test.
//
// Events are made of the store's stream, behind the write: no request waits for
// them, and what was written is told of although the process that wrote died.
// The stream tells of a change at least once, and so do events: a subscriber
// knows a repeat by the recording's id and the revision that the write gave it.
//
// One write is one event, or none ([Of]); no event has a number, a name or a
// call id in it, only ids.
//
// The changes of one recording are passed on in their order: no event of a
// recording is sent before those ahead of it were accepted ([Publish], [Sink]).
// EventBridge, and whoever is behind it, may still turn them around.
package notify

import (
	"encoding/json"
	"time"

	"callrecordings/shared/recording"
)

// Source is the source of every event. It is no name of AWS's own, which all
// begin with "aws." (docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html).
const Source = "callrecordings"

// Type says what happened, in the words of an event's detail-type.
type Type string

// The types of events.
const (
	// Created: the recording is there; its audio may have come already (State).
	Created Type = "Recording Created"
	// Completed: audio has arrived, or other audio has replaced it.
	Completed Type = "Recording Completed"
	// Failed: audio has arrived that cannot be served; Reason says why.
	Failed Type = "Recording Failed"
	// Changed: anything else about the recording is different.
	Changed Type = "Recording Changed"
	// Deleted: the recording is gone, for clients.
	Deleted Type = "Recording Deleted"
)

// Gone is the state of a recording that was deleted.
const Gone recording.State = "deleted"

// Event is what the outside hears of one write.
type Event struct {
	// Type says what happened.
	Type Type
	// Time of the write in UTC, to the second.
	Time time.Time
	// Account is the tenant.
	Account string
	// ID is the recording's, and Revision what the write made of it: together
	// the identity of the event.
	ID, Revision string
	// Owner of the recording, "" when it has none.
	Owner string
	// State of its audio behind the write, or Gone.
	State recording.State
	// Reason is why State is recording.Failed.
	Reason recording.Reason
}

// detail is the part of an event that is ours, in the order in which it is
// written.
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

// stamp is the time as RFC 3339 has it, "2026-01-31T09:30:00Z".
func (e Event) stamp() string { return e.Time.UTC().Format(time.RFC3339) }

// Detail is the JSON object in the detail of the event.
func (e Event) Detail() ([]byte, error) { return json.Marshal(e.detail()) }

// MarshalJSON makes the whole event as a rule of EventBridge sees it, but for
// what EventBridge itself adds (version, id, account, region, resources).
func (e Event) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Source string `json:"source"`
		Type   Type   `json:"detail-type"`
		Time   string `json:"time"`
		Detail detail `json:"detail"`
	}{Source, e.Type, e.stamp(), e.detail()})
}
