// Package search finds recordings by words and numbers, and keeps totals of them
// (docs/adr/028-search.md). It knows neither HTTP nor AWS.
//
// # Matching
//
// [Parse] reads the text of a search, and [Query.Match] decides whether a recording matches.
// The index only proposes candidates. Every candidate is read with strong consistency, and
// matched again before it is in an answer. So a changed or deleted recording is never shown
// for a word that it no longer has.
//
// # The index
//
// Each word and number of a recording has an entry (store.Entries), which costs one write
// unit. All entries of a term lie together, in the order of lists:
//
//	partition                key                                    value
//	terms/{account}          w{word} {created} {id}                 [owner, "", signature]
//	                         p{first 3 characters} {created} {id}   [owner, the words that begin so, signature]
//	                         n{last 7 digits} {created} {id}        [owner, the numbers that end so, signature]
//	indexed/{account}        {id}                                   the marker; see below
//	totals/{account}         {day}…                                 a counter; see below
//
// So a page of a search is one range of keys, in either direction, from any position, and
// the positions are those of every other list. A prefix of more than 3 characters, and a
// number of more than 7 digits, read the range of their beginning or end, and compare the
// value before they read a recording. The signature of an entry shows which other terms its
// recording may have, so a search for several words reads the entries of the rarest, and
// hardly any recording that does not match (docs/adr/035-search-costs.md).
//
// # The marker
//
// [Indexer.Index] brings the index up to date with one recording as it is at that moment,
// so late, duplicated and reordered events change nothing. The marker of a recording has
// the stored terms and the counted values. A run that adds or removes terms
// first writes into the marker which ones those are, and until when it works. Another run
// waits for that time to pass. So a run that dies leaves no entry that the next run does
// not know about.
//
// # The totals
//
// Totals count recordings, seconds and bytes by day (of Created, in UTC), for the account,
// for each owner, and for each tag of both, separately for each direction. For owners and
// tags there are also those of months, so that long ranges read few. They change in
// the same transaction as the marker, so nothing is counted twice. The counters of the account's
// days also have the additions of each day, for bills (added.go).
//
// The keys of counters name owners and tags. So a run that takes a recording out of such
// counters reads them afterwards, and removes those that count nothing, unless they have changed
// since. Until it has, the marker names them, so a run that dies leaves none that the next run
// does not know about (empty.go).
//
// # Failure modes
//
// Until a recording is indexed, a search misses it and the totals do not count it. If the
// store is unavailable, the event stays in its queue. Everything else is repaired by
// [Reindexer].
package search
