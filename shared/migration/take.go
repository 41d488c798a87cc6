package migration

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"callrecordings/shared/media"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// unavailable reports whether the target may do later what it did not do now.
func unavailable(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, media.ErrUnavailable) || errors.Is(err, store.ErrConflict)
}

// take does one item.
func (r *run) take(ctx context.Context, t task) Result {
	it := t.item
	res := Result{Account: it.Account, ID: it.ID, Name: it.Name}
	if res.Name == res.ID {
		res.Name = ""
	}
	if err := it.refusal(); err != nil {
		return res.ends(Refused, err)
	}
	id, found, err := r.settle(ctx, it, t.found)
	if err != nil {
		return r.failed(ctx, res, err)
	}
	res.ID = id
	c := &copying{run: r, item: it, id: id, res: res}
	switch {
	case found.Recording != nil:
		return c.known(ctx, found.Recording)
	case found.Tombstone != nil && !r.Revive:
		return res.ends(Deleted, nil)
	}
	c.revived = found.Tombstone != nil
	return c.fresh(ctx)
}

// turn waits until another item may be copied; false if the run ends first.
func (r *run) turn(ctx context.Context) bool {
	return r.pace == nil || r.pace.Wait(ctx) == nil
}

// maxDocument is more than fits beside what else is kept of a recording
// (store.ErrTooLarge): audio need not be fetched for it.
const maxDocument = 400 << 10

// refusal is why the item cannot be taken, nil if it may be.
func (it *Item) refusal() error {
	if it.Fault == nil && len(it.Document) > maxDocument {
		return fmt.Errorf("%w: its document has %d bytes", ErrRefused, len(it.Document))
	}
	return it.Fault
}

// settle is the id of the item, and what lies under it.
func (r *run) settle(ctx context.Context, it *Item, found store.Found) (string, store.Found, error) {
	if it.ID != "" {
		return it.ID, found, nil
	}
	id, err := again(ctx, r, func() (string, error) {
		return store.ClaimStem(ctx, r.target.Store, it.Account, it.Stem, it.Started)
	})
	if err != nil {
		return "", found, fmt.Errorf("settle an id: %w", err)
	}
	found, err = r.foundOne(ctx, it.Account, id)
	return id, found, err
}

func (r *run) foundOne(ctx context.Context, account, id string) (store.Found, error) {
	all, err := again(ctx, r, func() (map[string]store.Found, error) {
		return r.target.Store.Find(ctx, account, []string{id})
	})
	return all[id], err
}

// ends is the result with its outcome. The text of an error is for the report.
func (res Result) ends(o Outcome, err error) Result {
	res.Outcome, res.cause = o, err
	if err != nil {
		res.Reason = err.Error()
	}
	return res
}

// failed is the result of what could not be done; of nothing, where the end of
// the run is what broke it off.
func (r *run) failed(ctx context.Context, res Result, err error) Result {
	if ctx.Err() != nil {
		return Result{}
	}
	if errors.Is(err, ErrRefused) {
		return res.ends(Refused, err)
	}
	return res.ends(Failed, err)
}

// copying is one item on its way.
type copying struct {
	*run
	item    *Item
	id      string
	revived bool // it takes the place of a tombstone
	res     Result
}

// known deals with an item that is there: only audio that was missing is still
// to be brought.
func (c *copying) known(ctx context.Context, rec *recording.Recording) Result {
	has, wants := rec.Audio, c.item.Audio.Place == recording.Managed && !c.NoAudio
	switch {
	case wants && has.State == recording.Failed:
		return c.res.ends(Refused, fmt.Errorf("%w: its audio is %s; its document is there", ErrRefused, has.Reason))
	case wants && has.Place == recording.Nowhere && has.State == "":
		return c.supply(ctx)
	}
	c.res.Lack = lackOf(has)
	return c.res.ends(Known, nil)
}

func lackOf(a recording.Audio) Lack {
	switch {
	case a.Place == recording.External:
		return Elsewhere
	case a.Place == recording.Nowhere && a.State == "":
		return Silent
	}
	return ""
}

// finish is how long the steps behind the audio may go on when the run is to
// end: they are short, and half of them would be a loss.
const finish = 30 * time.Second

// outlasting is a context that ends so long after ctx.
func outlasting(ctx context.Context) (context.Context, context.CancelFunc) {
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(finish, cancel) })
	return lasting, func() {
		stop()
		cancel()
	}
}

// fresh copies an item that is not there.
func (c *copying) fresh(ctx context.Context) Result {
	if !c.turn(ctx) {
		return Result{}
	}
	h := c.hear(ctx)
	defer h.close()
	switch {
	case errors.Is(h.err, ErrStop), ctx.Err() != nil:
		return c.failed(ctx, c.res, h.err)
	case h.err != nil && !c.item.Exact: // there is nothing to it but its audio
		return c.failed(ctx, c.res, fmt.Errorf("its audio: %w", h.err))
	}
	rec := c.compose(h)
	if err := c.send(ctx, rec, h); err != nil {
		return c.failed(ctx, c.res, err)
	}
	ctx, cancel := outlasting(ctx)
	defer cancel()
	put := c.target.Store.Put
	if c.revived {
		put = c.target.Store.Revive
	}
	_, err := again(ctx, c.run, func() (struct{}, error) { return struct{}{}, put(ctx, rec) })
	switch {
	case err == nil:
		return c.copied(h, rec)
	case errors.Is(err, store.ErrExists):
		return c.beaten(ctx, rec, h)
	case unavailable(err), ctx.Err() != nil: // it may have been stored
		return c.failed(ctx, c.res, fmt.Errorf("store the document: %w", err))
	}
	if gone := c.withdraw(ctx, rec, h); gone != nil {
		return c.failed(ctx, c.res, gone)
	}
	switch {
	case errors.Is(err, store.ErrDeleted) && c.revived:
		return c.res.ends(Failed, fmt.Errorf("its deletion here is not finished yet: %w", err))
	case errors.Is(err, store.ErrDeleted):
		return c.res.ends(Deleted, nil)
	case errors.Is(err, store.ErrTooLarge):
		return c.res.ends(Refused, fmt.Errorf("%w: its document has %d bytes", ErrRefused, len(rec.Document)))
	}
	return c.failed(ctx, c.res, fmt.Errorf("store the document: %w", err))
}

// copied is the result of an item whose document is stored.
func (c *copying) copied(h *heard, rec *recording.Recording) Result {
	c.res.Lack = lackOf(rec.Audio)
	switch {
	case h.err != nil:
		res := c.res.ends(Failed, fmt.Errorf("its audio: %w; its document is there", h.err))
		if errors.Is(h.err, ErrRefused) {
			res.Outcome = Refused
		}
		res.Lack = ""
		return res
	case h.reason != "":
		return c.res.ends(Refused, fmt.Errorf("%w: its audio is %s; its document is there", ErrRefused, h.reason))
	}
	c.res.bytes = h.size()
	return c.res.ends(Copied, nil)
}

// beaten deals with a recording that somebody else made meanwhile. Audio under
// another key than that one's is nobody's.
func (c *copying) beaten(ctx context.Context, rec *recording.Recording, h *heard) Result {
	found, err := c.foundOne(ctx, rec.Account, rec.ID)
	switch {
	case err != nil:
		return c.failed(ctx, c.res, err)
	case found.Recording == nil, found.Recording.AudioKey() != rec.AudioKey():
		if err := c.withdraw(ctx, rec, h); err != nil {
			return c.failed(ctx, c.res, err)
		}
	}
	if found.Recording == nil {
		return c.res.ends(Deleted, nil)
	}
	c.res.Lack = lackOf(found.Recording.Audio)
	return c.res.ends(Known, nil)
}

// errSupplied ends an update of a recording that has audio by then.
var errSupplied = errors.New("it has audio by now")

// supply brings the audio of a recording that is there without.
func (c *copying) supply(ctx context.Context) Result {
	if !c.turn(ctx) {
		return Result{}
	}
	h := c.hear(ctx)
	defer h.close()
	switch {
	case errors.Is(h.err, ErrStop), ctx.Err() != nil:
		return c.failed(ctx, c.res, h.err)
	case h.err != nil:
		return c.copied(h, c.compose(h))
	case h.audio == nil:
		c.res.Lack = Silent
		return c.res.ends(Known, nil)
	}
	made := c.compose(h)
	if err := c.send(ctx, made, h); err != nil {
		return c.failed(ctx, c.res, err)
	}
	ctx, cancel := outlasting(ctx)
	defer cancel()
	_, err := again(ctx, c.run, func() (*recording.Recording, error) {
		return c.target.Store.Update(ctx, made.Account, made.ID, func(r *recording.Recording) error {
			if r.Audio.Place != recording.Nowhere || r.Audio.State != "" {
				return errSupplied
			}
			r.Audio = made.Audio
			if !c.item.Exact {
				r.Document = r.Document.Describe(h.sound())
				r.Modified = max(r.Modified, recording.SecondsOf(c.Now()))
			}
			return nil
		})
	})
	switch {
	case errors.Is(err, errSupplied), errors.Is(err, store.ErrNotFound):
		return c.beaten(ctx, made, h)
	case err != nil:
		return c.failed(ctx, c.res, fmt.Errorf("store what is known of the audio: %w", err))
	}
	return c.copied(h, made)
}

// send stores the audio that was heard, if it can be served.
func (c *copying) send(ctx context.Context, rec *recording.Recording, h *heard) error {
	if !h.good() {
		return nil
	}
	_, err := again(ctx, c.run, func() (struct{}, error) {
		body := io.NewSectionReader(h.audio, 0, h.audio.Size)
		return struct{}{}, c.target.Audio.Put(ctx, rec.AudioKey(), rec.Audio.ContentType, body, h.audio.Size)
	})
	if err != nil {
		return fmt.Errorf("store the audio: %w", err)
	}
	return nil
}

// withdraw takes back audio whose recording will not be made.
func (c *copying) withdraw(ctx context.Context, rec *recording.Recording, h *heard) error {
	if !h.good() {
		return nil
	}
	_, err := again(ctx, c.run, func() (struct{}, error) { return struct{}{}, c.target.Audio.Remove(ctx, rec.AudioKey()) })
	if err != nil {
		return fmt.Errorf("take the audio back: %w", err)
	}
	return nil
}

// key is where the audio goes. It follows from the recording, so that whoever
// repeats a run writes over what a kill left behind; for one that takes the
// place of a tombstone nothing may follow, because somebody may still be
// removing the audio of that.
func (c *copying) key() string {
	key := recording.ImportedKey(c.item.Account, c.id)
	if !c.revived {
		return key
	}
	var b [8]byte
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = io.ReadFull(c.Random, b[:]) // crypto/rand never fails; zeros are a key, too
	return key + "~" + hex.EncodeToString(b[:])
}
