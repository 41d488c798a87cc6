// Package inbox ingests files that a PBX dropped into the inbox of an account
// (docs/reference/inbox.md, docs/adr/013-inbox.md).
//
// The facts about a call come from three places: a sidecar file (JSON beside
// the audio), the object's own metadata, and the file's name. Where they
// disagree, the first counts. Audio and sidecar may arrive in either order, and
// any number of times.
//
// A file stays where it is and is served from there: a PBX that syncs a folder
// finds it again, and large files are not copied. A file that cannot be ingested
// as it is stays too, with a reason ([incoming.ErrKept]), and a replay
// ingests it once the cause is fixed.
package inbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/incoming/judge"
	"github.com/callrecordings/api/shared/incoming/namepattern"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Inbox ingests the files of all accounts' inboxes. It is safe for concurrent
// use. A bucket.Ingester, which ingests all other arrivals too, has the same fields.
type Inbox struct {
	// Store has the recordings, Audio the files.
	Store incoming.Store
	Audio media.Objects
	// Holds leaves work for a hold.Locker if the bucket has Object Lock. The zero Keeper leaves
	// none.
	Holds hold.Keeper
	// Names reads the names of files in inboxes.
	Names namepattern.Set
	// MaxBytes is the most audio that a recording may have.
	MaxBytes int64
	// Grace is the age at which an Inbox removes Kazoo's test file, which Kazoo reads
	// back, and at which an Ingester makes a recording for audio without one: its
	// recording may be on its way, since some clients store the audio first.
	Grace time.Duration
	// Now is the clock.
	Now func() time.Time
}

// file is a file in the inbox of an account.
type file struct {
	incoming.Arrival
	account string
	name    namepattern.Name
	// matched reports whether a pattern describes the name.
	matched bool
	object  media.Object
	// described reports whether the file was found through its sidecar file. Then
	// beside holds the sidecar's fields.
	described bool
	beside    recording.Call
	// call holds the reported fields of the sidecar, the object's metadata and the
	// name, in order of precedence.
	call recording.Call
}

// sidecar reports whether the file is metadata beside audio.
func (f *file) sidecar() bool { return f.name.Ext == "json" }

// Ingest handles one file; see bucket.Ingester.
func (in Inbox) Ingest(ctx context.Context, a incoming.Arrival) (incoming.Outcome, error) {
	f, ok := in.open(a)
	switch {
	case !ok, strings.HasSuffix(a.Key, "/"): // a folder, as consoles create them
		return incoming.Ignored, nil
	case recording.IsTestFile(a.Key):
		return in.testFile(ctx, a)
	case f.sidecar():
		return in.metadata(ctx, f)
	}
	return in.audio(ctx, f)
}

// open reads the name of a file. It returns false for a key outside the inboxes.
func (in Inbox) open(a incoming.Arrival) (*file, bool) {
	account, name, ok := recording.ParseInboxKey(a.Key)
	if !ok {
		return nil, false
	}
	f := &file{Arrival: a, account: account}
	if f.name, f.matched = in.Names.Match(name); !f.matched {
		f.name = namepattern.Unmatched(name)
	}
	return f, true
}

// testFile removes the file with which Kazoo tests its setting, after Kazoo has had
// time to read it back.
func (in Inbox) testFile(ctx context.Context, a incoming.Arrival) (incoming.Outcome, error) {
	o, err := in.Audio.Examine(ctx, a.Key)
	switch {
	case errors.Is(err, media.ErrNotFound):
		return incoming.Gone, nil
	case err != nil:
		return "", fmt.Errorf("examine a test file: %w", err)
	case incoming.IsEarly(in.Now(), o.Modified, in.Grace):
		return "", incoming.ErrEarly
	}
	if err := in.Audio.Purge(ctx, []string{a.Key}, nil); err != nil { // it belongs to no recording
		return "", fmt.Errorf("remove a test file: %w", err)
	}
	return incoming.Removed, nil
}

// audio makes or completes the recording of an audio file.
func (in Inbox) audio(ctx context.Context, f *file) (incoming.Outcome, error) {
	var err error
	f.object, err = in.Audio.Examine(ctx, f.Key)
	switch {
	case errors.Is(err, media.ErrNotFound):
		return incoming.Gone, nil
	case err != nil:
		return "", fmt.Errorf("examine a file in an inbox: %w", err)
	}
	if err := in.describe(ctx, f); err != nil {
		return "", err
	}
	id, err := in.identify(ctx, f)
	if err != nil {
		return "", err
	}
	return incoming.Settle(func() (incoming.Outcome, error) {
		rec, err := in.Store.Get(ctx, f.account, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return in.create(ctx, f, id)
		case err != nil:
			return "", fmt.Errorf("read the recording of a file in an inbox: %w", err)
		}
		return in.attach(ctx, f, rec)
	})
}

// identify returns the reported ID, or otherwise the ID for the name. An ID begins
// with the month of the call, which may become known only from a later sidecar, so
// the ID is chosen once.
func (in Inbox) identify(ctx context.Context, f *file) (string, error) {
	if id, err := f.call.ID(); id != "" || err != nil {
		return id, err
	}
	at, known := f.call.Start()
	if !known {
		at = recording.SecondsOf(f.object.Modified)
	}
	return incoming.ClaimName(ctx, in.Store, f.account, f.name.Stem, at)
}

// judge reads the audio of a file.
func (in Inbox) judge(ctx context.Context, f *file, announced recording.Upload) (incoming.Judgment, error) {
	return judge.Judge{Audio: in.Audio, MaxBytes: in.MaxBytes}.Object(ctx, f.Key, f.object, announced)
}

// deleted returns the tombstone of a deleted recording, and nil if it was not deleted.
func (in Inbox) deleted(ctx context.Context, account, id string) (*store.Tombstone, error) {
	t, err := in.Store.Tombstone(ctx, account, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil //nolint:nilnil // it was not deleted
	case err != nil:
		return nil, fmt.Errorf("read the tombstone of a file in an inbox: %w", err)
	}
	return &t, nil
}

// create makes the recording of a file, unless the recording was deleted. In that
// case it removes the file each time the file is uploaded again, unless the recording
// can be restored. A file that cannot be served gets a failed recording with the reason.
func (in Inbox) create(ctx context.Context, f *file, id string) (incoming.Outcome, error) {
	switch t, err := in.deleted(ctx, f.account, id); {
	case err != nil:
		return "", err
	case t != nil && t.Until != 0:
		return in.KeepRestorable(ctx, f.Arrival, f.object, t)
	case t != nil:
		return incoming.RemoveDeleted(ctx, in.Store, in.Audio, f.account, id, append(recording.SidecarKeys(f.Key), f.Key)...)
	}
	verdict, err := in.judge(ctx, f, recording.Upload{})
	if err != nil {
		return "", err
	}
	verdict.SHA256 = "" // the uploader announced none
	audio := verdict.Audio(f.Key)
	audio.Sequencer = f.Sequencer
	now := recording.SecondsOf(in.Now())
	r := incoming.Compose(incoming.Draft{
		Account: f.account, ID: id, Modified: now, Stored: recording.SecondsOf(f.object.Modified), Made: recording.MadeOfAudio,
		Document: f.call.Document(), Audio: audio, Sound: verdict.Sound,
	}, now)
	if err := in.Store.Put(ctx, r); err != nil {
		return "", fmt.Errorf("make a recording of a file in an inbox: %w", err)
	}
	if !verdict.Accepted() {
		return incoming.Refused, nil
	}
	return incoming.Adopted, nil
}

// Reasons why an existing recording does not take a file.
var (
	errOtherAudio = fmt.Errorf("%w: its recording has other audio", incoming.ErrKept)
	errNotAudio   = fmt.Errorf("%w: it is not audio, and its recording waits for audio", incoming.ErrKept)
)

// attach adds a file and its metadata to an existing recording.
func (in Inbox) attach(ctx context.Context, f *file, rec *recording.Recording) (incoming.Outcome, error) {
	own := rec.AudioKey() == f.Key
	if rec.Audio.Place == recording.External || rec.Audio.Place == recording.Managed && !own {
		return "", errOtherAudio
	}
	var verdict *incoming.Judgment // nil if the audio is known
	if !own || f.unjudged(rec.Audio) {
		v, err := in.judge(ctx, f, rec.Upload)
		switch {
		case err != nil:
			return "", err
		case !v.Accepted() && !own:
			return "", errNotAudio
		}
		verdict = &v
	}
	err := in.update(ctx, f, rec, verdict)
	switch {
	case errors.Is(err, incoming.ErrUnchanged) && (verdict == nil || verdict.Accepted()):
		return incoming.Unchanged, nil
	case err != nil && !errors.Is(err, incoming.ErrUnchanged):
		if own && verdict != nil {
			var done incoming.Outcome
			if done, err = in.KeepHeld(ctx, rec, f.object, *verdict, err); done != "" {
				return done, nil
			}
		}
		return "", fmt.Errorf("complete a recording from an inbox: %w", err)
	case verdict != nil && !verdict.Accepted():
		return incoming.Refused, nil
	}
	return incoming.Completed, nil
}

// unjudged reports whether the file may differ from the audio of its recording. New
// metadata does not change a file: a new file has its own arrival.
func (f *file) unjudged(known recording.Audio) bool {
	if f.described {
		return known.Place == recording.Nowhere && known.State != recording.Failed
	}
	return f.Newer(known)
}

// update stores metadata and verdict. Errors: store.ErrExists if the recording's
// audio changed meanwhile; incoming.ErrUnchanged if there is nothing to change.
func (in Inbox) update(ctx context.Context, f *file, rec *recording.Recording, verdict *incoming.Judgment) error {
	now := recording.SecondsOf(in.Now())
	_, err := in.Store.Update(ctx, rec.Account, rec.ID, func(r *recording.Recording) error {
		if r.Audio != rec.Audio {
			return store.ErrExists
		}
		before := *r
		incoming.AddMetadata(r, f.call.Document())
		r.Modified = max(now, r.Modified)
		if verdict != nil {
			r.Audio.Key = f.Key
			verdict.Attach(r, f.Sequencer, now)
		}
		if !f.Changes(before, *r) {
			return incoming.ErrUnchanged
		}
		return nil
	})
	return err
}
