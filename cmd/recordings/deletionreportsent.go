package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/link"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// queueAge is how long queues keep a message (template.yaml), and streamAge how long the table's
	// stream keeps a change, from which messages are made.
	queueAge, streamAge = 14 * 24 * time.Hour, 24 * time.Hour
	// presignAge is the longest life of a presigned URL, which S3 and PRESIGN_TTL permit.
	presignAge = 7 * 24 * time.Hour
	// releasedPage is how many released holds are read with one call, and maxReleased how many in all.
	releasedPage, maxReleased = 1000, 20_000
)

// lastWork returns the last time at which the service did, or will do, something about the
// recording; the zero time if it is unknown. Of a purged one, it is the end of the purge or the last
// time that something arrived under its ID.
func (o *deletionReport) lastWork() time.Time {
	t := &o.tombstone
	switch {
	case t.Deleted == 0:
		return time.Time{}
	case t.Until > 0: // a hold may keep it for longer
		return later(t.Until.Time(), o.now())
	case t.PurgePending:
		return o.now()
	}
	return later(t.Deleted.Time(), t.Expires.Time().AddDate(0, 0, -store.TombstoneDays))
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// atMost returns the trace of something that cannot be looked up, and ends an age after a time. The
// zero time is unknown.
func (o *deletionReport) atMost(what string, from time.Time, age time.Duration, note string) trace {
	if from.IsZero() {
		return trace{What: what, Cause: "the time of the deletion is unknown", Note: note}
	}
	end := from.Add(age)
	return trace{What: what, Exists: o.now().Before(end), Until: clock(end), AtMost: true, Note: note}
}

// addSent adds what the service has sent or shown about the recording.
func (o *deletionReport) addSent() {
	// The stream delivers a change within a day, and the entry is made then.
	o.traces = append(o.traces, o.atMost("feed of changes", o.deletedAt(), feed.Days*24*time.Hour+streamAge,
		"the ID, the owner and times, if the feed is on"))
	urls := trace{What: "presigned URLs", Note: "they play nothing once the audio is purged"}
	if o.tombstone.Until > 0 || o.tombstone.PurgePending {
		urls = o.atMost(urls.What, o.deletedAt(), presignAge,
			"they play the audio until it is purged; they end an hour after the deletion, unless PRESIGN_TTL is longer")
	}
	o.traces = append(o.traces, urls)
}

// queues reports the queues and dead-letter queues, which cannot be searched.
func (o *deletionReport) queues(context.Context, aws.Config) ([]trace, error) {
	return []trace{o.atMost("queues and dead-letter queues", o.lastWork(), queueAge+streamAge,
		"IDs and keys of objects, of what could not be handled; a replay sends a message again")}, nil
}

// addHolds adds the holds that name the recording, and those that cover it while it can be restored.
func (o *deletionReport) addHolds(ctx context.Context, entries store.Entries) error {
	book := hold.NewBook(entries, o.now, nil, false)
	set, err := book.Active(ctx, o.account)
	if err != nil {
		return err
	}
	t := trace{What: "legal holds", Note: "none names it"}
	var naming []string
	for _, h := range set.Holds() {
		if h.Scope.Recording == o.id {
			naming = append(naming, h.ID)
		}
	}
	read := 0
	for after := ""; ; {
		page, next, err := book.Released(ctx, o.account, after, releasedPage)
		if err != nil {
			return err
		}
		for i := range page {
			if page[i].Scope.Recording == o.id {
				naming = append(naming, page[i].ID)
			}
		}
		read += len(page)
		if after = next; after == "" {
			break
		}
		if read >= maxReleased {
			t.Cause = fmt.Sprintf("only %d released holds were read", read)
			break
		}
	}
	if len(naming) > 0 {
		t.Exists, t.Cause, t.Note = true, "", "for good: "+listed(naming)+", with the case and the reason"
	}
	o.traces = append(o.traces, t)
	if r := o.tombstone.Recording; r != nil {
		if covering := set.Covering(r); len(covering) > 0 {
			o.traces = append(o.traces, trace{What: "cover of legal holds", Exists: true, Note: "document and audio stay until the release of " + listed(hold.IDs(covering))})
		}
	}
	return nil
}

// maxListedHolds is how many holds a note names.
const maxListedHolds = 10

// listed returns the first of some IDs.
func listed(ids []string) string {
	if len(ids) > maxListedHolds {
		return fmt.Sprintf("%s and %d more", strings.Join(ids[:maxListedHolds], ", "), len(ids)-maxListedHolds)
	}
	return strings.Join(ids, ", ")
}

// addLinks adds the links to the recording.
func (o *deletionReport) addLinks(ctx context.Context, entries store.Entries) error {
	found, err := link.New(entries, o.now, nil).List(ctx, o.account, o.id)
	if err != nil {
		return err
	}
	t := trace{What: "links", Exists: len(found) > 0}
	var end recording.Seconds
	for i := range found {
		end = max(end, found[i].Expires)
	}
	if t.Exists {
		t.Until, t.Note = clock(end.Time()), fmt.Sprintf("%d, with the ID and who made them; they play nothing", len(found))
	}
	o.traces = append(o.traces, t)
	return nil
}
