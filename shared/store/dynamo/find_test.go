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

	"callrecordings/shared/recording"
	"callrecordings/shared/requestlog"
	"callrecordings/shared/store"
)

// giveSome answers a BatchGetItem with items, and leaves out those of rest.
func giveSome(items, rest []item) answer {
	body := map[string]any{
		"Responses":        map[string]any{"recordings": wireItems(items)},
		"ConsumedCapacity": []any{map[string]any{"TableName": "recordings", "CapacityUnits": 2}},
	}
	if len(rest) > 0 {
		body["UnprocessedKeys"] = map[string]any{"recordings": map[string]any{"Keys": wireItems(rest), "ConsistentRead": true}}
	}
	text, _ := json.Marshal(body)
	return say(http.StatusOK, string(text))
}

// asked are the ids of a BatchGetItem, which has to be strongly consistent.
func asked(t *testing.T, c call) []string {
	t.Helper()
	tables, _ := c.input["RequestItems"].(map[string]any)
	table, _ := tables["recordings"].(map[string]any)
	keys, _ := table["Keys"].([]any)
	if c.operation != "BatchGetItem" || len(keys) == 0 || table["ConsistentRead"] != true {
		t.Fatalf("a %s of %v, want a strongly consistent BatchGetItem", c.operation, c.input)
	}
	var ids []string
	for _, k := range keys {
		id, _ := k.(map[string]any)[attrID].(map[string]any)
		ids = append(ids, id["S"].(string))
	}
	return ids
}

func TestFindAsksAgainForWhatWasLeftOut(t *testing.T) {
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
		giveSome([]item{entomb(old, &was, "another", 63866880100)}, []item{tableKey(account, one), tableKey(account, three)}),
		refuse(400, "ProvisionedThroughputExceededException", "too fast"),
		giveSome(nil, []item{tableKey(account, one)}), // there is no third
		giveSome([]item{living}, nil),
	)
	entry := new(requestlog.Entry)
	got, err := at(t, f.url, hurried()).Find(requestlog.With(t.Context(), entry), account, []string{one, two, three})
	want := map[string]store.Found{
		one: {Recording: &lives},
		two: {Tombstone: &store.Tombstone{Account: account, ID: two, Created: was.Created, Audio: was.Audio, PurgePending: true}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Find: %v, -want +got: %s", err, diff)
	}
	var keys [][]string
	for _, c := range f.calls() {
		keys = append(keys, asked(t, c))
	}
	if diff := cmp.Diff([][]string{{one, two, three}, {one, three}, {one, three}, {one}}, keys); diff != "" {
		t.Errorf("ids that were asked for, -want +got: %s", diff)
	}
	if entry.Calls != 4 || entry.ReadUnits != 6 {
		t.Errorf("%d calls and %v read units in the log, want 4 and 6", entry.Calls, entry.ReadUnits)
	}
}

// TestFindOfNothing: DynamoDB takes no empty list of keys.
func TestFindOfNothing(t *testing.T) {
	t.Parallel()
	f := newFake(t, refuse(400, "ValidationException", "no"))
	got, err := at(t, f.url, hurried()).Find(t.Context(), account, nil)
	if err != nil || got == nil || len(got) != 0 || len(f.calls()) != 0 {
		t.Errorf("Find of nothing = %v, %v after %d calls, want an empty map and no call", got, err, len(f.calls()))
	}
}

func TestEndlessFind(t *testing.T) {
	t.Parallel()
	ids := []string{sample(1).ID}
	throttled := giveSome(nil, []item{tableKey(account, ids[0])})
	t.Run("ends with the deadline", func(t *testing.T) {
		t.Parallel()
		n := hurried()
		ctx, cancel := context.WithTimeout(t.Context(), 2*n.Attempt)
		defer cancel()
		got, err := at(t, newFake(t, throttled).url, n).Find(ctx, account, ids)
		if got != nil || !errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil {
			t.Errorf("Find = %v, %v, context: %v; want %v before the deadline", got, err, ctx.Err(), store.ErrUnavailable)
		}
	})
	t.Run("ends without a deadline", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, throttled)
		if _, err := at(t, f.url, hurried()).Find(t.Context(), account, ids); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Find = %v, want %v", err, store.ErrUnavailable)
		}
		if n := len(f.calls()); n != maxTries {
			t.Errorf("%d calls, want %d", n, maxTries)
		}
	})
	t.Run("ends when the caller leaves", func(t *testing.T) {
		t.Parallel()
		n := hurried()
		n.conflict, n.patience = time.Hour, time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		f := newFake(t, func(w http.ResponseWriter, in map[string]any) {
			throttled(w, in)
			time.AfterFunc(10*time.Millisecond, cancel)
		})
		_, err := at(t, f.url, n).Find(ctx, account, ids)
		if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("Find = %v, want %v because of %v", err, store.ErrUnavailable, context.Canceled)
		}
	})
}

// TestFindMeetsStrangeItems: none is taken for one that is not there.
func TestFindMeetsStrangeItems(t *testing.T) {
	t.Parallel()
	was := sample(1)
	for name, m := range map[string]item{
		"no created_id":     {attrAccount: str(account), attrID: str(was.ID)},
		"tombstone's audio": with(entomb(stored(t), &was, "another", 63866880100), attrAudio, "?"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := at(t, newFake(t, giveSome([]item{m}, nil)).url, hurried()).Find(t.Context(), account, []string{was.ID})
			if got != nil || !errors.Is(err, errLayout) || isOneOfStore(err) || !strings.Contains(err.Error(), was.ID) {
				t.Errorf("Find = %v, %v, want %v of %s", got, err, errLayout, was.ID)
			}
		})
	}
}

// TestFindOfManyMegabytes: DynamoDB ends a BatchGetItem at 16 MB, Find goes on.
func TestFindOfManyMegabytes(t *testing.T) {
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
		t.Fatalf("Find has %d recordings, %v, want %d", len(got), err, len(ids))
	}
	for i := range recordings {
		if r := got[ids[i]].Recording; r == nil || *r != recordings[i] {
			t.Errorf("Find has another %s than was put", ids[i])
		}
	}
	if entry.Calls < 3 || entry.Calls > 5 {
		t.Errorf("%d calls for 34 MB, want one for each 16 MB", entry.Calls)
	}
}

// TestReviveLeavesNothingOfTheTombstone looks at the item itself.
func TestReviveLeavesNothingOfTheTombstone(t *testing.T) {
	t.Parallel()
	s := live(t)
	r := sample(1)
	if err := s.Put(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(t.Context(), account, r.ID, keep); err != nil {
		t.Fatal(err)
	}
	if err := s.Purged(t.Context(), account, r.ID); err != nil {
		t.Fatal(err)
	}
	tombstone := with(s.item(t, r.ID), "from_the_past", "?")
	if _, err := s.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &s.table, Item: tombstone}); err != nil {
		t.Fatal(err)
	}
	r.Audio = recording.Audio{}
	entry := new(requestlog.Entry)
	if err := s.Revive(requestlog.With(t.Context(), entry), &r); err != nil {
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
		t.Errorf("%d calls and %v write units in the log, want 1 and some", entry.Calls, entry.WriteUnits)
	}
}
