package retention

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// previewTime is how long a preview that has not been finished or confirmed is kept.
	previewTime = time.Hour
	// previewSize and previewBytes bound one read of a preview.
	previewSize  = 1000
	previewBytes = 1 << 20
)

// Preview counts the recordings that new settings would remove and the present ones keep:
// those of the account, and of accounts below it that follow it.
type Preview struct {
	// Complete is false if the count is not finished yet. The same call continues it.
	Complete bool `json:"complete"`
	// Count is the number of recordings, and Bytes the size of their managed audio.
	Count int   `json:"count"`
	Bytes int64 `json:"bytes"`
	// Oldest and Newest are when the first and the last of them were created; 0 without
	// any.
	Oldest recording.Seconds `json:"oldest,omitempty"`
	Newest recording.Seconds `json:"newest,omitempty"`
	// Held is how many recordings would go too, but are on legal hold.
	Held int `json:"held"`
	// Accounts is how many accounts have recordings that would go.
	Accounts int `json:"accounts"`
}

// progress is the entry of a preview.
type progress struct {
	Preview
	// At is the time of the count, in Gregorian seconds.
	At recording.Seconds `json:"at"`
	// Account is the account that is being counted, "" at the beginning, and Next is
	// where in its list.
	Account string         `json:"account,omitempty"`
	Next    store.Position `json:"next"`
	Found   bool           `json:"found,omitempty"` // Account has recordings that would go
}

// UnconfirmedError means that settings would remove recordings, and that the caller has
// not confirmed their number.
type UnconfirmedError struct {
	// Preview has their number. It may be incomplete.
	Preview Preview
}

// Error returns the number of recordings.
func (e *UnconfirmedError) Error() string {
	return fmt.Sprintf("the policy would remove %d recordings, which was not confirmed", e.Preview.Count)
}

// Editor changes the settings of accounts.
type Editor struct {
	// Entries has the settings, and Recordings the recordings to count.
	Entries    store.Entries
	Recordings store.Reader
	// Now is the clock.
	Now func() time.Time
	// Time bounds the work of one call; 0 means no limit. The next call continues.
	Time time.Duration
}

func (e Editor) book() Book { return Book{Entries: e.Entries} }

// Preview counts what an account's settings would remove if change had been applied to
// them. It stores its progress, and continues that of an earlier call for the same change.
// A finished preview counts for an hour. Errors: store.ErrUnavailable, and those of
// change.
func (e Editor) Preview(ctx context.Context, account string, change func(Settings) (Settings, error)) (Preview, error) {
	before, revision, err := e.book().Own(ctx, account)
	if err != nil {
		return Preview{}, err
	}
	after, err := change(before)
	if err != nil {
		return Preview{}, err
	}
	return e.preview(ctx, account, revision, after)
}

// Change applies change to the settings of an account and stores them. If that would
// remove recordings, confirmed must be the number that a complete preview of the same
// change has counted, less than an hour ago. record is called right before the settings are
// stored. Errors: *UnconfirmedError, store.ErrConflict, store.ErrUnavailable, and those of
// change and of record.
func (e Editor) Change(ctx context.Context, account string, confirmed int, change func(Settings) (Settings, error), record func() error) (Settings, error) {
	before, revision, err := e.book().Own(ctx, account)
	if err != nil {
		return Settings{}, err
	}
	after, err := change(before)
	if err != nil {
		return Settings{}, err
	}
	p, err := e.preview(ctx, account, revision, after)
	if err != nil {
		return Settings{}, err
	}
	if !p.Complete || p.Count != confirmed {
		return Settings{}, &UnconfirmedError{Preview: p}
	}
	if err := record(); err != nil {
		return Settings{}, err
	}
	return after, Save(ctx, e.Entries, account, revision, after)
}

// preview continues the preview of settings. revision is that of the present ones.
func (e Editor) preview(ctx context.Context, account, revision string, after Settings) (Preview, error) {
	text, err := json.Marshal(after)
	if err != nil {
		return Preview{}, fmt.Errorf("encode retention settings: %w", err)
	}
	sum := sha256.Sum256(append([]byte(revision+"\n"), text...))
	key := store.EntryKey{Partition: access.Partition(account), Key: "retention-preview/" + hex.EncodeToString(sum[:16])}
	now := e.Now()
	p := progress{At: recording.SecondsOf(now)}
	found, err := e.Entries.Entries(ctx, key)
	if err != nil {
		return Preview{}, fmt.Errorf("read the preview: %w", err)
	}
	if len(found) > 0 && (found[0].Expires == 0 || found[0].Expires > p.At) {
		if err := json.Unmarshal(found[0].Value, &p); err != nil {
			return Preview{}, fmt.Errorf("read the preview: %w", err)
		}
	}
	if p.Complete {
		return p.Preview, nil
	}
	c := counter{Editor: e, progress: &p, changed: account, after: after}
	if e.Time > 0 {
		c.until = now.Add(e.Time)
	}
	if err := c.run(ctx); err != nil {
		return Preview{}, err
	}
	if text, err = json.Marshal(p); err != nil {
		return Preview{}, fmt.Errorf("encode the preview: %w", err)
	}
	err = e.Entries.WriteEntries(ctx, store.EntryWrite{Entry: store.Entry{
		EntryKey: key, Value: text, Expires: recording.SecondsOf(now.Add(previewTime)),
	}})
	if err != nil {
		return Preview{}, fmt.Errorf("store the preview: %w", err)
	}
	return p.Preview, nil
}

// counter counts what settings would remove.
type counter struct {
	Editor
	*progress
	changed string
	after   Settings
	until   time.Time // zero without a limit
}

func (c *counter) late() bool { return !c.until.IsZero() && !c.Now().Before(c.until) }

// run counts account by account, in the order of their IDs, until the time is up.
func (c *counter) run(ctx context.Context) error {
	accounts := []string{}
	err := c.book().Below(ctx, access.NewTree(c.Entries), c.changed, func(id string) bool { return id == c.changed }, func(id string) error {
		accounts = append(accounts, id)
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(accounts)
	for _, id := range accounts {
		if id < c.Account {
			continue
		}
		if id != c.Account {
			c.Account, c.Next, c.Found = id, store.Position{}, false
		}
		done, err := c.account(ctx, id)
		if err != nil || !done {
			return err
		}
		c.Account, c.Next, c.Found = id+"\x00", store.Position{}, false // after id
	}
	c.Complete = true
	return nil
}

// account counts one account. It returns false if the time is up first.
func (c *counter) account(ctx context.Context, id string) (done bool, err error) {
	if c.late() {
		return false, nil
	}
	before, err := c.book().Effective(ctx, id)
	if err != nil {
		return false, err
	}
	after, err := c.book().With(ctx, id, c.changed, c.after)
	if err != nil {
		return false, err
	}
	if !after.Limits() || before.Fingerprint() == after.Fingerprint() {
		return true, nil
	}
	holds, err := hold.Read(ctx, c.Entries, id)
	if err != nil {
		return false, err
	}
	q := store.Query{
		Account: id, Ascending: true, To: max(c.At-seconds(after.Days()[0]), 1), Start: c.Next,
		Limit: previewSize, MaxBytes: previewBytes,
	}
	for {
		page, err := c.Recordings.Page(ctx, q)
		if err != nil {
			return false, fmt.Errorf("count what a policy would remove: %w", err)
		}
		for i := range page.Recordings {
			if r := &page.Recordings[i]; after.Expired(r, c.At) && !before.Expired(r, c.At) {
				c.add(r, len(holds.Covering(r)) > 0)
			}
		}
		if page.Next == nil {
			return true, nil
		}
		if q.Start = *page.Next; c.late() {
			c.Next = q.Start
			return false, nil
		}
	}
}

// add counts a recording.
func (p *progress) add(r *recording.Recording, held bool) {
	if held {
		p.Held++
		return
	}
	p.Count++
	p.Bytes += r.Audio.ManagedBytes()
	if p.Oldest == 0 || r.Created < p.Oldest {
		p.Oldest = r.Created
	}
	p.Newest = max(p.Newest, r.Created)
	if !p.Found {
		p.Found = true
		p.Accounts++
	}
}
