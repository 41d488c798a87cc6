// Package retention decides how long recordings are kept.
//
// An administrator saves a [Policy] for an account. Its rules are tried in order, and the
// first one that matches a recording decides. An account without a policy of its own
// follows that of the nearest account above it. An operator sets [Bounds] for an account
// and everything below it: no rule keeps a recording for fewer days than Bounds.Min or for
// more than Bounds.Max.
//
// A day is 24 hours of UTC, so daylight saving time does not move an expiry. A recording
// expires that many days after its Created time, to the second.
//
// [Book] reads and writes policies. [Effective] is the policy that applies to one account. [View] is a
// store that hides expired recordings, unless they are on hold. Package sweep removes them.
//
// # Entries
//
// All data is in entries of package store (docs/adr/025-retention.md):
//
//	partition     key                  value
//	account/A     retention            Settings: policy, bounds
//	account/A     retention-preview/H  Preview of a policy with the fingerprint H
//	retention     A                    mark: A has a policy or bounds of its own
//	retention/A   bookmarks            how far the sweep has examined the index of A
//	retention/A   again/T/ID           a recording that the sweep has to look at again
package retention
