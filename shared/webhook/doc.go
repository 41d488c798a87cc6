// Package webhook delivers the feeds of changes to the URLs of accounts
// (docs/how-to/webhooks.md, docs/adr/029-feed.md).
//
// [Book] keeps the webhooks in the table, each with its own position in the feed of its
// account. [Deliverer] sends what follows the position: up to [BatchSize] changes in one
// POST, in the order of the feed, signed as the specification Standard Webhooks defines
// (github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
//
// # Guarantees
//
//   - Each change is delivered at least once, and none before the earlier ones were
//     accepted. The position moves only after an answer 2xx.
//   - A batch is fixed in the table before it is sent, so a retry has the same ID and the
//     same content.
//   - A receiver that does not accept a batch gets it again, after a pause that doubles up
//     to an hour, until the pauses add up to [GiveUpAfter]. Then the webhook is parked until an
//     administrator resumes it.
//   - A clock that was wrong delays a webhook only until it is corrected, and parks none.
//   - Accounts are independent: one sender works on one account, for a limited time. A receiver
//     that is slow or gone delays only webhooks of its own account, unless 256 other accounts
//     have such receivers at the same moment.
package webhook
