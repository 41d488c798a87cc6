// Package job runs long work over many recordings in two steps: a job first makes a plan,
// with a count and a number of bytes, and does nothing until a client confirms exactly
// that plan (docs/adr/027-jobs.md). An [Action] does the work, such as the export or
// the erasure of a person's recordings (package person).
//
// The state of a job is in entries of package store, so that any process can continue it:
//
//	jobs/{account}             {job}                  the job
//	jobsopen                   {account}/{job}        {"active":true} while a worker is needed
//	jobplan/{account}/{job}    {number}               the recordings of the plan, in chunks
//	jobdone/{account}/{job}    {number}               what became of them, in chunks
//	joblease                   {account}              the worker of an account
//
// Work is done in slices: [Engine.Slice] works on one job of one account for about
// [Options.SliceTime], and saves its progress at checkpoints. A process that is killed
// loses its work since the last checkpoint, and the next slice repeats it. So an
// action must be able to repeat the work between two checkpoints.
//
// Accounts take turns. A slice is the work on one job within a turn. An account has at most one
// slice at a time, and a queue delivers the accounts in turn, so an account with many large jobs
// delays the others by one slice. Within an account, the job that has waited longest is next.
//
// Two workers never save the same job: a checkpoint is a conditional write, and the worker
// that lost its lease stops at its next checkpoint.
package job
