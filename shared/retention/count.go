package retention

import (
	"context"
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

// progress is the entry of a preview.
type progress struct {
	Preview
	// At is the time of the count, in Gregorian seconds.
	At recording.Seconds `json:"at"`
	// Account is the account that is being counted, "" at the beginning. Next is the position in the
	// list of its recordings or, if Deleted is true, of its deleted ones.
	Account string `json:"account,omitempty"`
	// Owner is the owner whose recordings are being counted; "" if the list is that of all.
	Owner   string         `json:"owner,omitempty"`
	Deleted bool           `json:"deleted,omitempty"`
	Next    store.Position `json:"next"`
	Found   bool           `json:"found,omitempty"` // Account has recordings that would go
}

// counter counts the recordings that a change would remove.
type counter struct {
	Editor
	*progress
	change proposal
	// accounts are the changed one and those below it, sorted.
	accounts []string
	until    time.Time // zero without a limit
}

func (c *counter) late() bool { return !c.until.IsZero() && !c.Now().Before(c.until) }

// list finds the accounts to count.
func (c *counter) list(ctx context.Context) error {
	if c.change.groups != nil { // a rule means the groups of the recording's own account
		c.accounts = []string{c.change.account}
		return nil
	}
	changed := func(id string) bool { return id == c.change.account }
	err := c.book().Below(ctx, access.NewTree(c.Entries), c.change.account, changed, func(a access.Listed) error {
		c.accounts = append(c.accounts, a.ID)
		return nil
	})
	slices.Sort(c.accounts)
	return err
}

// resume continues a count from the progress in an entry, and stores the new progress.
func (c *counter) resume(ctx context.Context, key store.EntryKey) (Preview, error) {
	found, err := c.Entries.Entries(ctx, key)
	if err != nil {
		return Preview{}, fmt.Errorf("read the preview: %w", err)
	}
	if len(found) > 0 && (found[0].Expires == 0 || found[0].Expires > c.At) {
		if err := json.Unmarshal(found[0].Value, c.progress); err != nil {
			return Preview{}, fmt.Errorf("read the preview: %w", err)
		}
	}
	if c.Complete {
		return c.progress.Preview, nil
	}
	if err := c.run(ctx); err != nil {
		return Preview{}, err
	}
	if c.Complete && c.Count == 0 && c.change.groups != nil {
		return c.progress.Preview, c.forget(ctx, key, len(found) > 0)
	}
	text, err := json.Marshal(c.progress)
	if err != nil {
		return Preview{}, fmt.Errorf("encode the preview: %w", err)
	}
	err = c.Entries.WriteEntries(ctx, store.EntryWrite{Entry: store.Entry{
		EntryKey: key, Value: text, Expires: recording.SecondsOf(c.Now().Add(previewTime)),
	}})
	if err != nil {
		return Preview{}, fmt.Errorf("store the preview: %w", err)
	}
	return c.progress.Preview, nil
}

// forget removes the progress, if any is stored. A change of members that would remove nothing
// is made at once, without a question. If it is made again within the hour, after its
// opposite, what was imported in between has to be counted.
func (c *counter) forget(ctx context.Context, key store.EntryKey, stored bool) error {
	if !stored {
		return nil
	}
	err := c.Entries.WriteEntries(ctx, store.EntryWrite{Entry: store.Entry{EntryKey: key}, Delete: true})
	if err != nil {
		return fmt.Errorf("remove the preview: %w", err)
	}
	return nil
}

// begin moves the progress to the beginning of an account.
func (p *progress) begin(account string) {
	p.Account, p.Owner, p.Deleted, p.Next, p.Found = account, "", false, store.Position{}, false
}

// run counts account by account, in the order of their IDs, until the time is up.
func (c *counter) run(ctx context.Context) error {
	for _, id := range c.accounts {
		if id < c.Account {
			continue
		}
		if id != c.Account {
			c.begin(id)
		}
		done, err := c.account(ctx, id)
		if err != nil || !done {
			return err
		}
		c.begin(id + "\x00") // after id
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
	after, err := c.book().with(ctx, id, c.change)
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
	count := func(r *recording.Recording, restorable int) {
		if after.Expired(r, c.At) && !before.Expired(r, c.At) {
			c.add(r, restorable, len(holds.Covering(r)) > 0)
		}
	}
	if !c.Deleted {
		q := store.Query{Account: id, Ascending: true, To: max(c.At-seconds(after.Days()[0]), 1)}
		done, err := c.owned(ctx, q, c.owners(before, after), func(r *recording.Recording) { count(r, 0) })
		if err != nil || !done {
			return false, err
		}
		c.Deleted, c.Next = true, store.Position{}
	}
	// A recording that can no longer be restored is removed with any settings.
	q := store.Query{Account: id, Deleted: true, Ascending: true, From: c.At + 1}
	return c.pages(ctx, q, func(page *store.Page) {
		for i := range page.Tombstones {
			if r := page.Tombstones[i].Recording; r != nil {
				count(r, 1)
			}
		}
	})
}

// owned passes the recordings of owners to count, owner by owner. It returns false if the time
// is up first.
func (c *counter) owned(ctx context.Context, q store.Query, owners []string, count func(*recording.Recording)) (done bool, err error) {
	for _, q.Owner = range owners {
		if q.Owner < c.Owner {
			continue
		}
		if q.Owner > c.Owner {
			if c.Owner, c.Next = q.Owner, (store.Position{}); c.late() {
				return false, nil
			}
		}
		done, err := c.pages(ctx, q, func(page *store.Page) {
			for i := range page.Recordings {
				count(&page.Recordings[i])
			}
		})
		if err != nil || !done {
			return false, err
		}
	}
	return true, nil
}

// pages passes the pages of a list to count, beginning at c.Next. It returns false if the
// time is up first.
func (c *counter) pages(ctx context.Context, q store.Query, count func(*store.Page)) (done bool, err error) {
	q.Start, q.Limit, q.MaxBytes = c.Next, previewSize, previewBytes
	for {
		page, err := c.Recordings.Page(ctx, q)
		if err != nil {
			return false, fmt.Errorf("count what a change would remove: %w", err)
		}
		count(&page)
		if page.Next == nil {
			return true, nil
		}
		if q.Start = *page.Next; c.late() {
			c.Next = q.Start
			return false, nil
		}
	}
}

// add counts a recording. restorable is 1 if it is deleted, otherwise 0.
func (p *progress) add(r *recording.Recording, restorable int, held bool) {
	if held {
		p.Held++
		return
	}
	p.Count++
	p.Restorable += restorable
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
