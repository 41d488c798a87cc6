package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Comparison is the result of Verify.
type Comparison struct {
	// Found is the number of items of the source. Same counts those that match
	// their recording, and Deleted those that were deleted in the target.
	Found, Same, Deleted int64
	// Missing, Different (a field) and Damaged (the audio) are faults. So is
	// Unchecked: items that could not be compared because the target or the
	// source did not answer. Refused counts items with a document or audio that
	// cannot be copied; an import reports them.
	Missing, Different, Damaged, Unchecked, Refused int64
	// Lists is the number of parts of the source's list that could not be read.
	Lists int64
	// More is the number of recordings in the target that the source does not
	// have, in the accounts that the source listed. Usually they were created
	// after the import.
	More int64
	// Bytes is the size of the audio that was read and has the right checksum.
	Bytes int64
}

// Good reports whether the comparison found no faults.
func (v Comparison) Good() bool {
	return v.Missing+v.Different+v.Damaged+v.Unchecked+v.Lists == 0
}

// VerifyOptions are the settings of Verify.
type VerifyOptions struct {
	Options
	// Audio also fetches the source's audio and compares it. Otherwise the stored
	// bytes are compared with the checksum from the time when they were stored.
	Audio bool
	// Since and Until are the bounds of the source's list, within which
	// recordings count as More; 0 leaves that end open.
	Since, Until recording.Seconds
}

// Verify checks that each recording of s exists in t, and compares all fields and
// every byte of the audio. It writes nothing except claims for names without an
// ID. It compares user_metadata only if the recording has not changed since the
// import. It calls o.Report for each difference.
func Verify(ctx context.Context, s Source, t Target, o VerifyOptions) (Comparison, error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	c := &check{run: newRun(s, t, o.Options, end), options: o, seen: map[string]map[[16]byte]bool{}}
	c.forEach(ctx, func(t task) Result { return c.item(ctx, t) })
	count := c.Tally.Count()
	c.result.Found, c.result.Lists = count.Found, count.Lists
	if err := context.Cause(ctx); err != nil {
		return c.result, err
	}
	return c.result, c.more(ctx)
}

// check is a verification in progress.
type check struct {
	*run
	options VerifyOptions

	mu     sync.Mutex
	result Comparison
	// seen holds the source's IDs by account. They are hashed, since there may be
	// millions.
	seen map[string]map[[16]byte]bool
}

// difference is a difference between an item and its recording, with the counter
// that it increments.
type difference struct {
	count *int64
	error
}

// item compares one item. The Result is used only for progress counts.
func (c *check) item(ctx context.Context, t task) Result {
	res := Result{Account: t.item.Account, ID: t.item.ID, Name: t.item.Name}
	v := &c.result
	err := c.compare(ctx, t, &res)
	if ctx.Err() != nil {
		return Result{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var d difference
	switch {
	case err == nil:
		v.Same++
		return res.ends(Known, nil)
	case errors.As(err, &d):
		*d.count++
	case errors.Is(err, ErrRefused):
		v.Refused++
		return res.ends(Refused, err)
	default:
		v.Unchecked++
	}
	if d.count == &v.Deleted {
		return res.ends(Deleted, nil)
	}
	return res.ends(Failed, err)
}

// compare compares an item with its recording.
func (c *check) compare(ctx context.Context, t task, res *Result) error {
	it, v := t.item, &c.result
	if err := it.refusal(); err != nil {
		return err
	}
	id, found, err := c.identify(ctx, it, t.found)
	if err != nil {
		return err
	}
	res.ID = id
	c.markSeen(it.Account, id)
	switch {
	case found.Tombstone != nil:
		return difference{&v.Deleted, errors.New("deleted in the target")}
	case found.Recording == nil:
		return difference{&v.Missing, errors.New("missing from the target")}
	}
	if names := differing(it, found.Recording); len(names) > 0 {
		return difference{&v.Different, fmt.Errorf("different values: %s", strings.Join(names, ", "))}
	}
	if it.Audio.Place != recording.Managed || c.NoAudio || c.lost(it) && incoming.NeedsAudio(found.Recording.Audio) {
		return nil
	}
	return c.compareAudio(ctx, it, found.Recording)
}

func (c *check) markSeen(account, id string) {
	sum := sha256.Sum256([]byte(id))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen[account] == nil {
		c.seen[account] = map[[16]byte]bool{}
	}
	c.seen[account][[16]byte(sum[:16])] = true
}

// audioFields are the fields that describe the audio. Facts from the audio
// replace them, unless the item is exact.
var audioFields = []string{"content_type", "duration", "duration_ms", "media_type"}

// differing returns the names of the fields that differ between a recording and its item.
func differing(it *Item, rec *recording.Recording) (names []string) {
	touched := rec.Modified != max(it.Modified, rec.Created)
	ignored := func(name string) bool {
		return touched && name == "user_metadata" || !it.Exact && slices.Contains(audioFields, name)
	}
	for name, value := range it.Document.Fields() {
		if got, _ := rec.Document.Raw(name); got != value && !ignored(name) {
			names = append(names, name)
		}
	}
	for name := range rec.Document.Fields() {
		if _, ok := it.Document.Raw(name); !ok && it.Exact && !ignored(name) {
			names = append(names, name)
		}
	}
	if it.Created > 0 && it.Created != rec.Created {
		names = append(names, "pvt_created")
	}
	return names
}

// compareAudio compares the audio of an item with the stored audio.
func (c *check) compareAudio(ctx context.Context, it *Item, rec *recording.Recording) error {
	v, has := &c.result, rec.Audio
	switch {
	case has.State == recording.Failed:
		return fmt.Errorf("%w: its audio is %s", ErrRefused, has.Reason)
	case has.Place != recording.Managed:
		return c.compareMissing(ctx, it)
	}
	want := has.SHA256
	if c.options.Audio {
		a, err := c.source.Open(ctx, it)
		if err != nil {
			return fmt.Errorf("its audio: %w", err)
		}
		want = a.SHA256
		_ = a.Close() // read-only
	}
	got, err := c.digest(ctx, rec.AudioKey())
	switch {
	case errors.Is(err, media.ErrNotFound):
		return difference{&v.Damaged, errors.New("its audio is missing")}
	case err != nil:
		return fmt.Errorf("read its audio: %w", err)
	case got.size != has.Size, want != "" && got.sum != want:
		return difference{&v.Damaged, fmt.Errorf("its audio is different: %d bytes, expected %d", got.size, has.Size)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	v.Bytes += got.size
	return nil
}

// compareMissing handles a recording without audio. The missing audio is a fault if
// the source has it.
func (c *check) compareMissing(ctx context.Context, it *Item) error {
	a, err := c.source.Open(ctx, it)
	switch {
	case errors.Is(err, ErrGone):
		return nil
	case err != nil:
		return fmt.Errorf("its audio: %w", err)
	}
	_ = a.Close() // read-only
	return difference{&c.result.Damaged, errors.New("its audio is missing")}
}

// digest is the checksum and the size of an object.
type digest struct {
	sum  string
	size int64
}

func (c *check) digest(ctx context.Context, key string) (digest, error) {
	return retry(ctx, c.run, func() (digest, error) {
		body, _, err := c.target.Audio.Open(ctx, key, "", nil)
		if err != nil {
			return digest{}, err
		}
		defer body.Close() //nolint:errcheck // read-only
		h := sha256.New()
		n, err := io.Copy(h, body)
		return digest{hex.EncodeToString(h.Sum(nil)), n}, err
	})
}

// rows and pageBytes limit the pages that more reads from the target.
const (
	rows      = 500
	pageBytes = 8 << 20
)

// more counts the recordings that the source does not have.
func (c *check) more(ctx context.Context) error {
	for account, ids := range c.seen {
		q := store.Query{Account: account, From: c.options.Since, To: c.options.Until, Ascending: true, Limit: rows, MaxBytes: pageBytes}
		for {
			page, err := retry(ctx, c.run, func() (store.Page, error) {
				ctx, cancel := context.WithTimeout(ctx, time.Minute)
				defer cancel()
				return c.target.Store.Page(ctx, q)
			})
			if err != nil {
				return fmt.Errorf("list the target: %w", err)
			}
			for i := range page.Recordings {
				sum := sha256.Sum256([]byte(page.Recordings[i].ID))
				if !ids[[16]byte(sum[:16])] {
					c.result.More++
				}
			}
			if page.Next == nil {
				break
			}
			q.Start = *page.Next
		}
	}
	return nil
}
