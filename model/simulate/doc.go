// Package simulate runs the service through years of simulated time: the code of the
// sweeps, the store (SQLite) and the bucket (the built-in S3 server), with a clock and with
// users, imports, crashes and outages that a seed decides.
//
// Every hour, users create recordings, upload their audio at once or hours later, import old
// ones, tag, delete and restore them, change policies, move accounts out of the tree and back, and
// place and release legal holds. Policies also end, and come back as they were, between two sweeps.
// Then the background work runs as in `make run` and in the cloud, with a reconciliation of
// the table and the bucket a day. Any call to the store or the bucket may be the last one of
// its process. Events get lost, and come twice. Policies, holds and places also change in the
// middle of a sweep, holds are placed in the middle of a delete, and reconciliations run in the
// middle of an import. The clock jumps forward and back by up to a day, and the service is
// off for hours. In some runs it is on for a few hours a day only.
//
// An oracle, which knows the true time and evaluates policies by its own code, checks after
// every hour:
//
//   - Nothing is gone early: a recording stays, with its audio, until it has expired by the
//     true time, or its time to restore is over, while no hold covered it.
//   - Nothing is kept more than 24 hours longer than that, or 24 hourly runs if the service
//     is on for a few hours a day, and no purge pends longer.
//   - Nothing that is gone comes back unless it is imported again to revive it, and its audio
//     is gone too.
//   - Audio that was uploaded is ingested, and nothing stays in the bucket to which nothing
//     refers.
//   - The reconciliation finds no lost, wrong or foreign objects.
package simulate
