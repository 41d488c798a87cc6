package notify

import (
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Of returns the event of a change. ok is false if the change yields no event:
//
//	before          after           event
//	nothing         recording       Created
//	restorable      recording       Restored
//	tombstone       recording       Created
//	recording       recording       Completed, Failed or Changed; see below
//	recording       tombstone       Deleted
//	nothing         tombstone       Deleted
//	recording       nothing         none
//	tombstone       anything else   none; the purge of a restorable one is not news
//	same revision before and after  none
//
// A recording is Completed if its audio became ready or empty, or was replaced
// by a later arrival (Audio.Sequencer). It is Failed if its audio became failed,
// or failed again for another reason or with a later arrival.
//
// This service never writes a tombstone without a recording before it, but an
// import might. The event of such a tombstone has no owner; subscribers that keep
// copies should delete the copy. An item that disappears without a tombstone was
// removed by hand. It yields no event, because there is no new revision to identify
// the event. A write that left the revision unchanged was made by hand, too.
//
// The event's time is when the recording was last changed. A tombstone has no
// such time, and a restore does not change it, so their events have the time of the change
// (store.Change.At).
func Of(c store.Change) (e Event, ok bool) {
	before, after := living(c.Before), living(c.After)
	switch {
	case c.Before != nil && c.After != nil && c.Before.Recording.Revision == c.After.Recording.Revision:
		return Event{}, false
	case after != nil:
		if c.Before != nil && c.Before.Restorable {
			return restored(c, after), true
		}
		return newEvent(transition(before, after), c, after), true
	case c.After != nil && (before != nil || c.Before == nil):
		e := newEvent(Deleted, c, &c.After.Recording)
		e.State, e.Reason = Gone, ""
		if before != nil {
			e.Owner = before.Owner
		}
		return e, true
	}
	return Event{}, false
}

// restored returns the event of a restore. The recording has the time of the change that
// came before its deletion, so the event has that of the restore.
func restored(c store.Change, r *recording.Recording) Event {
	e := newEvent(Restored, c, r)
	e.Time = moment(c.At, r.Modified.Time(), r.Created.Time())
	return e
}

// living returns the recording of an image, or nil if the image is nil or a
// tombstone.
func living(i *store.Image) *recording.Recording {
	if i == nil || i.Deleted {
		return nil
	}
	return &i.Recording
}

// transition returns the type of event for a write that replaced before, which
// may be nil, with after.
func transition(before, after *recording.Recording) Type {
	if before == nil {
		return Created
	}
	was, is := before.Audio, after.Audio
	arrived := was.Condition() != is.Condition() || was.Sequencer != is.Sequencer
	switch is.Condition() {
	case recording.Ready, recording.Empty:
		if arrived {
			return Completed
		}
	case recording.Failed:
		if arrived || was.Reason != is.Reason {
			return Failed
		}
	case recording.Pending:
	}
	return Changed
}

// newEvent returns the event of type t about r, the result of the write c.
func newEvent(t Type, c store.Change, r *recording.Recording) Event {
	e := Event{
		Type: t, Time: moment(r.Modified.Time(), c.At, r.Created.Time()),
		Account: r.Account, ID: r.ID, Revision: r.Revision, Owner: r.Owner, State: r.Audio.Condition(),
	}
	if e.State == recording.Failed {
		e.Reason = r.Audio.Reason
	}
	return e
}

// moment returns the first of times that RFC 3339 and EventBridge can represent,
// in UTC and truncated to the second. Without such a time it returns 1970-01-01.
func moment(times ...time.Time) time.Time {
	for _, t := range times {
		if t = t.UTC().Truncate(time.Second); 1970 <= t.Year() && t.Year() <= 9999 {
			return t
		}
	}
	return time.Unix(0, 0).UTC()
}
