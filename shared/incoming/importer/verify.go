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

	"callrecordings/shared/media"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// Verdict is what Verify found.
type Verdict struct {
	// Found is what the source has; Same is as it was there, Deleted was deleted
	// here.
	Found, Same, Deleted int64
	// Missing, Different (a field) and Damaged (the audio) are faults, and so is
	// what was not Checked because target or source did not answer. Untaken is what
	// an import has named: it cannot be taken, or its audio cannot.
	Missing, Different, Damaged, Unchecked, Untaken int64
	// Lists is how many parts of the source's list could not be read.
	Lists int64
	// More is what is here and not at the source, of the accounts that it has
	// listed: what has come here since, as a rule.
	More int64
	// Bytes of audio that were read and agree with their checksum.
	Bytes int64
}

// Good reports whether all is as it should be.
func (v Verdict) Good() bool {
	return v.Missing+v.Different+v.Damaged+v.Unchecked+v.Lists == 0
}

// VerifyOptions are options of Verify.
type VerifyOptions struct {
	Options
	// Audio compares the audio with that of the source, too, which has to be read
	// for it. Else the bytes that are here are compared with the checksum that was
	// noted when they came.
	Audio bool
	// Since and Until are the source's bounds, by which recordings count as
	// More; 0 leaves that end open.
	Since, Until recording.Seconds
}

// Verify compares what s has with what t has, item by item: that it is there,
// field by field, and every byte of its audio. It writes nothing but the claims of
// names that stand for no id yet. user_metadata are compared only of a
// recording that nobody has changed here. o.Named is told of each difference.
func Verify(ctx context.Context, s Source, t Target, o VerifyOptions) (Verdict, error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	c := &check{run: newRun(s, t, o.Options, end), options: o, seen: map[string]map[[16]byte]bool{}}
	c.spread(ctx, func(t task) Result { return c.item(ctx, t) })
	count := c.Tally.Count()
	c.verdict.Found, c.verdict.Lists = count.Found, count.Lists
	if err := context.Cause(ctx); err != nil {
		return c.verdict, err
	}
	return c.verdict, c.more(ctx)
}

// check is one Verify under way.
type check struct {
	*run
	options VerifyOptions

	mu      sync.Mutex
	verdict Verdict
	// seen are the ids of the source by account, hashed: there may be millions.
	seen map[string]map[[16]byte]bool
}

// differs is what is wrong with one item.
type differs struct {
	count *int64
	error
}

// item checks one item. Its Result counts for the progress alone.
func (c *check) item(ctx context.Context, t task) Result {
	res := Result{Account: t.item.Account, ID: t.item.ID, Name: t.item.Name}
	v := &c.verdict
	err := c.compare(ctx, t, &res)
	if ctx.Err() != nil {
		return Result{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var d differs
	switch {
	case err == nil:
		v.Same++
		return res.ends(Known, nil)
	case errors.As(err, &d):
		*d.count++
	case errors.Is(err, ErrRefused):
		v.Untaken++
		return res.ends(Refused, err)
	default:
		v.Unchecked++
	}
	if d.count == &v.Deleted {
		return res.ends(Deleted, nil)
	}
	return res.ends(Failed, err)
}

// compare compares one item with what is here.
func (c *check) compare(ctx context.Context, t task, res *Result) error {
	it, v := t.item, &c.verdict
	if err := it.refusal(); err != nil {
		return err
	}
	id, found, err := c.identify(ctx, it, t.found)
	if err != nil {
		return err
	}
	res.ID = id
	c.saw(it.Account, id)
	switch {
	case found.Tombstone != nil:
		return differs{&v.Deleted, errors.New("deleted here")}
	case found.Recording == nil:
		return differs{&v.Missing, errors.New("missing")}
	}
	if names := differing(it, found.Recording); len(names) > 0 {
		return differs{&v.Different, fmt.Errorf("other values: %s", strings.Join(names, ", "))}
	}
	if it.Audio.Place != recording.Managed || c.NoAudio {
		return nil
	}
	return c.listen(ctx, it, found.Recording)
}

func (c *check) saw(account, id string) {
	sum := sha256.Sum256([]byte(id))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen[account] == nil {
		c.seen[account] = map[[16]byte]bool{}
	}
	c.seen[account][[16]byte(sum[:16])] = true
}

// told are the fields of which audio knows more than what is told of it.
var told = []string{"content_type", "duration", "duration_ms", "media_type"}

// differing are the fields in which a recording is not what its item says.
func differing(it *Item, rec *recording.Recording) (names []string) {
	touched := rec.Modified != max(it.Modified, rec.Created)
	other := func(name string) bool {
		return touched && name == "user_metadata" || !it.Exact && slices.Contains(told, name)
	}
	for name, value := range it.Document.Fields() {
		if got, _ := rec.Document.Raw(name); got != value && !other(name) {
			names = append(names, name)
		}
	}
	for name := range rec.Document.Fields() {
		if _, ok := it.Document.Raw(name); !ok && it.Exact && !other(name) {
			names = append(names, name)
		}
	}
	if it.Created > 0 && it.Created != rec.Created {
		names = append(names, "pvt_created")
	}
	return names
}

// listen compares the audio.
func (c *check) listen(ctx context.Context, it *Item, rec *recording.Recording) error {
	v, has := &c.verdict, rec.Audio
	switch {
	case has.State == recording.Failed:
		return fmt.Errorf("%w: its audio is %s", ErrRefused, has.Reason)
	case has.Place != recording.Managed:
		return c.lacking(ctx, it)
	}
	want := has.SHA256
	if c.options.Audio {
		a, err := c.source.Open(ctx, it)
		if err != nil {
			return fmt.Errorf("its audio: %w", err)
		}
		want = a.SHA256
		_ = a.Close() // it was only read
	}
	got, err := c.sum(ctx, rec.AudioKey())
	switch {
	case errors.Is(err, media.ErrNotFound):
		return differs{&v.Damaged, errors.New("its audio is missing")}
	case err != nil:
		return fmt.Errorf("read its audio: %w", err)
	case got.size != has.Size, want != "" && got.sum != want:
		return differs{&v.Damaged, fmt.Errorf("its audio is another: %d bytes, %d were noted", got.size, has.Size)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	v.Bytes += got.size
	return nil
}

// lacking says of a recording without audio whether it should have some: an
// import cannot bring what the source lists and does not have.
func (c *check) lacking(ctx context.Context, it *Item) error {
	a, err := c.source.Open(ctx, it)
	switch {
	case errors.Is(err, ErrGone):
		return nil
	case err != nil:
		return fmt.Errorf("its audio: %w", err)
	}
	_ = a.Close() // nobody listened
	return differs{&c.verdict.Damaged, errors.New("its audio is missing")}
}

// digest is the checksum of an object, and its size.
type digest struct {
	sum  string
	size int64
}

func (c *check) sum(ctx context.Context, key string) (digest, error) {
	return again(ctx, c.run, func() (digest, error) {
		body, _, err := c.target.Audio.Open(ctx, key, "", nil)
		if err != nil {
			return digest{}, err
		}
		defer body.Close() //nolint:errcheck // only read
		h := sha256.New()
		n, err := io.Copy(h, body)
		return digest{hex.EncodeToString(h.Sum(nil)), n}, err
	})
}

// rows and pageBytes bound what is read at once to see what is here and not at
// the source.
const (
	rows      = 500
	pageBytes = 8 << 20
)

// more counts what the source does not have.
func (c *check) more(ctx context.Context) error {
	for account, ids := range c.seen {
		q := store.Query{Account: account, From: c.options.Since, To: c.options.Until, Ascending: true, Limit: rows, MaxBytes: pageBytes}
		for {
			page, err := again(ctx, c.run, func() (store.Page, error) {
				ctx, cancel := context.WithTimeout(ctx, time.Minute)
				defer cancel()
				return c.target.Store.Page(ctx, q)
			})
			if err != nil {
				return fmt.Errorf("count what is here: %w", err)
			}
			for i := range page.Recordings {
				sum := sha256.Sum256([]byte(page.Recordings[i].ID))
				if !ids[[16]byte(sum[:16])] {
					c.verdict.More++
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
