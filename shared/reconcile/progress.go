package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Partitions of the entries of this package.
const (
	// partition has the run in progress and the reports of the last runs.
	partition = "reconcile"
	// accountsPartition has one entry for each known account. It outlives the runs, so
	// that an account is found when all its recordings are deleted.
	accountsPartition = "reconcile/accounts"
)

const (
	currentKey   = "current"
	reportPrefix = "report/"
	// ReportDays is how many days reports are kept.
	ReportDays = 90
)

// progress is the run in progress, or the last one.
type progress struct {
	// Phase is the index of the current phase, Cursor where it continues.
	Phase  int    `json:"phase"`
	Cursor string `json:"cursor,omitempty"`
	// Deep is set if this run reads the whole table; LastDeep is when one last did.
	Deep     bool              `json:"deep,omitempty"`
	LastDeep recording.Seconds `json:"last_deep,omitempty"`
	Report   Report            `json:"report"`

	revision string
}

// account has the facts about an account, and its progress in a run.
type account struct {
	// Audio, Imported and Inbox report whether the bucket has had objects of the
	// account under recordings/, imported/ and inbox/.
	Audio    bool `json:"audio,omitempty"`
	Imported bool `json:"imported,omitempty"`
	Inbox    bool `json:"inbox,omitempty"`
	// Run is the start of the run that the rest belongs to.
	Run recording.Seconds `json:"run,omitempty"`
	// Stage is the index of the current stage.
	Stage int `json:"stage,omitempty"`
	// Failing is when the account began to fail in this run; 0 if its last turn did not.
	Failing recording.Seconds `json:"failing,omitempty"`
	// Key is the part of the object keys after the account up to which objects have
	// been examined, Row the last examined row, Marker the last examined recording of the
	// index, Claim the last examined claim, and Counter the last examined total: "" after the
	// last one, because its key may name an owner and a tag.
	Key     string `json:"key,omitempty"`
	Row     string `json:"row,omitempty"`
	Marker  string `json:"marker,omitempty"`
	Claim   string `json:"claim,omitempty"`
	Counter string `json:"counter,omitempty"`
	// Rows is set if the account has rows, objects, or something in the index.
	Rows bool `json:"rows,omitempty"`
	// Dropped is set if recordings have their audio in the inbox. Passes is the number of
	// parts of the comparison with the inbox, to bound its memory,
	// and Pass the current one.
	Dropped bool `json:"dropped,omitempty"`
	Passes  int  `json:"passes,omitempty"`
	Pass    int  `json:"pass,omitempty"`
	// Suspects are the unused claims by key, with the time when they were first found
	// unused. Unused are those that this run has found so far.
	Suspects map[string]recording.Seconds `json:"suspects,omitempty"`
	Unused   map[string]recording.Seconds `json:"unused,omitempty"`

	name, revision string
}

// load returns the run in progress or else the last one. Before the first, it is zero.
func (r *Reconciler) load(ctx context.Context) (*progress, error) {
	p := new(progress)
	found, err := r.Book.Entries(ctx, store.EntryKey{Partition: partition, Key: currentKey})
	if err != nil || len(found) == 0 {
		return p, err
	}
	p.revision = found[0].Revision
	if err := json.Unmarshal(found[0].Value, p); err != nil {
		r.Log.WarnContext(ctx, "the progress of the reconciliation cannot be read; a new run begins", slog.String("cause", err.Error()))
		return &progress{revision: found[0].Revision}, nil
	}
	return p, nil
}

// save stores the progress of a run, and then reads its new revision. It fails with
// store.ErrConflict if another invocation has stored its own.
func (r *Reconciler) save(ctx context.Context, p *progress) error {
	value, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("the progress of the reconciliation: %w", err)
	}
	e := store.Entry{EntryKey: store.EntryKey{Partition: partition, Key: currentKey}, Value: value, Revision: p.revision}
	if err := r.Book.WriteEntries(ctx, store.Replace(e)); err != nil {
		return fmt.Errorf("save the progress of the reconciliation: %w", err)
	}
	found, err := r.Book.Entries(ctx, e.EntryKey)
	if err == nil && len(found) == 1 {
		p.revision = found[0].Revision
	}
	return err
}

// publish stores the report of a complete run.
func (r *Reconciler) publish(ctx context.Context, report *Report) error {
	value, err := json.Marshal(report)
	if err != nil {
		return fmt.Errorf("the report of the reconciliation: %w", err)
	}
	return r.Book.WriteEntries(ctx, store.EntryWrite{Entry: store.Entry{
		EntryKey: store.EntryKey{Partition: partition, Key: reportPrefix + fmt.Sprintf("%011d", report.Started)}, Value: value,
		Expires: recording.SecondsOf(r.Now().AddDate(0, 0, ReportDays)),
	}})
}

// ErrNoReport means that no run has been completed yet.
var ErrNoReport = errors.New("the reconciliation has not completed a run yet")

// Last returns the report of the last complete run that a service has made. Errors:
// ErrNoReport, store.ErrUnavailable.
func Last(ctx context.Context, entries store.EntryReader) (Report, error) {
	page, err := entries.PageEntries(ctx, store.EntryQuery{Partition: partition, Prefix: reportPrefix, Descending: true, Limit: 1})
	switch {
	case err != nil:
		return Report{}, err
	case len(page.Entries) == 0:
		return Report{}, ErrNoReport
	}
	var report Report
	if err := json.Unmarshal(page.Entries[0].Value, &report); err != nil {
		return Report{}, fmt.Errorf("the report of the reconciliation: %w", err)
	}
	return report, nil
}

// decodeAccount decodes the entry of an account.
func decodeAccount(e *store.Entry) (*account, error) {
	a := &account{name: e.Key, revision: e.Revision}
	if err := json.Unmarshal(e.Value, a); err != nil {
		return nil, fmt.Errorf("the progress of account %s: %w", e.Key, err)
	}
	return a, nil
}

// accountOf decodes the entry of an account. If it cannot be decoded, only the progress of
// the account is lost: it is compared from the beginning, with all that it may have.
func (r *Reconciler) accountOf(ctx context.Context, e *store.Entry) *account {
	a, err := decodeAccount(e)
	if err != nil {
		r.Log.WarnContext(ctx, "the progress of an account cannot be read; its comparison begins again",
			slog.String("account", e.Key), slog.String("cause", err.Error()))
		a = &account{name: e.Key, revision: e.Revision, Audio: true, Imported: true, Inbox: true}
	}
	return a
}

// write returns the write that stores a.
func (a *account) write() (store.EntryWrite, error) {
	value, err := json.Marshal(a)
	if err != nil {
		return store.EntryWrite{}, fmt.Errorf("the progress of account %s: %w", a.name, err)
	}
	return store.Replace(store.Entry{
		EntryKey: store.EntryKey{Partition: accountsPartition, Key: a.name}, Value: value, Revision: a.revision,
	}), nil
}

// remember makes sure that the accounts have entries, and marks them with note. names
// must not exceed store.MaxEntries.
func (r *Reconciler) remember(ctx context.Context, names []string, note func(*account)) error {
	keys := make([]store.EntryKey, len(names))
	for i, name := range names {
		keys[i] = store.EntryKey{Partition: accountsPartition, Key: name}
	}
	found, err := r.Book.Entries(ctx, keys...)
	if err != nil {
		return err
	}
	known := map[string]*account{}
	for i := range found {
		known[found[i].Key] = r.accountOf(ctx, &found[i])
	}
	for _, name := range names {
		a := known[name]
		if a == nil {
			a = &account{name: name}
			known[name] = a
		}
		before := *a
		if note(a); a.revision != "" && a.Audio == before.Audio && a.Imported == before.Imported && a.Inbox == before.Inbox {
			continue
		}
		w, err := a.write()
		if err == nil {
			err = r.Book.WriteEntries(ctx, w)
		}
		if err != nil && !errors.Is(err, store.ErrConflict) { // a conflict: another invocation did the same
			return err
		}
		a.revision = "written" // a name may occur twice
	}
	return nil
}
