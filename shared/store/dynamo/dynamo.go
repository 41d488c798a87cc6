// Package dynamo stores the metadata of recordings in one DynamoDB table. [Store]
// implements [store.Store] and must pass the tests in store/storetest.
//
// # Key layout
//
// Each recording is one item, which becomes its tombstone when it is deleted.
// The table has one item collection per account, so get, patch and delete are
// each one strongly consistent operation on one item. Two indexes serve lists
// and project all attributes (docs/adr/001-store-keys.md):
//
//	             partition key                     sort key
//	table        a  account            id
//	by_created   a                     c  creation time and ID  "63866880062#202311-…"
//	by_user      o  "account#owner"    c
//
// The time in c is padded to 11 digits, so that strings sort like numbers. The ID
// breaks ties. An item without c is in neither index; one without o (a recording
// without an owner) is not in by_user.
//
// # Attributes and their cost
//
// DynamoDB rounds each write up to a whole kilobyte and bills it once for the
// table and once for each index. A recording must therefore stay under 1,024
// bytes, attribute names included, even if it has all that is usual
// (docs/adr/017-document-shorthand.md). With an account and an owner of 32
// characters each:
//
//	a          S   1 + 32   account ID
//	id         S   2 + 39   recording ID
//	c          S   1 + 51   creation time and ID
//	o          S   1 + 65   account and owner
//	rev        S   3 + 16   Revision, changed by every write
//	audio      S   5 + 25   place, size and type: "managed 499712 audio/mpeg"
//	doc        S   3 +  n   the document's JSON in a shorthand, see shorthand.go
//	mod        N  (3 +  7)  Modified in Gregorian seconds, if it differs from created
//	audio_key  S            Audio.Key, if it differs from the default
//	state      S            Audio.State and Reason, if place alone does not imply them: "failed not_audio"
//	seq        S   3 + 18   Audio.Sequencer, if the audio was uploaded
//	sha256     S   6 + 43   Audio.SHA256 in base64, if the upload announced one
//	upload     S            the announced upload, while the audio is pending
//	made       S   4 + 22   Made, if a retry of the creation must be recognized
//
// That adds up to 244 bytes plus the shorthand, which takes 292 bytes for an
// ordinary document. Eight attributes also fill exactly one group of a Go map.
//
// A tombstone has three stages (docs/adr/023-restorable-deletes.md). A restorable one
// keeps all attributes. It gets a new rev, and its c becomes "D", the padded restore_until,
// "#" and the ID. That sorts after all recordings, so lists of recordings never read it,
// and one Query reads the tombstones in the order of restore_until. It also gets
//
//	created        N  creation time, from c
//	deleted        N  deletion time in Gregorian seconds
//	deleted_by     S  the user who deleted it, if known
//	cause          S  "expired" or "erased"; absent if a client deleted it
//	restore_until  N  until when it can be restored, in Gregorian seconds
//
// When the purge begins, it loses c and o, which removes it from the indexes, and doc,
// mod, upload, made and restore_until. It gets a new rev and purge_pending. Once the audio
// is confirmed gone, it loses purge_pending, deleted_by and all about the audio:
//
//	purge_pending  BOOL         present until the audio is confirmed gone
//	expires        N            expiry in Unix seconds (the table's TTL), set once the audio is gone; Renew extends it
//
// A claim on an Idempotency-Key is an item in the same table, in no index. Its
// id is "key#" plus the key's SHA-256, and it has
//
//	recording  S  the ID of the recording that the key was used for
//	made       S  the fingerprint of the first request
//	rev        S  as above
//	expires    N  expiry in Unix seconds (the table's TTL); absent for a lasting claim
//
// A storage secret is such an item, too. Its id is "secret#" plus the secret's
// ID, and it has
//
//	sha256   S  the secret's SHA-256
//	label    S  a note about its use
//	created  N  creation time in Gregorian seconds
//	rev      S  as above
//
// A revoked secret keeps only rev and deleted, its revocation time in Gregorian
// seconds. It does not expire.
//
// An entry ([store.Entry]) is such an item, too. Its a is "#" and the partition, which
// no account has, its id is the key, and it has
//
//	entry    S  the JSON document
//	rev      S  as above
//	expires  N  expiry in Unix seconds (the table's TTL); absent if it lasts
//
// The entry of a counter ([store.EntryWrite]) is empty, and each of its numbers is an
// attribute of its own, so that DynamoDB can add to it:
//
//	n_…      N  a number, such as n_in
//
// Attributes that are not listed here survive every write except Revive, which
// replaces the whole item.
//
// # Guarantees
//
// Every write replaces one item on condition that its revision is unchanged. A
// revision is 96 random bits. If a write takes effect but its answer is lost,
// the retry finds its own revision in the table and succeeds. Entries that are written
// together are one transaction, with a token by which DynamoDB recognizes the retry.
//
// # Failure modes
//
// If another client writes between a lost answer and the retry, the retry finds the
// other client's revision, or no recording. The lost write may have come first. So
// the store does not try again, which could apply the change twice, and the caller
// gets ErrUnavailable instead of ErrExists, ErrDeleted or ErrNotFound. The caller
// gets the same error if the retries fail as well. After ErrUnavailable the caller
// cannot know whether the write took effect.
//
// # Time-outs
//
// Every call ends: 500 ms to connect, 1 s per attempt, and at most three
// attempts with full jitter. A retry starts only if the context's deadline
// leaves enough time for it (docs/adr/007-time-outs.md). The context's
// requestlog entry counts every attempt and the capacity that DynamoDB reports.
// DynamoDB does not report the capacity of a write with an unmet condition.
//
// # Permissions
//
//   - Page: Query on the two indexes.
//   - Get, Tombstone and Claimed: GetItem. Find: BatchGetItem.
//   - Update, Correct, CorrectGuarded, Delete, Restore, Condemn and Renew: GetItem and
//     PutItem; those with guards also ConditionCheckItem.
//   - Put, Revive and Claim: PutItem.
//   - Purged: UpdateItem.
//   - Storage secrets: GetItem to check them; PutItem, and Query on the table, to
//     manage them.
//   - Entries: GetItem for one key, BatchGetItem for several. PageEntries: Query on the
//     table. WriteEntries: PutItem for one entry that is stored on a condition, and
//     otherwise PutItem, DeleteItem, ConditionCheckItem and, for counters, UpdateItem, as
//     far as it does these. WriteEach: BatchWriteItem.
//   - Accounts: Scan on the index by_created and on the table. Rows and Claims: Query on the
//     table. Unclaim: DeleteItem and ConditionCheckItem.
package dynamo

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo/onepass"
)

// Options locates the table and identifies the caller.
type Options struct {
	// Region of the table, "eu-west-1". Required.
	Region string
	// Endpoint is the base URL of an emulator; "" means DynamoDB itself.
	Endpoint string
	// Table is the table's name. Required.
	Table string
	// Credentials sign requests; they are retrieved for every attempt. Required.
	Credentials aws.CredentialsProvider
	// Application identifies the caller in the User-Agent header, and so in
	// CloudTrail. Optional.
	Application string
	// Now is the clock that dates tombstones; nil means the system clock.
	Now func() time.Time
	// Random is the source of revisions; nil means crypto/rand.
	Random io.Reader
	// HTTPClient sends the requests; nil means a client with the time-outs of the
	// package comment.
	HTTPClient dynamodb.HTTPClient
	// Attempt is how long one attempt at a request may take; 0 means a second
	// (docs/adr/007). An emulator on a busy machine may need more.
	Attempt time.Duration
}

// Store holds the recordings of one table. It is safe for concurrent use.
type Store struct {
	client   *dynamodb.Client
	http     dynamodb.HTTPClient
	table    string
	region   string
	endpoint string
	now      func() time.Time
	network  network

	mu     sync.Mutex // guards random
	random io.Reader
}

var (
	_ store.Store       = (*Store)(nil)
	_ store.Claimer     = (*Store)(nil)
	_ store.ClaimReader = (*Store)(nil)
	_ store.Finder      = (*Store)(nil)
	_ store.Reviver     = (*Store)(nil)
	_ store.Renewer     = (*Store)(nil)
	_ store.Corrector   = (*Store)(nil)
	_ store.Restorer    = (*Store)(nil)
	_ store.BulkWriter  = (*Store)(nil)
	_ store.Entries     = (*Store)(nil)
)

// Open returns a Store. It does not use the network; see [Store.Warm].
func Open(o Options) (*Store, error) {
	n := standard()
	n.Attempt = cmp.Or(o.Attempt, n.Attempt)
	return open(o, n)
}

func open(o Options, n network) (*Store, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("recordings table: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the documented default of Options.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.HTTPClient == nil {
		o.HTTPClient = n.Client(idle)
	}
	s := &Store{
		http: o.HTTPClient, table: o.Table, region: o.Region, endpoint: o.Endpoint,
		now: o.Now, random: o.Random, network: n,
	}
	do := n.options()
	do.Region, do.Credentials, do.HTTPClient, do.AppID = o.Region, o.Credentials, o.HTTPClient, o.Application
	if o.Endpoint != "" {
		do.BaseEndpoint = &s.endpoint
	}
	s.client = dynamodb.New(do, func(o *dynamodb.Options) { o.Protocol = onepass.Protocol(o.Protocol) })
	return s, nil
}

func (o Options) check() error {
	return errors.Join(
		attempt.Require("region", o.Region != ""),
		attempt.Require("table name", o.Table != ""),
		attempt.Require("credentials", o.Credentials != nil),
		attempt.CheckURL("endpoint", o.Endpoint),
	)
}

// Warm opens the first connection, so that the first request does not wait for
// one. It fetches the endpoint's health page, which needs no permission and costs
// no capacity; any answer will do. Callers must start even if Warm fails, because
// the first request connects anyway. Error: ErrUnavailable.
func (s *Store) Warm(ctx context.Context) error {
	if err := s.warm(ctx); err != nil {
		return fmt.Errorf("%w: opening the first connection: %w", store.ErrUnavailable, err)
	}
	return nil
}

func (s *Store) warm(ctx context.Context) error {
	address := s.endpoint
	if address == "" {
		e, err := dynamodb.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, dynamodb.EndpointParameters{Region: &s.region})
		if err != nil {
			return err
		}
		address = e.URI.String()
	}
	return attempt.Warm(ctx, s.http, address)
}

// revision returns a new revision: 96 random bits in 16 characters.
func (s *Store) revision() (string, error) {
	var b [12]byte
	s.mu.Lock()
	_, err := io.ReadFull(s.random, b[:])
	s.mu.Unlock()
	if err != nil {
		return "", fmt.Errorf("generating a revision: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}
