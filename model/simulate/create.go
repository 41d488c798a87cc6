package simulate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// newID returns an ID that is not in use.
func (w *world) newID(at time.Time) string {
	return at.Format("200601") + "-" + strconv.Itoa(w.Created+w.Imported) + "-" + strconv.FormatUint(w.rnd.Uint64(), 36)
}

// document returns a document with an owner and a tag.
func document(t *truth) recording.Document {
	text := `{"owner_id":` + strconv.Quote(t.owner)
	if t.tag != "" {
		text += `,"user_metadata":{"tags":{` + strconv.Quote(t.tag) + `:true}}`
	}
	return recording.Complete(recording.Document(text+"}"), t.id, t.created)
}

// create creates a recording and uploads its audio, as a client does.
func (w *world) create(ctx context.Context) error {
	t := &truth{account: pick(w, accounts), owner: pick(w, owners), tag: pick(w, tags), created: recording.SecondsOf(w.clock())}
	t.id = w.newID(w.clock())
	w.Created++
	gaveUp, err := w.attempt("create", nil, func(a application) error {
		err := a.store.Put(ctx, &recording.Recording{
			Account: t.account, ID: t.id, Owner: t.owner, Created: t.created, Modified: t.created, Document: document(t),
		})
		if errors.Is(err, store.ErrExists) { // the first try took effect
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	if known, err := w.learn(ctx, t); err != nil || !known || gaveUp {
		return err
	}
	if w.rnd.IntN(8) == 0 {
		w.uploads = append(w.uploads, upload{t, w.now.Add(time.Duration(w.rnd.IntN(24*60)) * time.Minute)})
		return nil
	}
	return w.upload(ctx, t)
}

// upload is one that a client makes later.
type upload struct {
	*truth
	at time.Time
}

// upload stores the audio of a recording, as a client does through a presigned URL. Sometimes
// its event is lost.
func (w *world) upload(ctx context.Context, t *truth) error {
	t.key, t.waits = recording.AudioKey(t.account, t.id), w.now
	if err := w.plain.Put(ctx, t.key, "audio/wav", w.body(), int64(len(w.Audio))); err != nil {
		return err
	}
	if w.rnd.IntN(16) == 0 {
		w.Lost++
		return nil
	}
	w.events = append(w.events, t.key)
	return nil
}

// uploadLate makes the uploads that are due. The recordings may be deleted by now.
func (w *world) uploadLate(ctx context.Context) error {
	var rest []upload
	for _, u := range w.uploads {
		if u.at.After(w.now) {
			rest = append(rest, u)
			continue
		}
		u.late = true
		w.Late++
		if err := w.upload(ctx, u.truth); err != nil {
			return err
		}
	}
	w.uploads = rest
	return nil
}

// learn takes a recording into the oracle if it exists.
func (w *world) learn(ctx context.Context, t *truth) (known bool, err error) {
	r, err := w.raw.Get(ctx, t.account, t.id)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	t.created = r.Created
	if t.ready = r.Audio.Place == recording.Managed; t.ready {
		t.key = r.AudioKey()
	}
	w.truths[t.account+"/"+t.id] = t
	w.order = append(w.order, t)
	w.rows.touch(t.account, t.id)
	return true, nil
}
