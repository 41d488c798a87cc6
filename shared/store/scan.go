package store

import "context"

// Row is one row of an account: a recording or a tombstone.
type Row struct {
	// ID is the ID of the recording.
	ID string
	// Found is the recording or the tombstone.
	Found
}

// RowPage is one page of the rows of an account.
type RowPage struct {
	// Rows are in the byte order of their IDs.
	Rows []Row
	// The next page begins after the ID Next, which is "" on the last page.
	Next string
}

// KeptClaim is a lasting claim as it is stored.
type KeptClaim struct {
	// Key identifies the claim in its account. It is not the key that was claimed.
	Key string
	// ID is the reserved recording ID.
	ID string
	// Revision changes when the claim is made again; "" if the driver has none.
	Revision string
}

// ClaimPage is one page of the lasting claims of an account.
type ClaimPage struct {
	// Claims are in the byte order of their keys.
	Claims []KeptClaim
	// The next page begins after the key Next, which is "" on the last page.
	Next string
}

// Scanner reads everything that a store holds, for the reconciliation with the bucket
// (docs/adr/026-reconcile.md). Its reads may lag behind the latest writes. So a caller
// reads a row again, strongly consistent, before it acts on it.
type Scanner interface {
	// Accounts returns some of the accounts that have recordings, and the cursor of the
	// next page, "" after the last one. The cursor of the first page is "". If deep is
	// set, it also finds accounts that have only tombstones with a pending purge, for
	// which DynamoDB has to read the whole table. An account may be returned more than
	// once. Errors: ErrUnavailable.
	Accounts(ctx context.Context, cursor string, deep bool) (accounts []string, next string, err error)
	// Rows returns a page of an account's recordings and tombstones, those with IDs
	// greater than after. limit is 1 or more. Errors: ErrUnavailable.
	Rows(ctx context.Context, account, after string, limit int) (RowPage, error)
	// Claims returns a page of an account's lasting claims, those with keys greater than
	// after. limit is 1 or more. Errors: ErrUnavailable.
	Claims(ctx context.Context, account, after string, limit int) (ClaimPage, error)
	// Unclaim removes a lasting claim if it is unchanged and there is neither a
	// recording nor a tombstone with its ID. It does nothing if the claim does not
	// exist. Errors: ErrConflict if there is one, or if the claim was made again;
	// ErrUnavailable.
	Unclaim(ctx context.Context, account string, c KeptClaim) error
}
