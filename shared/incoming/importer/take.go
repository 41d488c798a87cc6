package importer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strconv"
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
	if !r.first(it, id) {
		return res.ends(Refused, fmt.Errorf("%w: another one has the same id", ErrRefused))
	}
	c := &copying{run: r, item: it, id: id, res: res, key: recording.ImportedKey(it.Account, id)}
	switch {
	case found.Recording != nil:
		return c.known(ctx, found.Recording)
	case found.Tombstone != nil && !r.Revive:
		return res.ends(Deleted, nil)
	case found.Tombstone != nil && found.Tombstone.PurgePending:
		return res.ends(Failed, errPurging)
	case found.Tombstone != nil:
		c.put = r.target.Store.Revive
		// Whoever still removes the audio of the tombstone must not take this for it,
		// and a run that is repeated is to come to the same key.
		c.key += "~" + strconv.FormatInt(int64(found.Tombstone.Expires), 16)
	default:
		c.put = r.target.Store.Put
	}
	return c.fresh(ctx)
}

// errPurging says that what was deleted cannot be revived yet.
var errPurging = errors.New("its deletion here is not finished yet")

// first reports whether no other item of the run has that id. One that comes
// again under its name is the same.
func (r *run) first(it *Item, id string) bool {
	if it.Name == id {
		return true
	}
	sum, name := sha256.Sum256([]byte(it.Account+"/"+id)), sha256.Sum256([]byte(it.Name))
	r.mu.Lock()
	defer r.mu.Unlock()
	has, there := r.names[[16]byte(sum[:16])]
	if !there {
		r.names[[16]byte(sum[:16])] = [8]byte(name[:8])
	}
	return !there || has == [8]byte(name[:8])
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
	item *Item
	id   string
	// key is where its audio goes. It follows from the recording, so that whoever
	// repeats a run writes over what a kill left behind.
	key string
	// put stores its document.
	put func(ctx context.Context, r *recording.Recording) error
	res Result
}

// wants reports whether the source's audio is to be brought.
func (c *copying) wants() bool { return c.item.Audio.Place == recording.Managed && !c.NoAudio }

// awaits reports whether a recording still lacks audio that a source may have
// (by now): a PBX may save the document first, with the url that the audio is
// about to go to, and what was too large may not be any more.
func awaits(a recording.Audio) bool {
	return a.Place != recording.Managed && (a.State == "" || a.Reason == recording.TooLarge)
}

// known deals with an item that is there: only audio that was missing is still
// to be brought.
func (c *copying) known(ctx context.Context, rec *recording.Recording) Result {
	switch has := rec.Audio; {
	case c.wants() && awaits(has):
		return c.supply(ctx, rec)
	case c.wants() && has.State == recording.Failed:
		return c.res.ends(Refused, fmt.Errorf("%w: its audio is %s; its document is there", ErrRefused, has.Reason))
	}
	return c.there(rec)
}

// there is the result of an item that is there as far as can be.
func (c *copying) there(rec *recording.Recording) Result {
	c.res.Lack = c.lackOf(rec.Audio)
	return c.res.ends(Known, nil)
}

// lackOf is why there is no audio. What --no-audio leaves out is not lacking.
func (c *copying) lackOf(a recording.Audio) Lack {
	if c.NoAudio && c.item.Audio.Place == recording.Managed {
		return ""
	}
	return lackOf(a)
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
	_, err := again(ctx, c.run, func() (struct{}, error) { return struct{}{}, c.put(ctx, rec) })
	switch {
	case err == nil:
		return c.copied(h, rec)
	case errors.Is(err, store.ErrExists), errors.Is(err, store.ErrDeleted):
		return c.beaten(ctx, rec, h)
	case unavailable(err), ctx.Err() != nil: // it may have been stored
		return c.failed(ctx, c.res, fmt.Errorf("store the document: %w", err))
	}
	if gone := c.withdraw(ctx, rec, h); gone != nil {
		return c.failed(ctx, c.res, gone)
	}
	if errors.Is(err, store.ErrTooLarge) {
		return c.res.ends(Refused, fmt.Errorf("%w: its document has %d bytes", ErrRefused, len(rec.Document)))
	}
	return c.failed(ctx, c.res, fmt.Errorf("store the document: %w", err))
}

// copied is the result of an item whose document is stored.
func (c *copying) copied(h *heard, rec *recording.Recording) Result {
	switch {
	case h.err != nil:
		res := c.res.ends(Failed, fmt.Errorf("its audio: %w; its document is there", h.err))
		if errors.Is(h.err, ErrRefused) {
			res.Outcome = Refused
		}
		return res
	case h.reason != "":
		return c.res.ends(Refused, fmt.Errorf("%w: its audio is %s; its document is there", ErrRefused, h.reason))
	}
	c.res.Lack = c.lackOf(rec.Audio)
	c.res.bytes = h.size()
	if h.gone {
		c.res.Reason = "the source lists audio, and has none"
	}
	return c.res.ends(Copied, nil)
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
