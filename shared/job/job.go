package job

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/recording"
)

// State is how far a job is.
type State string

// The states. A job starts with Planning.
const (
	// Planning means that the plan is being made.
	Planning State = "planning"
	// Planned means that the plan waits for its confirmation.
	Planned State = "planned"
	// Running means that the confirmed plan is being carried out.
	Running State = "running"
	// Cancelling means that the job was cancelled and cleans up.
	Cancelling State = "cancelling"
	// Failing means that the job cannot continue and cleans up.
	Failing State = "failing"
	// Done means that the plan was carried out.
	Done State = "done"
	// Failed means that the job could not continue.
	Failed State = "failed"
	// Cancelled means that the job was cancelled. Completed work is not undone.
	Cancelled State = "cancelled"
)

// Active reports whether a worker is needed.
func (s State) Active() bool { return s == Planning || s == Running || s.Cleaning() }

// Cleaning reports whether the job has no more work to do than [Action.End].
func (s State) Cleaning() bool { return s == Cancelling || s == Failing }

// Ended reports whether the job never changes again.
func (s State) Ended() bool { return s == Done || s == Failed || s == Cancelled }

// Limits.
const (
	// MaxOpen is the maximum number of jobs of an account that have not ended. Clients that
	// start jobs at the same moment can exceed it by a few.
	MaxOpen = 20
	// MaxNotDone is how many recordings that were not done a job lists. Progress counts all of
	// them; see [Job.MoreNotDone].
	MaxNotDone = 100
	// MaxHeldItems is how many recordings on hold a job lists. Its plan counts all.
	MaxHeldItems = 20
	// MaxHolds is how many holds are listed for a recording: in a job, in its report and in
	// the files that are made from it.
	MaxHolds = 10
	// PlanAge is how long a plan can be confirmed.
	PlanAge = 7 * 24 * time.Hour
	// KeepAge is how long a job is kept after its last change.
	KeepAge = 30 * 24 * time.Hour
	// maxTries is how many slices in a row may fail without progress.
	maxTries = 20
)

// Errors that callers act on.
var (
	// ErrNotFound means that the account has no such job, or that it has expired.
	ErrNotFound = errors.New("no such job")
	// ErrTooMany means that the account has MaxOpen jobs that have not ended.
	ErrTooMany = errors.New("too many jobs")
	// ErrNotPlanned means that the job has no plan to confirm: it is being planned, or it
	// has ended without one.
	ErrNotPlanned = errors.New("the job has no plan to confirm")
	// ErrOtherPlan means that the confirmed count and bytes are not those of the plan.
	ErrOtherPlan = errors.New("the confirmation does not match the plan")
	// ErrEnded means that the job has ended, or is failing, so that it cannot be cancelled.
	ErrEnded = errors.New("the job has ended")
	// ErrUnknownAction means that no action has this name.
	ErrUnknownAction = errors.New("unknown action")
	// ErrLost means that another process has changed the job: it was cancelled, or another
	// worker has taken it over. The worker must stop.
	ErrLost = errors.New("the job was changed by another process")
)

// Totals counts recordings and the bytes of their audio.
type Totals struct {
	Count int   `json:"count"`
	Bytes int64 `json:"bytes"`
}

// Add adds one recording.
func (t *Totals) Add(bytes int64) {
	t.Count++
	t.Bytes += bytes
}

// Plan describes the work that a job proposes.
type Plan struct {
	// Totals are the recordings of the plan, and a confirmation repeats them.
	Totals

	// Held are those of them that a legal hold keeps. The job leaves them alone.
	Held Totals `json:"held"`
	// Oldest and Newest are the times of creation of the first and last one; 0 without any.
	Oldest recording.Seconds `json:"oldest,omitempty"`
	Newest recording.Seconds `json:"newest,omitempty"`
}

// Outcome is what became of a recording of the plan.
type Outcome string

// The outcomes.
const (
	// Completed means that the action was done.
	Completed Outcome = "done"
	// Held means that a legal hold prevented it.
	Held Outcome = "held"
	// Skipped means that the recording had changed or gone since the plan was made.
	Skipped Outcome = "skipped"
	// Failure means that the action failed for good.
	Failure Outcome = "failed"
)

// Item is a recording of a plan or a report.
type Item struct {
	ID      string            `json:"id"`
	Created recording.Seconds `json:"created"`
	// Bytes is the size of the audio; 0 if it is unknown or external.
	Bytes int64 `json:"bytes,omitempty"`
	// Deleted is true for a recording that is deleted and could be restored.
	Deleted bool `json:"deleted,omitempty"`
	// Revision is that of the recording when the plan was made; "" in reports.
	Revision string `json:"revision,omitempty"`
	// Outcome, Cause and Holds are set once the item was worked on. Cause is a short code,
	// and Holds are the IDs of the holds. An action sets all of them; reports and lists keep the
	// first MaxHolds, and plans none.
	Outcome Outcome  `json:"outcome,omitempty"`
	Cause   string   `json:"cause,omitempty"`
	Holds   []string `json:"holds,omitempty"`
}

// listed returns an item for the lists of a job: without its revision, and cut.
func (i Item) listed() Item {
	i.Revision = ""
	return i.cut()
}

// cut returns an item with at most MaxHolds holds. A recording may have so many that an entry with
// a chunk of items would be too large for the store.
func (i Item) cut() Item {
	i.Holds = slices.Clone(i.Holds[:min(len(i.Holds), MaxHolds)])
	return i
}

// Progress counts the recordings by their outcome.
type Progress struct {
	Done    Totals `json:"done"`
	Held    Totals `json:"held"`
	Skipped Totals `json:"skipped"`
	Failed  Totals `json:"failed"`
}

// Of returns the totals of an outcome.
func (p *Progress) Of(o Outcome) *Totals {
	switch o {
	case Held:
		return &p.Held
	case Skipped:
		return &p.Skipped
	case Failure:
		return &p.Failed
	case Completed:
	}
	return &p.Done
}

// Claims are the claims of a token that decide about the rights of its bearer.
type Claims struct {
	Role       string   `json:"role,omitempty"`
	Groups     []string `json:"groups,omitempty"`
	Unassigned bool     `json:"unassigned,omitempty"`
}

// Job is one job of an account.
type Job struct {
	// Account owns the job. ID is unique within the account; IDs sort by the time at which
	// the jobs were made.
	Account string `json:"-"`
	ID      string `json:"-"`
	// Action is the name of the action, and Params are its parameters.
	Action string          `json:"action"`
	Params json.RawMessage `json:"params,omitempty"`
	// By is who made the job, and Confirmer who confirmed it. Reason is the reason that the
	// last of them gave.
	By        audit.Actor `json:"by"`
	Confirmer audit.Actor `json:"confirmer"`
	Reason    string      `json:"reason,omitempty"`
	// Claims are those of Confirmer's token.
	Claims Claims `json:"claims"`
	State  State  `json:"state"`
	// Created, Updated, Confirmed and Ended are when the job was made, saved for the last
	// time, confirmed and ended; 0 if it has not happened.
	Created   recording.Seconds `json:"created"`
	Updated   recording.Seconds `json:"updated"`
	Confirmed recording.Seconds `json:"confirmed,omitempty"`
	Ended     recording.Seconds `json:"ended,omitempty"`
	// Plan is complete once the state is Planned. HeldItems are the first MaxHeldItems of its
	// recordings that are on hold.
	Plan      Plan     `json:"plan"`
	HeldItems []Item   `json:"held_items,omitempty"`
	Progress  Progress `json:"progress"`
	// NotDone are the first MaxNotDone recordings that were held, skipped or failed.
	NotDone []Item `json:"failures,omitempty"`
	// Cause explains in a few words why the job, or its last slice, failed. Once the job is
	// Failing, it stays.
	Cause string `json:"cause,omitempty"`
	// Result is for clients, and Cursor is where the action continues.
	Result json.RawMessage `json:"result,omitempty"`
	Cursor json.RawMessage `json:"cursor,omitempty"`
	// Chunks and Reports are the numbers of chunks in the plan and in the report.
	Chunks  int `json:"chunks"`
	Reports int `json:"reports"`
	// Tries counts the slices that have failed since the last checkpoint. Retry is when the next
	// slice may begin after a failure; 0 means at once.
	Tries int               `json:"tries,omitempty"`
	Retry recording.Seconds `json:"retry,omitempty"`
	// Saves counts the writes of the job, so that every write differs.
	Saves int `json:"saves"`
}

// Expires returns when the job stops existing.
func (j *Job) Expires() recording.Seconds {
	age := KeepAge
	if j.State == Planned {
		age = PlanAge
	}
	return j.Updated + recording.SecondsIn(age)
}

// count adds the outcome of an item to the progress.
func (j *Job) count(item Item) {
	j.Progress.Of(item.Outcome).Add(item.Bytes)
	if item.Outcome != Completed && len(j.NotDone) < MaxNotDone {
		j.NotDone = append(j.NotDone, item.listed())
	}
}

// MoreNotDone reports whether more recordings were held, skipped or failed than NotDone has.
func (j *Job) MoreNotDone() bool {
	p := &j.Progress
	return p.Held.Count+p.Skipped.Count+p.Failed.Count > len(j.NotDone)
}
