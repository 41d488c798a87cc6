package notify

import (
	"time"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// Of returns the event of a change, and false where nobody is told:
//
//	before          after           event
//	nothing         living          Created
//	tombstone       living          Created
//	living          living          Completed, Failed or Changed; see below
//	living          tombstone       Deleted
//	nothing         tombstone       Deleted
//	living          nothing         none
//	tombstone       any other       none
//	the same revision on both sides none
//
// A recording is Completed when its audio turned to ready or empty, or was
// replaced by another arrival (Audio.Sequencer); Failed when it turned to
// failed, or failed again for another reason or at another arrival.
//
// A tombstone that nothing came before is no write of this service, but an
// import might make one, and who keeps a copy should drop it; it has no owner.
// A living item that vanishes was removed by hand, as no write of this service
// does: there is no revision that could tell the event from the one before it.
// A write that left the revision alone was made by hand, too.
//
// The time is that of the recording's last change; for a tombstone, which does
// not know, it is the change's own (store.Change.At).
func Of(c store.Change) (Event, bool) {
	before, after := living(c.Before), living(c.After)
	switch {
	case c.Before != nil && c.After != nil && c.Before.Recording.Revision == c.After.Recording.Revision:
		return Event{}, false
	case after != nil:
		return told(transition(before, after), c, after), true
	case c.After != nil && (before != nil || c.Before == nil):
		e := told(Deleted, c, &c.After.Recording)
		e.State, e.Reason = Gone, ""
		if before != nil {
			e.Owner = before.Owner
		}
		return e, true
	}
	return Event{}, false
}

// living is the recording of an image, nil where there is none or only its
// tombstone.
func living(i *store.Image) *recording.Recording {
	if i == nil || i.Deleted {
		return nil
	}
	return &i.Recording
}

// transition is the type of a write that left after where before was, or nil.
func transition(before, after *recording.Recording) Type {
	if before == nil {
		return Created
	}
	was, is := before.Audio, after.Audio
	news := was.Condition() != is.Condition() || was.Sequencer != is.Sequencer
	switch is.Condition() {
	case recording.Ready, recording.Empty:
		if news {
			return Completed
		}
	case recording.Failed:
		if news || was.Reason != is.Reason {
			return Failed
		}
	case recording.Pending:
	}
	return Changed
}

// told makes the event of type t about r, as the write c left it.
func told(t Type, c store.Change, r *recording.Recording) Event {
	e := Event{
		Type: t, Time: moment(r.Modified.Time(), c.At, r.Created.Time()),
		Account: r.Account, ID: r.ID, Revision: r.Revision, Owner: r.Owner, State: r.Audio.Condition(),
	}
	if e.State == recording.Failed {
		e.Reason = r.Audio.Reason
	}
	return e
}

// moment is the first of times that RFC 3339 and EventBridge can write, in UTC
// and to the second; 1970 if none can be.
func moment(times ...time.Time) time.Time {
	for _, t := range times {
		if t = t.UTC().Truncate(time.Second); 1970 <= t.Year() && t.Year() <= 9999 {
			return t
		}
	}
	return time.Unix(0, 0).UTC()
}
