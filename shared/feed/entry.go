package feed

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// Days is how long entries are kept: as long as tombstones.
	Days = store.TombstoneDays
	// MarkDays is how long the marks of revisions are kept.
	MarkDays = 30
)

// Kind is what happened to a recording: the last word of the type of its event, in lower
// case.
type Kind string

// Kinds of changes. Their events are documented in docs/reference/events.md.
const (
	Created   Kind = "created"
	Completed Kind = "completed"
	Failed    Kind = "failed"
	Changed   Kind = "changed"
	Restored  Kind = "restored"
	Deleted   Kind = "deleted"
)

// kindOf returns the kind of an event's type, such as "created" of "Recording Created".
func kindOf(t notify.Type) Kind {
	words := strings.Fields(string(t))
	return Kind(strings.ToLower(words[len(words)-1]))
}

// Entry is a change of a recording in the feed of its account.
type Entry struct {
	// Sequence is the number of the entry in its epoch, from 1.
	Sequence int64
	// Kind is what happened.
	Kind Kind
	// ID is the recording's ID, and Revision that of the write.
	ID, Revision string
	// Owner is the recording's owner after the change, or before its deletion; "" if it
	// has none.
	Owner string
	// Left is the previous owner if the change gave the recording to another owner or to
	// none; otherwise "".
	Left string
	// State is that of the audio after the change, or notify.Gone.
	State recording.State
	// Reason is set if State is recording.Failed.
	Reason recording.Reason
	// Time is the time of the write, to the second.
	Time time.Time
}

// View is an entry as clients see it, in answers and in webhooks.
type View struct {
	Type     Kind             `json:"type"`
	ID       string           `json:"id"`
	Revision string           `json:"revision"`
	Owner    string           `json:"owner_id,omitempty"`
	State    recording.State  `json:"state"`
	Reason   recording.Reason `json:"reason,omitempty"`
	// Time is in UTC, in RFC 3339 format.
	Time string `json:"time"`
}

// View returns the entry as clients see it.
func (e *Entry) View() View {
	return View{e.Kind, e.ID, e.Revision, e.Owner, e.State, e.Reason, e.Time.UTC().Format(time.RFC3339)}
}

// value is an entry in the store. Its names are short, because they are stored in every
// entry.
type value struct {
	Kind     Kind             `json:"k"`
	ID       string           `json:"id"`
	Revision string           `json:"r"`
	Owner    string           `json:"o,omitempty"`
	Left     string           `json:"l,omitempty"`
	State    recording.State  `json:"s"`
	Reason   recording.Reason `json:"w,omitempty"`
	Time     int64            `json:"t"` // Unix seconds
}

// entryOf returns the entry of a change, without a sequence. ok is false if the change
// has no event.
func entryOf(c *store.Change) (account string, e Entry, ok bool) {
	event, ok := notify.Of(*c)
	if !ok {
		return "", Entry{}, false
	}
	e = Entry{
		Kind: kindOf(event.Type), ID: event.ID, Revision: event.Revision, Owner: event.Owner,
		State: event.State, Reason: event.Reason, Time: event.Time,
	}
	if c.Before != nil && !c.Before.Deleted && c.Before.Recording.Owner != event.Owner {
		e.Left = c.Before.Recording.Owner
	}
	return event.Account, e, true
}

// encode returns the value of e in the store.
func (e *Entry) encode() ([]byte, error) {
	return json.Marshal(value{e.Kind, e.ID, e.Revision, e.Owner, e.Left, e.State, e.Reason, e.Time.Unix()})
}

// decode returns an entry of the store.
func decode(s *store.Entry) (Entry, error) {
	sequence, err := strconv.ParseInt(s.Key, 10, 64)
	if err != nil {
		return Entry{}, fmt.Errorf("the key of an entry of the feed: %w", err)
	}
	var v value
	if err := json.Unmarshal(s.Value, &v); err != nil {
		return Entry{}, fmt.Errorf("entry %d of the feed: %w", sequence, err)
	}
	return Entry{sequence, v.Kind, v.ID, v.Revision, v.Owner, v.Left, v.State, v.Reason, time.Unix(v.Time, 0).UTC()}, nil
}
