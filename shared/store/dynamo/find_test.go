package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// respondBatch answers a BatchGetItem with items and reports the keys in rest as
// unprocessed.
func respondBatch(items, rest []item) answer {
	body := map[string]any{
		"Responses":        map[string]any{"recordings": wireItems(items)},
		"ConsumedCapacity": []any{map[string]any{"TableName": "recordings", "CapacityUnits": 2}},
	}
	if len(rest) > 0 {
		body["UnprocessedKeys"] = map[string]any{"recordings": map[string]any{"Keys": wireItems(rest), "ConsistentRead": true}}
	}
	text, _ := json.Marshal(body)
	return respond(http.StatusOK, string(text))
}

// requestedIDs returns the IDs of a BatchGetItem and checks that it is strongly
// consistent.
func requestedIDs(t *testing.T, c call) []string {
	t.Helper()
	tables, _ := c.input["RequestItems"].(map[string]any)
	table, _ := tables["recordings"].(map[string]any)
	keys, _ := table["Keys"].([]any)
	if c.operation != "BatchGetItem" || len(keys) == 0 || table["ConsistentRead"] != true {
		t.Fatalf("%s of %v, want a strongly consistent BatchGetItem", c.operation, c.input)
	}
	var ids []string
	for _, k := range keys {
		id, _ := k.(map[string]any)[attrID].(map[string]any)
		ids = append(ids, id["S"].(string))
	}
	return ids
}

func TestFindRequestsSkippedKeysAgain(t *testing.T) {
	t.Parallel()
	lives, was := sample(1), sample(2)
	living, err := encode(nil, &lives)
	if err != nil {
		t.Fatal(err)
	}
	old, err := encode(nil, &was)
	if err != nil {
		t.Fatal(err)
	}
	one, two, three := lives.ID, was.ID, sample(3).ID
	f := newFake(t,
		respondBatch([]item{tombstoneOf(old, &was, "another", 63866880100)}, []item{tableKey(account, one), tableKey(account, three)}),
		respondError(400, "ProvisionedThroughputExceededException", "too fast"),
		respondBatch(nil, []item{tableKey(account, one)}), // the third recording does not exist
		respondBatch([]item{living}, nil),
	)
	entry := new(requestlog.Entry)
	got, err := openAt(t, f.url, fastLimits()).Find(requestlog.With(t.Context(), entry), account, []string{one, two, three})
	want := map[string]store.Found{
		one: {Recording: &lives},
		two: {Tombstone: &store.Tombstone{
			Account: account, ID: two, Revision: "another", Created: was.Created, Deleted: 63866880100, Cause: store.CauseDeleted,
			Audio: was.Audio, PurgePending: true,
		}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Find: %v, -want +got: %s", err, diff)
	}
	var keys [][]string
	for _, c := range f.calls() {
		keys = append(keys, requestedIDs(t, c))
	}
	if diff := cmp.Diff([][]string{{one, two, three}, {one, three}, {one, three}, {one}}, keys); diff != "" {
		t.Errorf("requested IDs, -want +got: %s", diff)
	}
	if entry.Calls != 4 || entry.ReadUnits != 6 {
		t.Errorf("%d calls and %v read units in the log, want 4 and 6", entry.Calls, entry.ReadUnits)
	}
}

// TestFindWithoutIDs checks that an empty list makes no call: DynamoDB rejects an
// empty list of keys.
func TestFindWithoutIDs(t *testing.T) {
	t.Parallel()
	f := newFake(t, respondError(400, "ValidationException", "no"))
	got, err := openAt(t, f.url, fastLimits()).Find(t.Context(), account, nil)
	if err != nil || got == nil || len(got) != 0 || len(f.calls()) != 0 {
		t.Errorf("Find without IDs = %v, %v after %d calls, want an empty map and no call", got, err, len(f.calls()))
	}
}

func TestFindGivesUp(t *testing.T) {
	t.Parallel()
	ids := []string{sample(1).ID}
	throttled := respondBatch(nil, []item{tableKey(account, ids[0])})
	t.Run("before the deadline", func(t *testing.T) {
		t.Parallel()
		n := fastLimits()
		ctx, cancel := context.WithTimeout(t.Context(), 2*n.Attempt)
		defer cancel()
		got, err := openAt(t, newFake(t, throttled).url, n).Find(ctx, account, ids)
		if got != nil || !errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil {
			t.Errorf("Find = %v, %v, context: %v; want %v before the deadline", got, err, ctx.Err(), store.ErrUnavailable)
		}
	})
	t.Run("without a deadline", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, throttled)
		limits := fastLimits()
		limits.Attempt = time.Minute // a busy machine may answer one of many calls late
		if _, err := openAt(t, f.url, limits).Find(t.Context(), account, ids); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Find = %v, want %v", err, store.ErrUnavailable)
		}
		if n := len(f.calls()); n != maxTries {
			t.Errorf("%d calls, want %d", n, maxTries)
		}
	})
	t.Run("when canceled", func(t *testing.T) {
		t.Parallel()
		n := fastLimits()
		n.conflict, n.patience = time.Hour, time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		f := newFake(t, func(w http.ResponseWriter, in map[string]any) {
			throttled(w, in)
			time.AfterFunc(10*time.Millisecond, cancel)
		})
		_, err := openAt(t, f.url, n).Find(ctx, account, ids)
		if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("Find = %v, want %v because of %v", err, store.ErrUnavailable, context.Canceled)
		}
	})
}

// TestFindReportsMalformedItems checks that Find does not treat a malformed item
// as missing.
func TestFindReportsMalformedItems(t *testing.T) {
	t.Parallel()
	was := sample(1)
	for name, m := range map[string]item{
		"no sort key":       {attrAccount: str(account), attrID: str(was.ID)},
		"tombstone's audio": with(tombstoneOf(stored(t), &was, "another", 63866880100), attrAudio, "?"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := openAt(t, newFake(t, respondBatch([]item{m}, nil)).url, fastLimits()).Find(t.Context(), account, []string{was.ID})
			if got != nil || !errors.Is(err, errLayout) || isStoreError(err) || !strings.Contains(err.Error(), was.ID) {
				t.Errorf("Find = %v, %v, want %v of %s", got, err, errLayout, was.ID)
			}
		})
	}
}

// TestFindReadsBeyond16MB checks that Find continues after DynamoDB has ended a
// BatchGetItem at 16 MB.
func TestFindReadsBeyond16MB(t *testing.T) {
	t.Parallel()
	s := live(t)
	recordings := samples(0, store.MaxFind)
	ids := make([]string, len(recordings))
	for i := range recordings {
		r := &recordings[i]
		r.Document = r.Document[:len(r.Document)-1] + recording.Document(`,"description":"`+strings.Repeat("x", 350<<10)+`"}`)
		if err := s.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		ids[i] = r.ID
	}
	entry := new(requestlog.Entry)
	got, err := s.Find(requestlog.With(t.Context(), entry), account, ids)
	if err != nil || len(got) != len(ids) {
		t.Fatalf("Find = %d recordings, %v, want %d", len(got), err, len(ids))
	}
	for i := range recordings {
		if r := got[ids[i]].Recording; r == nil || *r != recordings[i] {
			t.Errorf("Find: recording %s differs from the one stored", ids[i])
		}
	}
	if entry.Calls < 3 || entry.Calls > 5 {
		t.Errorf("%d calls for 34 MB, want one for each 16 MB", entry.Calls)
	}
}

// TestReviveReplacesTheWholeTombstone reads the item itself.
func TestReviveReplacesTheWholeTombstone(t *testing.T) {
	t.Parallel()
	s := live(t)
	r := sample(1)
	if err := s.Put(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(t.Context(), account, r.ID, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Purged(t.Context(), account, r.ID, ""); err != nil {
		t.Fatal(err)
	}
	tombstone := with(s.item(t, r.ID), "from_the_past", "?")
	if _, err := s.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &s.table, Item: tombstone}); err != nil {
		t.Fatal(err)
	}
	r.Audio = recording.Audio{}
	entry := new(requestlog.Entry)
	if err := s.Revive(requestlog.With(t.Context(), entry), &r, ""); err != nil {
		t.Fatal(err)
	}
	want, err := encode(nil, &r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wireItem(want), wireItem(s.item(t, r.ID))); diff != "" {
		t.Errorf("the item, -want +got: %s", diff)
	}
	if entry.Calls != 1 || entry.WriteUnits == 0 {
		t.Errorf("%d calls and %v write units in the log, want 1 call and more than 0 units", entry.Calls, entry.WriteUnits)
	}
}
