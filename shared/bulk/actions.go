package bulk

import (
	"github.com/callrecordings/api/shared/archive"
	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/job"
)

// Bucket is the part of the bucket that the actions need.
type Bucket interface {
	archive.Bucket
}

// Driver is the part of a driver that the actions need.
type Driver interface {
	Store
	DeleteStore
	Updater
}

// Options configure the actions.
type Options struct {
	// Store is the store of recordings as clients see it: without expired recordings.
	Store Driver
	// Select compiles filters.
	Select Select
	// Bucket has the audio, and gets the files of jobs.
	Bucket Bucket
	// Deleter decides about deletions.
	Deleter *deletion.Deleter
	// Holds are the legal holds.
	Holds *hold.Book
	// Record adds entries to the audit trail; nil without a trail.
	Record job.Record
}

// Actions returns the four actions by their names.
func Actions(o Options) map[string]job.Action {
	plans := planner{store: o.Store, choose: o.Select}
	marked := plans
	marked.holds = true
	deletes := &deleter{store: o.Store, decides: o.Deleter, audio: o.Bucket, record: o.Record}
	tags := &tagger{store: o.Store, record: o.Record}
	holds := &holder{find: o.Store, book: o.Holds, record: o.Record}
	return map[string]job.Action{
		DeleteAction: &runner{planner: marked, size: batchSize, do: deletes.batch, settle: deletes.settle, files: o.Bucket},
		TagAction:    &runner{planner: plans, size: batchSize, do: tags.batch, settle: tags.settle, files: o.Bucket},
		HoldAction:   &runner{planner: plans, size: holdBatch, do: holds.batch, settle: holds.settle, check: holds.check, files: o.Bucket},
		ExportAction: &exporter{planner: plans, bucket: o.Bucket, record: o.Record},
	}
}
