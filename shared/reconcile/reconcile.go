package reconcile

import (
	"context"
	"log/slog"
	"time"

	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/purge"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
)

// Store is the table.
type Store interface {
	store.Scanner
	store.Finder
	store.Entries
	purge.Store
}

// Bucket is the bucket.
type Bucket interface {
	media.Inventory
	media.Purger
	// Stat describes an object; see [media.Reader].
	Stat(ctx context.Context, key string) (media.Object, error)
}

// Ages are the ages at which something counts as a finding. Until then, the request, the
// event or the lifecycle rule that takes care of it may still be on its way.
type Ages struct {
	// Purge is the age of a deletion with a pending purge.
	Purge time.Duration
	// Restore is the time since a deleted recording could last be restored.
	Restore time.Duration
	// Arrival is the age of audio that was not ingested.
	Arrival time.Duration
	// File is the age of a file in an inbox that was not ingested.
	File time.Duration
	// Orphan is the age of audio of an upload by the command line that nothing refers
	// to, and Import that of imported or replaced audio. An import stores the document
	// right after the audio, but may wait for a paused machine in between.
	Orphan, Import time.Duration
	// Upload is the age of a recording that waits for its audio.
	Upload time.Duration
	// SetAside, Probe and Export are the ages of rejected audio, of test files, and of
	// files that jobs have made.
	SetAside, Probe, Export time.Duration
	// Index is the age of a deletion that the index of searches has not followed, and of the
	// last change of a total that counts nothing.
	Index time.Duration
	// Claim is how long a claim must have been unused.
	Claim time.Duration
	// Failure is how long the comparison of an account must have failed before the run
	// goes on without it; 0 if one failure is enough.
	Failure time.Duration
}

const day = 24 * time.Hour

// CloudAges returns the ages for a deployment with a bucket that keeps rejected audio for
// a number of days. Lifecycle rules run once a day, and the queues retry for up to twelve
// hours. An outage of some hours fails no account.
func CloudAges(setAsideDays int) Ages {
	return Ages{
		Purge: time.Hour, Restore: day, Arrival: time.Hour, File: day, Orphan: time.Hour, Import: day,
		Upload: 8 * day, SetAside: time.Duration(setAsideDays+2) * day, Probe: 3 * day, Export: 9 * day, Claim: day,
		Index: time.Hour, Failure: 6 * time.Hour,
	}
}

// LocalAges returns the ages for a data folder. It has no lifecycle rules, so rejected
// audio, test files and files of jobs are removed when their time is over. A run is one call,
// so an account that fails waits for the next run.
func LocalAges() Ages {
	return Ages{
		Purge: time.Minute, Restore: day, Arrival: time.Minute, File: time.Hour, Orphan: time.Hour, Import: day,
		Upload: 8 * day, SetAside: 30 * day, Probe: day, Export: 7 * day, Claim: day,
		Index: time.Hour,
	}
}

// Reconciler compares the table with the bucket.
type Reconciler struct {
	// Store is the table, Bucket the bucket.
	Store  Store
	Bucket Bucket
	// Book keeps the progress of a run: Store in a service, so that the next invocation
	// continues, or [Memory] for a run in one go.
	Book store.Entries
	// Arrive ingests the object under a key as if it had just arrived.
	Arrive func(ctx context.Context, key string) error
	// Queued reports whether an object is waiting for ingest, so that it is not a
	// finding. It may be nil.
	Queued func(key string) bool
	// EndRestores prepares to purge deleted recordings of an account that could no longer
	// be restored at the time at: [deletion.Deleter.Ending]. It is called once for each page
	// of rows with such recordings, so that those on hold cost nothing more. It may be nil.
	EndRestores func(ctx context.Context, account string, at recording.Seconds) (*deletion.Ending, error)
	// Index removes deleted recordings from the index of searches, and totals that count
	// nothing, even if searches are switched off. nil does not look at the index.
	Index *search.Indexer
	// Repair makes the run repair findings with only one right repair. Otherwise the run only
	// reports.
	Repair bool
	// Account limits the run to one account; "" means all.
	Account string
	// Deep reads the whole table in every run, instead of once a week, to find accounts that have
	// only tombstones, unused claims, and deleted recordings in the index.
	Deep bool
	// Ages are the ages at which something counts as a finding.
	Ages Ages
	// Pace waits before each request, so that clients keep their share of the table and
	// the bucket. nil never waits.
	Pace func(ctx context.Context) error
	// Log gets a line for each repair.
	Log *slog.Logger
	// Now is the clock.
	Now func() time.Time

	page, dropped int // the length of the bucket's pages, and maxDropped, if tests change them
}

// dropLimit returns maxDropped.
func (r *Reconciler) dropLimit() int {
	if r.dropped > 0 {
		return r.dropped
	}
	return maxDropped
}

// pageLen returns how many rows or objects a full page has.
func (r *Reconciler) pageLen() int {
	if r.page > 0 {
		return r.page
	}
	return media.MaxList
}

// wait waits for the pace.
func (r *Reconciler) wait(ctx context.Context) error {
	if r.Pace == nil {
		return ctx.Err()
	}
	return r.Pace(ctx)
}

// since returns how long ago a time in Gregorian seconds was.
func (r *Reconciler) since(at recording.Seconds) time.Duration {
	return r.Now().Sub(at.Time())
}

// repaired runs a repair and counts the finding. An error of a single repair does not
// end the run, unless ctx has ended.
func (r *Reconciler) repaired(ctx context.Context, report *Report, e Example, bytes int64, repair func() error) error {
	if r.Repair && repair != nil {
		if err := r.wait(ctx); err != nil {
			return err
		}
		switch err := repair(); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			e.Cause = err.Error()
		default:
			e.Repaired = true
		}
	}
	report.add(e, bytes)
	level := slog.LevelInfo
	if e.Cause != "" {
		level = slog.LevelWarn
	}
	r.Log.LogAttrs(ctx, level, "finding", slog.String("kind", string(e.Kind)), slog.String("account", e.Account),
		slog.String("id", e.Recording), slog.String("object", e.Object), slog.Bool("repaired", e.Repaired), slog.String("cause", e.Cause))
	return nil
}
