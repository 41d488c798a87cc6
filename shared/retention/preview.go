package retention

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Preview counts the recordings that a change would remove and that are kept now: those of
// the account, and of accounts below it that follow it. The change is one of settings, of
// the account's place in the tree, or of the members of its groups.
type Preview struct {
	// Complete is false if the count is not finished yet. The same call continues it.
	Complete bool `json:"complete"`
	// Count is the number of recordings, and Bytes the size of their managed audio.
	Count int   `json:"count"`
	Bytes int64 `json:"bytes"`
	// Restorable is how many of them are deleted and could still be restored. The change
	// would end that, and remove their audio.
	Restorable int `json:"restorable"`
	// Oldest and Newest are when the first and the last of them were created; 0 without
	// any.
	Oldest recording.Seconds `json:"oldest,omitempty"`
	Newest recording.Seconds `json:"newest,omitempty"`
	// Held is how many recordings would go too, but are on legal hold.
	Held int `json:"held"`
	// Accounts is how many accounts have recordings that would go.
	Accounts int `json:"accounts"`
}

// UnconfirmedError means that a change would remove recordings, and that the caller has
// not confirmed their number.
type UnconfirmedError struct {
	// Preview has their number. It may be incomplete.
	Preview Preview
}

// Error returns the number of recordings.
func (e *UnconfirmedError) Error() string {
	return fmt.Sprintf("the change would remove %d recordings, which was not confirmed", e.Preview.Count)
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
// A finished preview counts for an hour, unless what applies to the account, or which
// accounts are below it, changes meanwhile. Errors: store.ErrUnavailable, and those of change.
func (e Editor) Preview(ctx context.Context, account string, change func(Settings) (Settings, error)) (Preview, error) {
	before, revision, err := e.book().Own(ctx, account)
	if err != nil {
		return Preview{}, err
	}
	after, err := change(before)
	if err != nil {
		return Preview{}, err
	}
	return e.preview(ctx, revision, proposal{account: account, settings: &after})
}

// Change applies change to the settings of an account and stores them. If that would
// remove recordings, confirmed must be the number that a complete preview of the same
// change has counted, less than an hour ago. record is called right before the settings are
// stored. If another client changes them at this moment, Change begins again with the new ones, and
// calls change and record again. Errors: *UnconfirmedError, store.ErrConflict, store.ErrUnavailable,
// and those of change and of record.
func (e Editor) Change(
	ctx context.Context, account string, confirmed int, change func(Settings) (Settings, error), record func() error,
) (after Settings, err error) {
	err = store.Retry(ctx, tries, func() error {
		after, err = e.changeOnce(ctx, account, confirmed, change, record)
		return err
	})
	return after, err
}

// tries is how often a change is tried that conflicts with another one.
const tries = 5

// changeOnce is a try of Change.
func (e Editor) changeOnce(ctx context.Context, account string, confirmed int, change func(Settings) (Settings, error), record func() error) (Settings, error) {
	before, revision, err := e.book().Own(ctx, account)
	if err != nil {
		return Settings{}, err
	}
	after, err := change(before)
	if err != nil {
		return Settings{}, err
	}
	if err := e.confirm(ctx, revision, proposal{account: account, settings: &after}, confirmed); err != nil {
		return Settings{}, err
	}
	if err := record(); err != nil {
		return Settings{}, err
	}
	return after, Save(ctx, e.Entries, account, revision, after)
}

// ConfirmPlace checks a change of the account tree before it is made: it puts an account, with
// everything below it, directly below parent, or at the top if parent is "". There it may follow
// other policies and bounds. If they would remove recordings, confirmed must be their number, as
// for [Editor.Change]. The account need not be in the tree yet. Errors: *UnconfirmedError,
// access.ErrCycle, access.ErrNoAccount for the parent, store.ErrUnavailable.
func (e Editor) ConfirmPlace(ctx context.Context, account, parent string, confirmed int) error {
	above, err := access.NewTree(e.Entries).Above(ctx, account, parent)
	if err != nil {
		return err
	}
	return e.confirm(ctx, "", proposal{account: account, moved: true, above: above}, confirmed)
}

// confirm compares a number with that of the recordings that a change would remove. Errors:
// *UnconfirmedError if they differ.
func (e Editor) confirm(ctx context.Context, revision string, change proposal, confirmed int) error {
	p, err := e.preview(ctx, revision, change)
	if err == nil && (!p.Complete || p.Count != confirmed) {
		err = &UnconfirmedError{Preview: p}
	}
	return err
}

// preview continues the preview of a change. revision is that of the present settings.
func (e Editor) preview(ctx context.Context, revision string, change proposal) (Preview, error) {
	before, err := e.book().Effective(ctx, change.account)
	if err != nil {
		return Preview{}, err
	}
	after, err := e.book().with(ctx, change.account, change)
	if err != nil {
		return Preview{}, err
	}
	// The settings that apply to an account determine the settings that it passes on to the accounts
	// below it.
	if before.Fingerprint() == after.Fingerprint() {
		return Preview{Complete: true}, nil
	}
	c := counter{Editor: e, progress: &progress{At: recording.SecondsOf(e.Now())}, change: change}
	if e.Time > 0 {
		c.until = e.Now().Add(e.Time)
	}
	if err := c.list(ctx); err != nil {
		return Preview{}, err
	}
	text, err := json.Marshal([]any{
		revision, change.settings, change.moved, change.above, change.groups != nil, before.Fingerprint(), after.Fingerprint(), c.accounts,
	})
	if err != nil {
		return Preview{}, fmt.Errorf("encode what a preview is about: %w", err)
	}
	sum := sha256.Sum256(text)
	return c.resume(ctx, store.EntryKey{
		Partition: access.Partition(change.account), Key: "retention-preview/" + hex.EncodeToString(sum[:16]),
	})
}
