package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// reserve is how long before the deadline of its context a run stops, so that the
	// step in progress can end.
	reserve = time.Minute
	// deepEvery is the time between two runs that read the whole table.
	deepEvery = recording.Seconds(7 * day / time.Second)
	// early is how much sooner than a whole period a run may start, so that a daily run
	// does not slip by an invocation every day.
	early = time.Hour
)

// phase is one part of a run. step does some of its work, and reports whether the phase
// is over. It keeps its position in p.Cursor.
type phase struct {
	step func(ctx context.Context, r *Reconciler, p *progress) (over bool, err error)
	// overall phases are skipped in a run for one account.
	overall bool
}

// phases are the phases in their order.
var phases = []phase{
	{listTable, true},
	{folders(recording.AudioPrefix, func(a *account) { a.Audio = true }), true},
	{folders(recording.ImportedPrefix, func(a *account) { a.Imported = true }), true},
	{folders(recording.InboxPrefix, func(a *account) { a.Inbox = true }), true},
	{turns, false},
	{leftovers(recording.SetAsidePrefix, OverdueSetAside, func(a Ages) time.Duration { return a.SetAside }), false},
	{leftovers(recording.ProbesPrefix, OverdueProbe, func(a Ages) time.Duration { return a.Probe }), false},
	{leftovers(recording.ExportsPrefix, OverdueExport, func(a Ages) time.Duration { return a.Export }), false},
	{foreignFolders, true},
}

// Run starts a run, or continues the one in progress. Its report has a Finished time if
// the run is complete. Otherwise the deadline of ctx is near, and the next call
// continues. Errors: those of accounts that fail, joined, store.ErrUnavailable,
// media.ErrUnavailable, store.ErrConflict if another call is working on the same run, and
// that of ctx. After an error, the next call continues with the last completed step.
func (r *Reconciler) Run(ctx context.Context) (Report, error) {
	p, err := r.load(ctx)
	if err != nil {
		return Report{}, err
	}
	if p.Report.Started == 0 || p.Report.Finished > 0 {
		if err := r.start(ctx, p); err != nil {
			return p.Report, err
		}
	}
	for p.Phase < len(phases) {
		if near(ctx) {
			return p.Report, r.save(ctx, p)
		}
		over, err := true, error(nil)
		if ph := phases[p.Phase]; r.Account == "" || !ph.overall {
			over, err = ph.step(ctx, r, p)
		}
		if err != nil {
			return p.Report, errors.Join(err, r.keep(ctx, p))
		}
		if over {
			p.Phase, p.Cursor = p.Phase+1, ""
			if err := r.save(ctx, p); err != nil {
				return p.Report, err
			}
		}
	}
	p.Report.Finished = recording.SecondsOf(r.Now())
	if p.Deep {
		p.LastDeep = p.Report.Started
	}
	if err := r.publish(ctx, &p.Report); err != nil {
		return p.Report, err
	}
	return p.Report, r.save(ctx, p)
}

// Daily is Run for a service that calls it once an hour. It starts a new run only if the
// last one started almost every ago. Otherwise it returns the last report, and false.
func (r *Reconciler) Daily(ctx context.Context, every time.Duration) (report Report, ran bool, err error) {
	p, err := r.load(ctx)
	if err != nil {
		return Report{}, false, err
	}
	if p.Report.Finished > 0 && r.since(p.Report.Started) < every-early && r.since(p.Report.Started) >= 0 {
		return p.Report, false, nil
	}
	report, err = r.Run(ctx)
	return report, true, err
}

// keep saves the progress after an error, unless another invocation is at work.
func (r *Reconciler) keep(ctx context.Context, p *progress) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := r.save(ctx, p); !errors.Is(err, store.ErrConflict) {
		return err
	}
	return nil
}

// start begins a new run.
func (r *Reconciler) start(ctx context.Context, p *progress) error {
	now := max(recording.SecondsOf(r.Now()), p.Report.Started+1) // it also identifies the run
	*p = progress{
		Deep: r.Deep || now-p.LastDeep >= deepEvery, LastDeep: p.LastDeep, revision: p.revision,
		Report: Report{Started: now, Repair: r.Repair, Findings: map[Kind]*Count{}},
	}
	if r.Account != "" {
		all := func(a *account) { a.Audio, a.Imported, a.Inbox = true, true, true }
		if err := r.remember(ctx, []string{r.Account}, all); err != nil {
			return err
		}
	}
	return r.save(ctx, p)
}

// near reports whether the deadline of ctx is near.
func near(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < reserve
}

// listTable remembers the accounts of the table.
func listTable(ctx context.Context, r *Reconciler, p *progress) (over bool, err error) {
	if err := r.wait(ctx); err != nil {
		return false, err
	}
	names, next, err := r.Store.Accounts(ctx, p.Cursor, p.Deep)
	if err != nil {
		return false, err
	}
	for len(names) > 0 {
		n := min(len(names), store.MaxEntries)
		if err := r.remember(ctx, names[:n], func(*account) {}); err != nil {
			return false, err
		}
		names = names[n:]
	}
	p.Cursor = next
	return next == "", nil
}

// folders returns the step that remembers the accounts that have objects under prefix.
func folders(prefix string, note func(*account)) func(context.Context, *Reconciler, *progress) (bool, error) {
	return func(ctx context.Context, r *Reconciler, p *progress) (bool, error) {
		if err := r.wait(ctx); err != nil {
			return false, err
		}
		found, more, err := r.Bucket.Folders(ctx, prefix, p.Cursor)
		if err != nil {
			return false, err
		}
		var names []string
		for _, folder := range found {
			p.Cursor = folder
			name := strings.TrimSuffix(strings.TrimPrefix(folder, prefix), "/")
			if _, _, ok := recording.ParseInboxKey(recording.InboxKey(name, "x")); !ok || name == "" {
				r.foreign(ctx, &p.Report, folder)
				continue
			}
			if names = append(names, name); len(names) == store.MaxEntries {
				if err := r.remember(ctx, names, note); err != nil {
					return false, err
				}
				names = nil
			}
		}
		return !more, r.remember(ctx, names, note)
	}
}

// known are the folders of the bucket that belong to the service.
var known = map[string]bool{
	recording.AudioPrefix: true, recording.ImportedPrefix: true, recording.InboxPrefix: true, recording.SetAsidePrefix: true, recording.ProbesPrefix: true, recording.ExportsPrefix: true,
}

// foreignFolders reports folders that the service does not know.
func foreignFolders(ctx context.Context, r *Reconciler, p *progress) (over bool, err error) {
	if err := r.wait(ctx); err != nil {
		return false, err
	}
	found, more, err := r.Bucket.Folders(ctx, "", p.Cursor)
	if err != nil {
		return false, err
	}
	for _, folder := range found {
		p.Cursor = folder
		if !known[folder] {
			r.foreign(ctx, &p.Report, folder)
		}
	}
	return !more, nil
}

// maxFailed is how many accounts may begin to fail in one round before the run ends: then
// the table or the bucket is likely to be at fault.
const maxFailed = 20

// turns gives a turn to each account that is not finished, again and again. If an account
// fails, the others still have their turns, and the next call tries it again; see giveUp.
func turns(ctx context.Context, r *Reconciler, p *progress) (over bool, err error) {
	waiting, fresh := false, 0
	var failures []error
	for e, err := range store.AllEntries(ctx, r.Book, store.EntryQuery{Partition: accountsPartition, Limit: 100}) {
		if err != nil {
			return false, err
		}
		a := r.accountOf(ctx, e)
		switch {
		case r.Account != "" && a.name != r.Account, a.Run == p.Report.Started && a.Stage == len(stages):
			continue
		case near(ctx):
			return false, errors.Join(failures...)
		}
		known := a.Run == p.Report.Started && a.Failing != 0
		more, failure, err := r.turn(ctx, p, a)
		if err != nil {
			return false, errors.Join(append(failures, failure, err)...)
		}
		if failure != nil && !known {
			if fresh++; fresh == maxFailed {
				return false, errors.Join(append(failures, failure, errManyFail)...)
			}
		}
		if failure != nil && more {
			failures = append(failures, failure)
		}
		waiting = waiting || more
	}
	return !waiting, errors.Join(failures...)
}

// errManyFail ends a round in which maxFailed accounts began to fail.
var errManyFail = errors.New("many accounts fail: the table or the bucket may be at fault")

// windowsOfTurn is how many steps an account may take in one turn. A step examines up to
// a thousand rows and objects.
const windowsOfTurn = 25

// turn gives a turn to an account, and saves its progress. more is false if the account is
// finished. The report is saved before the account: after a crash in between, some
// findings are counted twice, and none is missing. failure is why a step failed; the turn
// then ends with the progress of the steps before. After err, another invocation may be at
// work, or the store or ctx has failed, and the turn may not be saved.
func (r *Reconciler) turn(ctx context.Context, p *progress, a *account) (more bool, failure, err error) {
	if a.Run != p.Report.Started {
		*a = account{
			name: a.name, revision: a.revision, Audio: a.Audio, Imported: a.Imported, Inbox: a.Inbox, Suspects: a.Suspects,
			Run: p.Report.Started, Passes: 1,
		}
		p.Report.Accounts++
	}
	failure = r.steps(ctx, p, a)
	switch {
	case failure != nil && ctx.Err() != nil:
		return false, failure, ctx.Err()
	case failure == nil:
		a.Failing = 0
	default:
		if err := r.giveUp(ctx, p, a, failure); err != nil {
			return false, failure, err
		}
	}
	if err := r.save(ctx, p); err != nil {
		return false, failure, err
	}
	w, err := a.write()
	if err != nil {
		return false, failure, err
	}
	if a.Stage == len(stages) {
		if w.Delete = !a.Rows && failure == nil && r.Account == "" && a.revision != ""; w.Delete {
			w.Value = nil
		}
	}
	if err := r.Book.WriteEntries(ctx, w); err != nil {
		return false, failure, fmt.Errorf("save the progress of account %s: %w", a.name, err)
	}
	return a.Stage < len(stages), failure, nil
}

// steps takes the steps of one turn. After an error, a has the progress of the steps before.
func (r *Reconciler) steps(ctx context.Context, p *progress, a *account) error {
	v := &visit{Reconciler: r, account: a, report: &p.Report, deep: p.Deep}
	for n := 0; n < windowsOfTurn && a.Stage < len(stages) && !near(ctx); n++ {
		before := *a
		over, err := stages[a.Stage](v, ctx)
		if err != nil {
			*a = before
			return fmt.Errorf("account %s: %w", a.name, err)
		}
		if over {
			a.Stage++
		}
	}
	return nil
}

// giveUp notes that an account has failed. If it has failed for Ages.Failure, the run goes on
// without it, and its report states that. One account that always fails must not keep this run, and
// so all later runs, from ending. The next run tries it again.
func (r *Reconciler) giveUp(ctx context.Context, p *progress, a *account, failure error) error {
	if a.Failing == 0 {
		a.Failing = recording.SecondsOf(r.Now())
	}
	if r.since(a.Failing) < r.Ages.Failure {
		return nil
	}
	a.Stage = len(stages)
	return r.repaired(ctx, &p.Report, Example{Kind: FailedAccount, Account: a.name, Cause: failure.Error()}, 0, nil)
}
