package dynamo

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// endpoint returns the URL of the emulator. Without one, it skips
// the test.
func endpoint(tb testing.TB) string {
	tb.Helper()
	e := os.Getenv("DYNAMODB_ENDPOINT")
	if e == "" {
		tb.Skip("DYNAMODB_ENDPOINT is not set: skipping the tests against DynamoDB Local.")
	}
	return e
}

// live opens a store with its own table in the emulator.
func live(tb testing.TB, change ...func(*Options)) *Store {
	tb.Helper()
	o := Options{
		Region: "us-east-1", Endpoint: endpoint(tb), Credentials: static,
		Table:   "recordings-" + rand.Text(),
		Attempt: 30 * time.Second, // an emulator on a busy machine is slower than DynamoDB
	}
	for _, f := range change {
		f(&o)
	}
	s, err := Open(o)
	if err != nil {
		tb.Fatal(err)
	}
	var exists *types.ResourceInUseException // the answer to the first attempt was lost
	if _, err := s.client.CreateTable(tb.Context(), TableInput(o.Table)); err != nil && !errors.As(err, &exists) {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_, err := s.client.DeleteTable(context.WithoutCancel(tb.Context()), &dynamodb.DeleteTableInput{TableName: &o.Table})
		if err != nil {
			tb.Error(err)
		}
	})
	return s
}

// fill stores recordings in batches.
func fill(tb testing.TB, s *Store, recordings []recording.Recording) {
	tb.Helper()
	const most = 25 // DynamoDB's limit for a batch
	for len(recordings) > 0 {
		var batch []types.WriteRequest
		for i := range min(most, len(recordings)) {
			m, err := encode(nil, &recordings[i])
			if err != nil {
				tb.Fatal(err)
			}
			batch = append(batch, types.WriteRequest{PutRequest: &types.PutRequest{Item: m}})
		}
		recordings = recordings[len(batch):]
		out, err := s.client.BatchWriteItem(tb.Context(), &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{s.table: batch},
		})
		if err != nil || len(out.UnprocessedItems) > 0 {
			tb.Fatalf("filling: %v, %d not processed", err, len(out.UnprocessedItems))
		}
	}
}

func samples(from, n int) []recording.Recording {
	out := make([]recording.Recording, n)
	for i := range out {
		out[i] = sample(from + i)
	}
	return out
}

// TestPageCostIsIndependentOfTheAccount checks that a page takes as many calls and
// units regardless of the number of recordings in the account (contract, List).
func TestPageCostIsIndependentOfTheAccount(t *testing.T) {
	t.Parallel()
	s := live(t)
	type cost struct {
		calls int
		units float64
	}
	measure := func(q store.Query) cost {
		entry := new(requestlog.Entry)
		q.Account, q.Limit = account, 50
		p, err := s.Page(requestlog.With(t.Context(), entry), q)
		if err != nil || len(p.Recordings) != q.Limit || p.Next == nil {
			t.Fatalf("Page(%+v): %d recordings, next %v, error %v", q, len(p.Recordings), p.Next, err)
		}
		return cost{entry.Calls, entry.ReadUnits}
	}
	queries := map[string]store.Query{
		"newest":    {},
		"oldest":    {Ascending: true},
		"of a user": {Owner: owner},
		"a range":   {From: sample(40).Created, To: sample(140).Created},
		"after":     {Start: store.Position{Created: sample(120).Created, ID: sample(120).ID, After: true}},
		"at":        {Start: store.Position{Created: sample(120).Created, ID: sample(120).ID}},
		"filtered":  {Keep: func(*recording.Recording) bool { return true }, Work: store.Work{Calls: 8, Bytes: 4 << 20}},
	}
	fill(t, s, samples(0, 200))
	small := make(map[string]cost)
	for name, q := range queries {
		small[name] = measure(q)
	}
	fill(t, s, samples(200, 1800))
	for name, q := range queries {
		got := measure(q)
		if got != small[name] {
			t.Errorf("%s: %+v with 2,000 recordings, %+v with 200", name, got, small[name])
		}
		if got.calls != 1 {
			t.Errorf("%s: %d calls, want 1", name, got.calls)
		}
		// 51 rows of less than 1 KB each, at half a unit per 4 KB: reads of an index
		// are eventually consistent.
		if name != "filtered" && got.units > 51.0/4/2+0.5 {
			t.Errorf("%s: %v read units, want at most 7", name, got.units)
		}
	}
}

// TestPageReadsBeyond1MB checks that a page continues after DynamoDB has ended a
// Query at 1 MB.
func TestPageReadsBeyond1MB(t *testing.T) {
	t.Parallel()
	s := live(t)
	recordings := samples(0, 12)
	for i := range recordings {
		r := &recordings[i]
		r.Document = r.Document[:len(r.Document)-1] + recording.Document(`,"description":"`+strings.Repeat("x", 300<<10)+`"}`)
		if err := s.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	entry := new(requestlog.Entry)
	p, err := s.Page(requestlog.With(t.Context(), entry), store.Query{Account: account, Ascending: true, Limit: 11})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(recordings[:11], p.Recordings); diff != "" || p.Next == nil {
		t.Errorf("Page: next %v, -want +got: %.500s", p.Next, diff)
	}
	if entry.Calls < 3 || entry.Calls > 5 {
		t.Errorf("%d calls for 3.6 MB, want one for each megabyte", entry.Calls)
	}
}

// TestTombstoneLeavesTheIndexes reads the items themselves.
func TestTombstoneLeavesTheIndexes(t *testing.T) {
	t.Parallel()
	now := time.Date(2023, 11, 3, 8, 0, 0, 0, time.UTC)
	s := live(t, func(o *Options) { o.Now = func() time.Time { return now } })
	r := sample(1)
	if err := s.Put(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(t.Context(), account, r.ID, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	m := s.item(t, r.ID)
	want := item{
		attrAccount: str(account), attrID: str(r.ID), attrRevision: m[attrRevision],
		attrAudio: str("managed 499712 audio/mpeg"), attrCreated: num(r.Created),
		attrDeleted: num(recording.SecondsOf(now)), attrPurgePending: &types.AttributeValueMemberBOOL{Value: true},
	}
	if diff := cmp.Diff(wireItem(want), wireItem(m)); diff != "" || text(m, attrRevision) == r.Revision {
		t.Errorf("the tombstone, -want +got: %s", diff)
	}
	for range 2 { // the second, three days later, changes nothing
		if err := s.Purged(t.Context(), account, r.ID, ""); err != nil {
			t.Fatal(err)
		}
		delete(want, attrPurgePending)
		delete(want, attrAudio)
		want[attrExpires] = num(time.Date(2024, 12, 7, 8, 0, 0, 0, time.UTC).Unix())
		if diff := cmp.Diff(wireItem(want), wireItem(s.item(t, r.ID))); diff != "" {
			t.Errorf("the tombstone after its purge, -want +got: %s", diff)
		}
		now = now.AddDate(0, 0, 3)
	}
}

// item reads an item from the table.
func (s *Store) item(t *testing.T, id string) item {
	t.Helper()
	m, err := s.read(t.Context(), "inspecting", account, id)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestUnknownAttributesSurviveWrites(t *testing.T) {
	t.Parallel()
	s := live(t)
	r := sample(1)
	m, err := encode(nil, &r)
	if err != nil {
		t.Fatal(err)
	}
	m["from_the_future"] = &types.AttributeValueMemberM{Value: item{"a": num(int64(1))}}
	if _, err := s.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &s.table, Item: m}); err != nil {
		t.Fatal(err)
	}
	change := func(r *recording.Recording) error {
		r.Document, r.Modified = `{"user_metadata":{}}`, r.Modified+1
		return nil
	}
	if _, err := s.Update(t.Context(), account, r.ID, change); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(t.Context(), account, r.ID, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Purged(t.Context(), account, r.ID, ""); err != nil {
		t.Fatal(err)
	}
	if got := s.item(t, r.ID)["from_the_future"]; got == nil {
		t.Errorf("an unknown attribute is lost: %v", s.item(t, r.ID))
	}
}

// TestLargestItem checks that DynamoDB accepts the largest item that encode
// accepts.
func TestLargestItem(t *testing.T) {
	t.Parallel()
	s := live(t)
	r := sample(1)
	m, err := encode(nil, &r)
	if err != nil {
		t.Fatal(err)
	}
	const most = maxItem - tombstoneExtra
	missing := most - size(m) - len(`,"description":""`)
	r.Document = r.Document[:len(r.Document)-1] + recording.Document(`,"description":"`+strings.Repeat("x", missing)+`"}`)
	if err := s.Put(t.Context(), &r); err != nil {
		t.Errorf("Put of %d bytes = %v, want success", most, err)
	}
	// Who deletes it has a long ID.
	d := store.Deletion{Until: store.MaxTime, By: strings.Repeat("u", 64), Cause: store.CauseExpired}
	if _, err := s.Delete(t.Context(), account, r.ID, d); err != nil {
		t.Errorf("Delete of %d bytes = %v, want success", most, err)
	}
	// One byte more than DynamoDB takes, without the check in encode.
	m[attrDocument] = str(string(r.Document) + strings.Repeat(" ", tombstoneExtra+1))
	_, err = s.write(t.Context(), m, condition{text: "attribute_exists(" + attrID + ")"})
	if err := fail("storing", account, r.ID, err); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("DynamoDB answers %d bytes with %v, want %v", size(m), err, store.ErrTooLarge)
	}
	m[attrDocument], m[attrAccountOwner] = str("{}"), str(strings.Repeat("o", maxPartitionKey+1))
	_, err = s.write(t.Context(), m, condition{text: "attribute_exists(" + attrID + ")"})
	if err := fail("storing", account, r.ID, err); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("DynamoDB answers a key of %d bytes with %v, want %v", maxPartitionKey+1, err, store.ErrTooLarge)
	}
}

// lossy drops the answer to the first attempt of every write.
type lossy struct {
	client http.RoundTripper
	lost   atomic.Int64
}

func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.client.RoundTrip(r)
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	write := slices.Contains([]string{"PutItem", "UpdateItem", "TransactWriteItems"}, operation)
	if err == nil && write && l.lost.Add(1)%2 == 1 {
		_ = resp.Body.Close()
		return nil, errors.New("connection reset by peer")
	}
	return resp, err
}

func TestWritesSurviveLostAnswers(t *testing.T) {
	t.Parallel()
	l := &lossy{client: standard().Client(idle).Transport}
	s := live(t, func(o *Options) { o.HTTPClient = &http.Client{Transport: l} })
	r := sample(1)
	if err := s.Put(t.Context(), &r); err != nil {
		t.Fatalf("Put = %v", err)
	}
	if got, err := s.Get(t.Context(), account, r.ID); err != nil || !cmp.Equal(*got, r) {
		t.Errorf("Get = %+v, %v, want the stored %+v", got, err, r)
	}
	ran := 0
	changed, err := s.Update(t.Context(), account, r.ID, func(r *recording.Recording) error {
		ran++
		r.Document = `{"call_id":"changed"}`
		return nil
	})
	if err != nil || ran != 1 {
		t.Fatalf("Update = %v after %d runs of change, want success after 1", err, ran)
	}
	was, err := s.Delete(t.Context(), account, r.ID, store.Deletion{})
	if err != nil || !cmp.Equal(was, changed) {
		t.Errorf("Delete = %+v, %v, want %+v", was, err, changed)
	}
	if err := s.Purged(t.Context(), account, r.ID, ""); err != nil {
		t.Errorf("Purged = %v", err)
	}
	if err := s.Revive(t.Context(), &r, ""); err != nil {
		t.Errorf("Revive = %v", err)
	}
	if got, err := s.Get(t.Context(), account, r.ID); err != nil || !cmp.Equal(*got, r) {
		t.Errorf("Get = %+v, %v, want the revived %+v", got, err, r)
	}
	if n := l.lost.Load(); n != 10 {
		t.Errorf("%d writes, want two attempts for each of 5", n)
	}
}

func TestMissingTable(t *testing.T) {
	t.Parallel()
	s, err := Open(Options{
		Region: "us-east-1", Endpoint: endpoint(t), Table: "no-such-table", Credentials: aws.CredentialsProvider(static),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range operations {
		if err := op.call(t.Context(), s); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s = %v, want %v", op.name, err, store.ErrUnavailable)
		}
	}
	if err := s.Warm(t.Context()); err != nil {
		t.Errorf("Warm = %v", err)
	}
}
