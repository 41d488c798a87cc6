// Package bulk deletes, exports, tags and holds many recordings that a filter selects
// (contract, Jobs). It provides four actions of package job.
//
// A plan has the recordings that a [Selection] finds, each with its revision. When its turn
// comes, a recording is read again. It must have that revision, or still match. So a job
// changes only recordings of the plan that was confirmed, and only while they match
// (docs/adr/030-bulk.md).
//
// The work on recordings goes through the same code as single requests: package deletion,
// the patch of package recording, and package hold.
package bulk
