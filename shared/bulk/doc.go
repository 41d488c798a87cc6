// Package bulk deletes, exports, tags and holds many recordings that a filter selects
// (contract, Jobs). It provides four actions of package job.
//
// A plan has the recordings that a [Selection] finds, each with its revision. When its turn
// comes, each is read again: it must be as it was planned, or still match. So what a job
// changes is part of the plan that was confirmed, and matches at that moment
// (docs/adr/030-bulk.md).
//
// The work on recordings goes through the same code as single requests: package deletion,
// the patch of package recording, and package hold.
package bulk
