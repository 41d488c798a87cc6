// Package dynamo keeps the metadata of recordings in one DynamoDB table. A
// [Store] is a [store.Store]; store/storetest says what that means.
//
// # Key layout
//
// One item for each recording, and later for its tombstone. The table has one
// item collection for each account, so that get, patch and delete are one
// strongly consistent operation on one item; two indexes that project
// everything serve lists (docs/adr/001-store-keys.md):
//
//	             partition key                     sort key
//	table        account_id                        id
//	by_created   account_id                        created_id  "63866880062#202311-…"
//	by_user      account_owner  "account#owner"    created_id
//
// The time in created_id is padded to 11 digits, so that text sorts like
// numbers, and the id breaks ties. An item without created_id is in neither
// index, one without account_owner (a recording without an owner) is not in
// by_user.
//
// # Attributes, and what they cost
//
// DynamoDB bills a write by the started kilobyte, once for the table and once
// for each index, so an ordinary recording has to stay under 1,024 bytes,
// names included. With account and owner of 32 characters:
//
//	account_id     S  10 + 32   the account
//	id             S   2 + 39   the recording's id
//	created_id     S  10 + 51   created and id
//	account_owner  S  13 + 65   account and owner
//	rev            S   3 + 16   Revision, changed by every write
//	audio          S   5 + 25   place, size and type: "managed 499712 audio/mpeg"
//	doc            S   3 +  n   the document's JSON text
//	mod            N  (3 +  7)  Modified in Gregorian seconds, where it is not created
//	audio_key      S            Audio.Key, where it is not the usual one
//	state          S            Audio.State and Reason, where place does not say it all: "failed not_audio"
//	seq            S   3 + 18   Audio.Sequencer, of audio that was uploaded
//	sha256         S   6 + 64   Audio.SHA256, where the upload announced one
//	upload         S            what was announced of audio that is still to come
//	made           S   4 + 22   Made, where a repeat of the creation has to be known
//
// That is 274 bytes and the text of the document, to which 750 remain, or 740
// after a change. Eight attributes are also what one group of a Go map holds.
//
// A tombstone keeps account_id, id, audio and audio_key. It gives up
// created_id and account_owner, by which it leaves the indexes, and doc and
// mod, and gains a new rev and
//
//	created        N            what created_id said
//	deleted        N            when it was deleted, in Gregorian seconds
//	purge_pending  BOOL         there until the audio is confirmed gone
//	expires        N            from then on: the table's TTL, in Unix seconds
//
// A claim on an Idempotency-Key is an item beside them, in no index: its id is
// "key#" and the key's SHA-256, and it has
//
//	recording  S  the id of the recording that the key stands for
//	made       S  the fingerprint of the request that came first
//	rev        S  as everywhere
//	expires    N  the table's TTL; none for a lasting claim
//
// So is what is kept of a storage secret: its id is "secret#" and the secret's,
// and it has
//
//	sha256   S  the secret's SHA-256
//	label    S  whose it is
//	created  N  when it was made, in Gregorian seconds
//	rev      S  as everywhere
//
// Attributes that are not listed here survive every write but Revive, which
// leaves nothing of what it replaces.
//
// # Guarantees
//
// Every write replaces one item under a condition on its revision. A revision
// is 96 random bits, so a write that took effect although its answer was lost
// is recognised when the retry meets the very revision that it brings. Should
// somebody else have written in between, it is not, and the change is made
// again on top, or Put and Revive report ErrExists; should the retries fail as
// well, the caller gets ErrUnavailable and does not know. Neither loses a change.
//
// Every call ends: 500 ms to connect, 1 s for an attempt, three attempts with
// full jitter at most, and none that the rest of the context's deadline would
// not carry (docs/adr/007-time-outs.md). Every attempt, and the capacity that DynamoDB
// reports, are noted in the context's requestlog entry; DynamoDB does not
// report what a failed condition costs.
//
// # Permissions
//
// Query on the two indexes for Page; GetItem for Get and Tombstone; GetItem
// and PutItem for Update and Delete; PutItem for Put, Revive and Claim;
// UpdateItem for Purged. For storage secrets GetItem, and, for whoever manages
// them, PutItem, Query on the table, and DeleteItem. BatchGetItem for Find, which
// only the operator's command line calls.
package dynamo

import (
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

	"callrecordings/shared/attempt"
	"callrecordings/shared/store"
)

// Options say where the table is and who asks.
type Options struct {
	// Region of the table, "eu-west-1". Required.
	Region string
	// Endpoint is the base URL of an emulator; "" is DynamoDB itself.
	Endpoint string
	// Table is the table's name. Required.
	Table string
	// Credentials sign requests; they are asked for every attempt. Required.
	Credentials aws.CredentialsProvider
	// Application names the caller in the User-Agent of its requests, and so in
	// CloudTrail; "" is nobody.
	Application string
	// Now is the clock that dates tombstones; nil is the system's.
	Now func() time.Time
	// Random gives revisions; nil is crypto/rand.
	Random io.Reader
	// HTTPClient carries the requests; nil is one with the time-outs that the
	// package comment promises.
	HTTPClient dynamodb.HTTPClient
}

// Store is the recordings of one table. It is safe for concurrent use.
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
	_ store.Store   = (*Store)(nil)
	_ store.Claimer = (*Store)(nil)
	_ store.Finder  = (*Store)(nil)
	_ store.Reviver = (*Store)(nil)
)

// Open makes a Store. It touches no network; see [Store.Warm].
func Open(o Options) (*Store, error) { return open(o, standard()) }

func open(o Options, n network) (*Store, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("recordings table: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the stated default of Options.Now
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
	s.client = dynamodb.New(do)
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

// Warm opens the first connection, so that the first request does not wait
// for it. It asks for the endpoint's health page, which needs no permission
// and costs no capacity; any answer will do. Its error is information: a
// failed warm-up must not fail a start. Errors: ErrUnavailable.
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

// revision makes a new revision: 96 random bits in 16 characters.
func (s *Store) revision() (string, error) {
	var b [12]byte
	s.mu.Lock()
	_, err := io.ReadFull(s.random, b[:])
	s.mu.Unlock()
	if err != nil {
		return "", fmt.Errorf("making a revision: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}
