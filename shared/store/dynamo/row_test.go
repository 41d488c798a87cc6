package dynamo

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo/onepass"
)

// TestPageMatchesTheSDK lists the same answers with and without package onepass.
func TestPageMatchesTheSDK(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		recordings := rapid.SliceOfN(anyRecording(), 0, 6).Draw(rt, "recordings")
		items := make([]item, len(recordings))
		for i := range recordings {
			m, err := encode(nil, &recordings[i])
			if err != nil {
				rt.Fatal(err)
			}
			m["from_the_future"] = str("ignored")
			items[i] = m
		}
		if len(items) > 0 && rapid.IntRange(0, 3).Draw(rt, "spoil") == 0 {
			m := rapid.SampledFrom(items).Draw(rt, "item")
			name := rapid.SampledFrom([]string{
				attrAccount, attrID, attrCreatedID, attrAccountOwner, attrModified, attrAudio, attrDocument, attrUpload, attrDeleted, "other",
			}).Draw(rt, "attribute")
			m[name] = rapid.SampledFrom([]types.AttributeValue{
				str(""), str("\x1e"), str("x"), str("managed x audio/mpeg"), num(int64(7)), &types.AttributeValueMemberN{Value: "1.5"},
				&types.AttributeValueMemberBOOL{Value: true}, &types.AttributeValueMemberM{Value: item{}},
			}).Draw(rt, "value")
		}
		q := store.Query{Account: "a", Limit: rapid.IntRange(1, 7).Draw(rt, "limit"), Work: store.Work{Bytes: 1000}}
		if rapid.Bool().Draw(rt, "filter") {
			q.Keep = func(r *recording.Recording) bool { return r.Owner == "" }
		}
		s := openWith(t, &http.Client{Transport: wire(items, nil)})
		got, gotErr := s.Page(t.Context(), q)
		s.client = dynamodb.New(s.client.Options()) // which sets the SDK's protocol
		want, wantErr := s.Page(t.Context(), q)
		if diff := cmp.Diff(want, got); diff != "" || (gotErr == nil) != (wantErr == nil) || gotErr != nil && gotErr.Error() != wantErr.Error() {
			rt.Errorf("Page: error %v, want %v, -want +got: %s", gotErr, wantErr, diff)
		}
	})
}

// An ordinary page is decoded by package onepass, which also counts the bytes as size
// does.
func TestOrdinaryPageIsDecodedInOnePass(t *testing.T) {
	t.Parallel()
	r := sample(1)
	r.Modified++
	m, err := encode(nil, &r)
	if err != nil {
		t.Fatal(err)
	}
	m["flag"] = &types.AttributeValueMemberBOOL{Value: true}
	s := openWith(t, &http.Client{Transport: wire([]item{m, m}, tableKey(account, r.ID))})
	decoded := new(rows)
	out, err := s.client.Query(onepass.WithRows(t.Context(), decoded), &dynamodb.QueryInput{TableName: &s.table})
	if err != nil || out.Items != nil || len(decoded.found) != 2 || len(out.LastEvaluatedKey) != 2 {
		t.Fatalf("Query: error %v, items %v, %d rows, want two rows", err, out.Items, len(decoded.found))
	}
	for _, got := range decoded.found {
		if diff := cmp.Diff(r, got.Recording); diff != "" || got.size != size(m) {
			t.Errorf("a row of %d bytes, want %d, -want +got: %s", got.size, size(m), diff)
		}
	}
}

// DynamoDB Local answers in the form that package onepass accepts.
func TestAnswersOfDynamoDBLocalAreDecodedInOnePass(t *testing.T) {
	t.Parallel()
	s := live(t)
	r := sample(1)
	if err := s.Put(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	k, _ := rangeOf(store.Query{})
	in := s.query(store.Query{Account: account}, k)
	decoded := new(rows)
	out, err := s.client.Query(onepass.WithRows(t.Context(), decoded), in)
	if err != nil || out.Items != nil || len(decoded.found) != 1 || out.ConsumedCapacity == nil {
		t.Fatalf("Query: error %v, items %v, %d rows, want one row", err, out.Items, len(decoded.found))
	}
	if diff := cmp.Diff(r, decoded.found[0].Recording); diff != "" {
		t.Errorf("the row, -want +got: %s", diff)
	}
}
