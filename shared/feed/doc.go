// Package feed keeps the feed of changes: for each account, the changes of its recordings
// in one order that never changes (contract, Changes; docs/adr/029-feed.md).
//
// [Feed.Append] adds changes as the stream of the store delivers them, and [Feed.Page]
// reads them. Both work on the entries of the store:
//
//	partition                             key        value
//	feed                                  state      whether the feed is on, and its epoch
//	feed/{account}/{epoch}                sequence   an entry
//	feed/{account}/{epoch}/head           head       the last sequence
//	feed/{account}/{epoch}/seen/{id}      revision   a change that is in the feed
//	feed/lost                             account/id a change that is lost to the feed
//
// # Guarantees
//
//   - The entries of an account are numbered 1, 2, 3 and so on, without gaps. Only a
//     restart takes a number without an entry, and no cursor is valid before it. One
//     transaction stores the entries, the new last number and the marks of their
//     revisions, on the condition that no other writer has moved the last number or
//     stored one of the marks. So a reader never sees an entry before all the earlier ones.
//   - Entries of one recording have the order of its changes.
//   - A change is one entry, however often the stream delivers it: its mark, the
//     recording's ID and the revision of the write, is stored with it. Marks are kept for
//     [MarkDays], while streams deliver a change again for a day at most.
//   - Entries are kept for [Days]. A reader that comes later gets [ErrTooOld], and no gap.
//   - While the feed is off, changes are lost to it. The first writer that sees the switch
//     begins another epoch, which makes all cursors too old.
//   - If a change is lost while the feed is on, [Feed.Lose] makes the cursors of its
//     account too old, and [Feed.Restart] does so when an operator asks for it.
package feed
