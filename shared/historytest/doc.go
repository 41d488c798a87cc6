// Package historytest checks that the store, and the API over it, stay linearizable
// while requests fail. Several clients create, read, change, complete, delete, restore and
// hold a few recordings at once, and a share of the calls below them fails. [Run] records the
// history: when each call began and ended, and its answer. The checker porcupine then
// looks for an order of all calls that explains every answer to the letter, including
// revisions. Without such an order, a change was lost, made twice, or reported wrongly.
//
// A call that answered 503 may have taken effect at any time after it began, or not at
// all. The contract promises no more, so the history keeps such a call open to its end.
//
// The histories run in three places:
//
//	shared/store/sqlite   the store interface over SQLite
//	shared/store/dynamo   the store interface over an emulated table, and over DynamoDB
//	                      Local if DYNAMODB_ENDPOINT names it
//	shared/api            the handlers and ingest, over SQLite and DynamoDB Local
//
// # Settings
//
// HISTORIES is the number of histories for each test; without it a test checks a few.
// HISTORY_SEED checks one history. The seed determines the random choices of each client
// and of the faults. The scheduler still determines how the clients interleave, so a
// failure may need several runs to show again.
package historytest
