// Package faults makes every outside call of every operation fail in every way, kills the
// process before and after each of them, and checks that the service recovers.
//
// A world is one account of the service, in one of two wirings. In the cloud wiring, the
// code of the functions runs with the real clients of the AWS SDK on an emulated DynamoDB
// table with its stream, the built-in S3 server, and small stand-ins for SQS and EventBridge.
// In the local wiring, the same code runs on SQLite, the S3 server and a file of events. All
// calls of the HTTP clients and all statements of SQLite pass an injector.
//
// An operation is something that a client asks for, or that the service does by itself. The
// table of operations has the preparation, the operation and what must be true afterwards.
// First each operation runs once, and its calls are recorded. Then a case is made for each
// call and each fault that applies to it, and for the death of the process before and after
// each call. In each case
//
//  1. a new world is prepared, and the operation runs with the fault. A client retries a
//     request that failed or had no answer, as real clients do. In half of the kills, and in
//     some cases of a write that took effect and was answered with an error, it does not come
//     back;
//  2. the process starts again, unless it lives on after such an error, and is left to itself: queues and streams deliver again (and
//     everything twice), sweeps and reconciliations run, and two and a half days pass;
//  3. the invariants are checked: nothing acknowledged is lost; nothing deleted plays again;
//     no object and no pending purge is left; every event has arrived; the index, the totals
//     and the feed agree with the table.
//
// A case has a name such as cloud/delete/7/reset-after, which repeats it exactly (CASE). The
// decisions are in docs/adr/032-faults.md.
package faults
