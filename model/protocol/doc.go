// Package protocol is a model of how recordings come, go and come back: create, upload,
// ingest, delete, purge, reconcile, restore, retention, legal holds, erasure and imports
// (docs/adr/006-deleting.md and the records after it).
//
// The model follows one recording ID, all versions of its objects, and the processes
// that work on it. Each action of a process is one call to the table or the bucket, so
// the checker interleaves processes at every call, and ends them at every call. Events
// come late, twice or never: ingest and purge may start at any time, and nothing but
// reconcile makes sure that they do.
//
// The package has the correct protocol, and its Faults. Each fault is a mistake, and with
// it the checker must find a violation. The code once had some of these mistakes.
//
// # Invariants
//
//   - Nothing acknowledged is lost: the audio of a recording, and an upload that was
//     stored, exist until the recording is deleted.
//   - Nothing deleted plays again, except by a restore in time, or by an import that
//     revives it.
//   - If a tombstone is marked as purged, the audio is gone.
//   - Nothing is removed early: not before the time to restore is over, not when the
//     policy keeps it, and not while a hold covers it.
//   - From every state, the background processes reach a clean state: no purge pends for
//     good, no object is left for good, no upload waits for good.
//
// # Limits
//
// Only the order of calls is modeled, not their data: audio is good or bad, and a time has
// passed or not. A purged tombstone does not expire, because no message lives for 400
// days. Objects that one process writes and nothing else knows
// (recordings add) behave like those of an import that meets no other.
package protocol
