package job

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Action is a kind of job. Its methods work for one slice: they reach at least one
// checkpoint, return at the first one at which [Task.Spent] is true, and the next slice
// calls them again. Between two calls of [Task.Save] all work must be repeatable.
type Action interface {
	// Plan makes the plan. done is true once the plan is complete.
	Plan(ctx context.Context, t *Task) (done bool, err error)
	// Run carries out the plan. done is true once everything is done.
	Run(ctx context.Context, t *Task) (done bool, err error)
	// End cleans up after a job that was cancelled or fails. It has as many tries and as much
	// time as the other methods, but must do everything in one slice.
	End(ctx context.Context, t *Task) error
}

// Options configure an Engine.
type Options struct {
	// Actions are the actions by their names.
	Actions map[string]Action
	// Permit, if not nil, is called before each slice of confirmed work. It returns an error
	// if the job may not go on: a *ProblemError ends the job.
	Permit func(context.Context, *Job) error
	// SliceTime is how long a slice works before it lets others take their turn. A slice
	// takes longer if its action reaches no checkpoint.
	SliceTime time.Duration
	// Lease is the longest time that a slice can take, because its process then ends. After
	// it, another process may take over.
	Lease time.Duration
	// Holder names the process.
	Holder string
	// Now is the clock.
	Now func() time.Time
	// Failed, if not nil, is called after a slice of j failed. The cause is for the log of the
	// operator: clients see only j.Cause.
	Failed func(ctx context.Context, j *Job, cause error)
}

// Engine works on jobs.
type Engine struct {
	book    *Book
	options Options
}

// NewEngine returns an engine for the jobs in a book.
func NewEngine(b *Book, o Options) *Engine { return &Engine{book: b, options: o} }

// Slice handles a message: it works on one job of the account, the one that has waited
// longest. Then it wakes a worker for the account again if a job of it still needs one. If
// another worker is at work for the account, Slice does nothing: that worker looks for
// further jobs after its slice. worked is true if there was a job to work on.
//
// An error means that the queue must deliver the message again later.
func (e *Engine) Slice(ctx context.Context, m Message) (worked bool, err error) {
	account := m.Account
	taken, died, err := e.lease(ctx, m)
	if err != nil || !taken {
		return false, err
	}
	worked, err = e.work(ctx, account, died)
	// The caller's context may have ended.
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	if released := e.release(clean, m); released != nil {
		return worked, errors.Join(err, released)
	}
	if err != nil {
		return worked, err
	}
	// A job that was confirmed during the slice may have woken only this worker, so look
	// again after the lease is released.
	open, err := e.book.open(clean, account+"/")
	if err != nil {
		return worked, err
	}
	if delay, needed := e.book.delay(open); needed {
		return worked, e.book.wake(clean, account, delay)
	}
	return worked, nil
}

// saveTime bounds the writes at the end of a slice.
const saveTime = 10 * time.Second

// beforeEnd returns a context that ends early enough before the deadline of ctx, if it has
// one, that the failure of a slice can be saved. Otherwise the slice would not count as a
// try, and be repeated for ever.
func beforeEnd(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-saveTime))
}

// work works on a job of an account. died is true if the process with the turn before died.
func (e *Engine) work(ctx context.Context, account string, died bool) (worked bool, err error) {
	t, err := e.next(ctx, account)
	if err != nil || t == nil {
		return false, err
	}
	working, cancel := beforeEnd(ctx)
	defer cancel()
	if died {
		err = t.countDeath(working)
	}
	if err == nil {
		err = e.advance(working, t)
	}
	if err == nil || errors.Is(err, ErrLost) {
		return true, nil // the process that changed it wakes a worker
	}
	err = e.failed(ctx, t, err)
	if errors.Is(err, ErrLost) {
		err = nil
	}
	return true, err
}

// errDied means that every process that worked on a job since its last checkpoint has died.
var errDied = errors.New("the processes that worked on the job have died")

// countDeath counts the death of a process as a try: it could not save its failure. Otherwise a
// job that kills its processes would do so for ever, and hold up its account. If the dead
// process worked on another job, the next checkpoint of this one forgets the try. Errors:
// errDied after maxTries, and those of Save.
func (t *Task) countDeath(ctx context.Context) error {
	if t.Job.Tries+1 >= maxTries {
		return errDied
	}
	t.Job.Tries++
	return t.save(ctx)
}

// next returns the job of an account that needs a worker now and was saved the longest time
// ago, or nil.
func (e *Engine) next(ctx context.Context, account string) (*Task, error) {
	open, err := e.book.open(ctx, account+"/")
	if err != nil {
		return nil, err
	}
	var keys []store.EntryKey
	now := recording.SecondsOf(e.options.Now())
	for _, o := range open {
		if o.Active && waitUntil(o.Retry, now) == 0 && len(keys) < store.MaxEntries {
			keys = append(keys, keyOf(account, o.id))
		}
	}
	if len(keys) == 0 {
		return nil, nil //nolint:nilnil // there may be none
	}
	found, err := e.book.Entries.Entries(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("read jobs: %w", err)
	}
	var tasks []*Task
	for i := range found {
		j, err := decode(account, &found[i])
		if err != nil {
			return nil, err
		}
		if j.State.Active() {
			tasks = append(tasks, &Task{Job: j, engine: e, entry: found[i], until: e.options.Now().Add(e.options.SliceTime)})
		}
	}
	if len(tasks) == 0 {
		return nil, nil //nolint:nilnil // there may be none
	}
	return slices.MinFunc(tasks, func(a, b *Task) int {
		return cmp.Or(cmp.Compare(a.Job.Updated, b.Job.Updated), cmp.Compare(a.Job.ID, b.Job.ID))
	}), nil
}

// advance works on a job for one slice.
func (e *Engine) advance(ctx context.Context, t *Task) error {
	action, ok := e.options.Actions[t.Job.Action]
	if !ok {
		return fmt.Errorf("%w: %s", ErrUnknownAction, t.Job.Action)
	}
	var done bool
	var err error
	var next State
	switch t.Job.State {
	case Planning:
		next = Planned
		done, err = action.Plan(ctx, t)
	case Running:
		next = Done
		if e.options.Permit != nil {
			err = e.options.Permit(ctx, t.Job)
		}
		if err == nil {
			done, err = action.Run(ctx, t)
		}
	case Cancelling:
		next, done = Cancelled, true
		err = action.End(ctx, t)
	case Failing:
		next, done = Failed, true
		err = action.End(ctx, t)
	case Planned, Done, Failed, Cancelled:
		return ErrLost
	}
	if err != nil {
		return err
	}
	if !done {
		return t.Save(ctx) // so that the account's other jobs have their turn
	}
	return t.end(ctx, next)
}

// transient are the errors that a retry may overcome.
var transient = []error{
	store.ErrUnavailable, media.ErrUnavailable, store.ErrConflict, store.ErrGuard, context.DeadlineExceeded, context.Canceled,
}

// Transient reports whether a retry may overcome err. The engine tries a slice that fails with
// such an error again, up to maxTries times in a row.
func Transient(err error) bool {
	return slices.ContainsFunc(transient, func(one error) bool { return errors.Is(err, one) })
}

// failed records that a slice failed. After a transient error it is tried again after a delay, up to
// maxTries times in a row. After any other error the next slice cleans up. That may need as much
// time and as many tries as the work itself, so it is not done here.
func (e *Engine) failed(ctx context.Context, t *Task, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	// The slice may have changed the job since its last checkpoint.
	j, entry, err := e.book.read(ctx, t.Job.Account, t.Job.ID)
	if err != nil {
		return err
	}
	if !bytes.Equal(entry.Value, t.entry.Value) {
		return ErrLost
	}
	t.Job, t.entry, t.pending = j, entry, nil
	j.Tries++
	if j.State != Failing { // else the cause is why the job fails
		j.Cause = causeOf(cause)
	}
	if e.options.Failed != nil {
		e.options.Failed(ctx, j, cause)
	}
	if j.Tries < maxTries && Transient(cause) {
		j.Retry = t.Now() + recording.Seconds(min(1<<min(j.Tries, 10), maxDelay))
		return t.save(ctx)
	}
	if j.State.Cleaning() || e.options.Actions[j.Action] == nil {
		if j.State == Failing {
			j.Cause += "; and the cleanup failed"
		}
		return t.end(ctx, Failed)
	}
	j.State, j.Tries, j.Retry = Failing, 0, 0
	return t.save(ctx)
}

// maxDelay is the longest delay of a retry, in seconds. All the tries of a job take some two
// hours.
const maxDelay = 600

// waitUntil returns how long a job waits for its next try at the time retry. A time further away
// than maxDelay was set by a clock that was ahead, and the job does not wait for it.
func waitUntil(retry, now recording.Seconds) time.Duration {
	wait := retry - now
	if wait <= 0 || wait > maxDelay {
		return 0
	}
	return time.Duration(wait) * time.Second
}

// causeOf describes an error to clients, without details: those may name objects.
func causeOf(err error) string {
	switch {
	case errors.Is(err, ErrUnknownAction):
		return "this version of the service does not know the action"
	case Transient(err):
		return "the database or the bucket was not available"
	case errors.Is(err, errDied):
		return "the service stopped each time it worked on the job"
	}
	var p *ProblemError
	if errors.As(err, &p) {
		return p.Text
	}
	return "unspecified fault"
}

// ProblemError is an error that ends a job, with a text for clients.
type ProblemError struct{ Text string }

// Error implements error.
func (p *ProblemError) Error() string { return p.Text }

// Task is a slice of work on a job.
type Task struct {
	// Job is the job. An action changes Plan, Result and Cursor, and calls Save.
	Job *Job

	engine  *Engine
	entry   store.Entry
	until   time.Time
	pending []store.EntryWrite
}

// Spent reports whether the slice should end at the next checkpoint.
func (t *Task) Spent() bool { return !t.engine.options.Now().Before(t.until) }

// Now returns the time.
func (t *Task) Now() recording.Seconds { return recording.SecondsOf(t.engine.options.Now()) }

// Save is a checkpoint: it stores the job, and all items since the last one, or nothing.
// Errors: ErrLost, store.ErrUnavailable, store.ErrTooLarge.
func (t *Task) Save(ctx context.Context) error {
	t.Job.Tries, t.Job.Retry = 0, 0
	if t.Job.State != Failing && t.Job.State != Failed {
		t.Job.Cause = ""
	}
	return t.save(ctx)
}

func (t *Task) save(ctx context.Context) error {
	writes, err := t.engine.book.writes(t.Job, t.entry)
	if err != nil {
		return err
	}
	err = t.engine.book.Entries.WriteEntries(ctx, append(writes, t.pending...)...)
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	if err != nil {
		return fmt.Errorf("save a job: %w", err)
	}
	t.pending = nil
	// The store sets the revision, so read it. Another process may have written meanwhile.
	_, entry, err := t.engine.book.read(ctx, t.Job.Account, t.Job.ID)
	if err != nil {
		return err
	}
	if !bytes.Equal(entry.Value, writes[0].Value) {
		return ErrLost
	}
	t.entry = entry
	return nil
}

// end stores the state that a phase of the job leads to.
func (t *Task) end(ctx context.Context, next State) error {
	t.Job.State, t.Job.Retry = next, 0
	t.Job.Cursor = nil
	if next.Ended() {
		t.Job.Ended = t.Now()
	}
	return t.Save(ctx)
}
