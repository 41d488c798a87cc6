package importer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// unavailable reports whether a later call to the target may succeed.
func unavailable(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, media.ErrUnavailable) || errors.Is(err, store.ErrConflict)
}

// take copies one item. If that fails, the result contains the reason.
func (r *run) take(ctx context.Context, t task) Result {
	it := t.item
	res := Result{Account: it.Account, ID: it.ID, Name: it.Name}
	if res.Name == res.ID {
		res.Name = ""
	}
	if err := it.refusal(); err != nil {
		return res.ends(Refused, err)
	}
	id, found, err := r.identify(ctx, it, t.found)
	if err != nil {
		return r.failed(ctx, res, err)
	}
	res.ID = id
	if !r.ownsID(it, id) {
		return res.ends(Refused, fmt.Errorf("%w: another item has the same ID", ErrRefused))
	}
	c := &copying{run: r, item: it, id: id, res: res, key: recording.ImportedKey(it.Account, id)}
	switch {
	case found.Recording != nil:
		return c.known(ctx, found.Recording)
	case found.Tombstone != nil && !r.Revive:
		return r.deleted(ctx, res)
	case found.Tombstone != nil && found.Tombstone.PurgePending:
		return res.ends(Failed, errPurging)
	case found.Tombstone != nil && found.Tombstone.Until != 0:
		return res.ends(Failed, errRestorable)
	case found.Tombstone != nil:
		// Another run may revive it first, and a client delete it again.
		c.put = func(ctx context.Context, rec *recording.Recording) error {
			return r.target.Store.Revive(ctx, rec, found.Tombstone.Revision)
		}
		// The purge of the deleted recording must not remove this audio, and another
		// run must derive the same key.
		c.key += "~" + strconv.FormatInt(int64(found.Tombstone.Expires), 16)
	default:
		c.put = r.target.Store.Put
	}
	return c.fresh(ctx)
}

// deleted returns the result of an item that was deleted in the target. It renews
// the tombstone.
func (r *run) deleted(ctx context.Context, res Result) Result {
	_, err := retry(ctx, r, func() (struct{}, error) {
		return struct{}{}, incoming.StayDeleted(ctx, r.target.Store, res.Account, res.ID)
	})
	if err != nil {
		return r.failed(ctx, res, err)
	}
	return res.ends(Deleted, nil)
}

// errRestorable means that a deleted recording is not revived from the source, because it can
// be restored as it was.
var errRestorable = errors.New("it was deleted in the target and can be restored there (recordings restore)")

// errPurging means that a deleted recording cannot be revived yet.
var errPurging = errors.New("its deletion in the target is not finished yet")

// ownsID reports whether no other item of the run has the ID. A source may list an
// item twice: items with the same name are the same item.
func (r *run) ownsID(it *Item, id string) bool {
	if it.Name == id {
		return true
	}
	sum, name := sha256.Sum256([]byte(it.Account+"/"+id)), sha256.Sum256([]byte(it.Name))
	r.mu.Lock()
	defer r.mu.Unlock()
	known, found := r.names[[16]byte(sum[:16])]
	if !found {
		r.names[[16]byte(sum[:16])] = [8]byte(name[:8])
	}
	return !found || known == [8]byte(name[:8])
}

// turn waits until the rate limit allows another item. It returns false if the run
// ends first.
func (r *run) turn(ctx context.Context) bool {
	return r.pace == nil || r.pace.Wait(ctx) == nil
}

// maxDocument is above the limit of every store for a document, in bytes
// (store.ErrTooLarge). The audio of a larger document is not fetched.
const maxDocument = 400 << 10

// refusal returns why the item cannot be copied, or nil.
func (it *Item) refusal() error {
	if it.Fault == nil && len(it.Document) > maxDocument {
		return fmt.Errorf("%w: its document has %d bytes", ErrRefused, len(it.Document))
	}
	return it.Fault
}

// identify returns the ID of the item, and its recording or tombstone in the target.
func (r *run) identify(ctx context.Context, it *Item, found store.Found) (string, store.Found, error) {
	if it.ID != "" {
		return it.ID, found, nil
	}
	id, err := retry(ctx, r, func() (string, error) {
		return incoming.ClaimName(ctx, r.target.Store, it.Account, it.Stem, it.Started)
	})
	if err != nil {
		return "", found, err
	}
	found, err = r.foundOne(ctx, it.Account, id)
	return id, found, err
}

func (r *run) foundOne(ctx context.Context, account, id string) (store.Found, error) {
	all, err := retry(ctx, r, func() (map[string]store.Found, error) {
		return r.target.Store.Find(ctx, account, []string{id})
	})
	return all[id], err
}

// ends returns the result with the outcome o. The report shows the text of err.
func (res Result) ends(o Outcome, err error) Result {
	res.Outcome, res.cause = o, err
	if err != nil {
		res.Reason = err.Error()
	}
	return res
}

// failed returns the result of an item that could not be copied, or no result if
// the item was interrupted by the end of the run.
func (r *run) failed(ctx context.Context, res Result, err error) Result {
	if ctx.Err() != nil {
		return Result{}
	}
	if errors.Is(err, ErrRefused) {
		return res.ends(Refused, err)
	}
	return res.ends(Failed, err)
}

// copying is an item that is being copied.
type copying struct {
	*run
	item *Item
	id   string
	// key is the key of the audio. It is derived from the recording, so that the next
	// run overwrites the object that a killed run left behind.
	key string
	// put stores the item's document.
	put func(ctx context.Context, r *recording.Recording) error
	// changed describes the changes to the existing recording, or is "".
	changed string
	res     Result
}

// wantsAudio reports whether the source's audio is to be copied.
func (c *copying) wantsAudio() bool { return c.Options.wantsAudio(c.item) }

// known handles an item with an existing recording. It copies missing audio.
// Otherwise it corrects the fields if Options.Update is set.
func (c *copying) known(ctx context.Context, rec *recording.Recording) Result {
	if _, unsafe := rec.Document.WithoutUnsafeURL(); unsafe && c.item.Exact {
		safe, err := c.removeURL(ctx, rec)
		if err != nil {
			return c.failed(ctx, c.res, fmt.Errorf("remove its url: %w", err))
		}
		rec, c.changed = safe, unsafeURL
	}
	switch stored := rec.Audio; {
	case c.wantsAudio() && incoming.NeedsAudio(stored):
		return c.supply(ctx, rec)
	case c.wantsAudio() && stored.State == recording.Failed:
		return c.res.ends(Refused, fmt.Errorf("%w: its audio is %s; its document is stored", ErrRefused, stored.Reason))
	case c.Update && !c.item.Exact:
		return c.correct(ctx, rec)
	}
	return c.complete(rec)
}

// complete returns the result of an item that was copied as far as possible.
func (c *copying) complete(rec *recording.Recording) Result {
	c.res.Lack = c.lackOf(rec.Audio)
	if c.changed != "" {
		c.res.Reason = c.changed
		return c.res.ends(Updated, nil)
	}
	return c.res.ends(Known, nil)
}

// lackOf returns why the audio is missing, or "". Audio that --no-audio leaves out
// does not count as missing.
func (c *copying) lackOf(a recording.Audio) Lack {
	switch {
	case c.item.Audio.Place != recording.Managed:
	case c.lost(c.item) && incoming.NeedsAudio(a):
		return Lost
	case c.NoAudio:
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

// gracePeriod is how long the steps after the upload may take once the run ends.
// These steps are short, and stopping halfway would waste the upload.
const gracePeriod = 30 * time.Second

// withGrace returns a context that ends gracePeriod after ctx.
func withGrace(ctx context.Context) (context.Context, context.CancelFunc) {
	extended, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(gracePeriod, cancel) })
	return extended, func() {
		stop()
		cancel()
	}
}

// fresh copies an item that the target does not have.
func (c *copying) fresh(ctx context.Context) Result {
	if !c.turn(ctx) {
		return Result{}
	}
	f := c.fetch(ctx)
	defer f.close()
	switch {
	case errors.Is(f.err, ErrStop), ctx.Err() != nil:
		return c.failed(ctx, c.res, f.err)
	case f.err != nil && !c.item.Exact: // without audio, the recording would be useless
		return c.failed(ctx, c.res, fmt.Errorf("its audio: %w", f.err))
	}
	rec := c.compose(f)
	if err := c.send(ctx, rec, f); err != nil {
		return c.failed(ctx, c.res, err)
	}
	ctx, cancel := withGrace(ctx)
	defer cancel()
	_, err := retry(ctx, c.run, func() (struct{}, error) { return struct{}{}, c.put(ctx, rec) })
	switch {
	case err == nil:
		return c.copied(f, rec)
	case errors.Is(err, store.ErrExists), errors.Is(err, store.ErrDeleted):
		return c.conflict(ctx, rec, f)
	}
	// The audio stays: the document may have been stored, or another run stores the same
	// audio under the same key. Reconcile removes audio that gets no recording.
	if errors.Is(err, store.ErrTooLarge) {
		err = fmt.Errorf("%w: its document has %d bytes", ErrRefused, len(rec.Document))
		return c.failed(ctx, c.res, err)
	}
	return c.failed(ctx, c.res, fmt.Errorf("store the document: %w", err))
}

// copied returns the result of an item after its document was stored, with the item's
// note.
func (c *copying) copied(f *fetched, rec *recording.Recording) Result {
	res := c.resultOf(f, rec)
	res.Reason = joined(res.Reason, c.item.Note)
	return res
}

// resultOf is copied without the note.
func (c *copying) resultOf(f *fetched, rec *recording.Recording) Result {
	switch {
	case f.err != nil:
		res := c.res.ends(Failed, fmt.Errorf("its audio: %w; its document is stored", f.err))
		if errors.Is(f.err, ErrRefused) {
			res.Outcome = Refused
		}
		return res
	case f.rejected() != "":
		return c.res.ends(Refused, fmt.Errorf("%w: its audio is %s; its document is stored", ErrRefused, f.rejected()))
	}
	res := c.res
	res.Lack, res.bytes = c.lackOf(rec.Audio), f.size()
	if f.gone {
		res.Reason = "the source lists audio, but has none"
	}
	return res.ends(Copied, nil)
}

// send stores the fetched audio, if it can be served.
func (c *copying) send(ctx context.Context, rec *recording.Recording, f *fetched) error {
	if !f.usable() {
		return nil
	}
	_, err := retry(ctx, c.run, func() (struct{}, error) {
		body := io.NewSectionReader(f.audio, 0, f.audio.Size)
		return struct{}{}, c.target.Audio.Put(ctx, rec.AudioKey(), rec.Audio.ContentType, body, f.audio.Size)
	})
	if err != nil {
		return fmt.Errorf("store the audio: %w", err)
	}
	return nil
}

// withdraw removes audio that nothing will ever need; see unused.
func (c *copying) withdraw(ctx context.Context, rec *recording.Recording, f *fetched) error {
	if !f.usable() {
		return nil
	}
	_, err := retry(ctx, c.run, func() (struct{}, error) { return struct{}{}, c.target.Audio.Remove(ctx, rec.AudioKey()) })
	if err != nil {
		return fmt.Errorf("remove the audio again: %w", err)
	}
	return nil
}
