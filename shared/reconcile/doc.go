// Package reconcile compares the table with the bucket and finds what no event will ever
// finish (docs/adr/026-reconcile.md): purges that got stuck, audio without a
// recording, recordings without their audio, uploads and rejected audio past their time,
// unused claims and links, and traces of deleted recordings in the index of searches and in the
// totals. It repairs findings with only one right repair and reports the rest; [Kinds] lists both.
//
// A [Reconciler] reads the rows of an account and the lists of its objects side by side,
// both in the order of recording IDs, so it needs no request for each recording. What
// it reads may be outdated. So it reads the row, and where it matters the object, again
// with strong consistency before it reports or repairs anything.
//
// A run may take longer than one invocation. Its progress is kept in entries, one for
// each account, and the next invocation continues there. Accounts take turns, so that a
// large account does not hold up the others. Every repair can be repeated.
package reconcile
