package dynamo

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// streamed converts m to an image of the stream.
func streamed(m item) map[string]events.DynamoDBAttributeValue {
	if m == nil {
		return nil
	}
	image := make(map[string]events.DynamoDBAttributeValue, len(m))
	for name, v := range m {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			image[name] = events.NewStringAttribute(v.Value)
		case *types.AttributeValueMemberN:
			image[name] = events.NewNumberAttribute(v.Value)
		case *types.AttributeValueMemberBOOL:
			image[name] = events.NewBooleanAttribute(v.Value)
		}
	}
	return image
}

var (
	writtenAt = time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC)
	deletedAt = writtenAt.Add(-time.Second) // by the service's own clock
)

func change(before, after item) events.DynamoDBStreamRecord {
	return events.DynamoDBStreamRecord{
		ApproximateCreationDateTime: events.SecondsEpochTime{Time: writtenAt}, OldImage: streamed(before), NewImage: streamed(after),
	}
}

func TestChangesRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := anyRecording().Draw(t, "recording")
		m, err := encode(nil, &r)
		if err != nil {
			t.Fatal(err)
		}
		dead := tombstoneOf(m, &r, "next", recording.SecondsOf(deletedAt))
		lived := &store.Image{Recording: r}
		died := &store.Image{Deleted: true, Recording: recording.Recording{
			Account: r.Account, ID: r.ID, Revision: "next", Created: r.Created, Audio: r.Audio,
		}}
		for _, c := range []struct {
			name          string
			before, after item
			want          store.Change
		}{
			{"put", nil, m, store.Change{After: lived, At: writtenAt}},
			{"update", m, m, store.Change{Before: lived, After: lived, At: writtenAt}},
			{"delete", m, dead, store.Change{Before: lived, After: died, At: deletedAt}},
			{"purge", dead, dead, store.Change{Before: died, After: died, At: deletedAt}},
			{"expiry", dead, nil, store.Change{Before: died, At: writtenAt}},
		} {
			got, err := ChangeOf(change(c.before, c.after))
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("%s: ChangeOf: %v (-want +got):\n%s", c.name, err, diff)
			}
		}
	})
}

// The table also holds items that are not recordings, such as claims.
func TestOtherItemsYieldNoImages(t *testing.T) {
	t.Parallel()
	claim := item{attrAccount: str(account), attrID: str("key#0123"), "recording": str(sample(1).ID), attrRevision: str("r"), attrExpires: num(int64(1))}
	got, err := ChangeOf(change(nil, claim))
	if err != nil || got.Before != nil || got.After != nil {
		t.Errorf("ChangeOf(a claim) = %+v, %v, want no images", got, err)
	}
	entry := entryItem(&store.EntryWrite{Entry: entryOf(sample(1).ID, "{}")}, "r")
	if got, err := ChangeOf(change(entry, entry)); err != nil || got.Before != nil || got.After != nil {
		t.Errorf("ChangeOf(an entry) = %+v, %v, want no images", got, err)
	}
	if got, err := ChangeOf(change(claim, nil)); err != nil || got.Before != nil || got.After != nil {
		t.Errorf("ChangeOf(the end of a claim) = %+v, %v, want no images", got, err)
	}
}

func TestMalformedItemsAreLayoutErrors(t *testing.T) {
	t.Parallel()
	r := sample(1)
	m, err := encode(nil, &r)
	if err != nil {
		t.Fatal(err)
	}
	dead := tombstoneOf(m, &r, "next", recording.SecondsOf(deletedAt))
	for name, strange := range map[string]item{
		"no key":            {attrDocument: str("{}")},
		"no sort key":       {attrAccount: str(account), attrID: str(r.ID)},
		"another's sort":    with(m, attrCreatedID, createdID(r.Created, sample(2).ID)),
		"audio":             with(m, attrAudio, "managed many audio/mpeg"),
		"tombstone's key":   with(dead, attrAccount, ""),
		"tombstone's audio": with(dead, attrAudio, "?"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := ChangeOf(change(nil, strange)); !errors.Is(err, errLayout) {
				t.Errorf("ChangeOf(after) = %v, want %v", err, errLayout)
			}
			if _, err := ChangeOf(change(strange, m)); !errors.Is(err, errLayout) {
				t.Errorf("ChangeOf(before) = %v, want %v", err, errLayout)
			}
		})
	}
}

// FuzzChangeOf checks that any input yields images of recordings or an error.
func FuzzChangeOf(f *testing.F) {
	r := sample(1)
	m, err := encode(nil, &r)
	if err != nil {
		f.Fatal(err)
	}
	dead := tombstoneOf(m, &r, "next", recording.SecondsOf(deletedAt))
	for _, c := range []events.DynamoDBStreamRecord{change(nil, m), change(m, dead), change(dead, nil)} {
		text, err := json.Marshal(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"ApproximateCreationDateTime":1e300,"NewImage":{"id":{"L":[]},"deleted":{"NULL":true},"a":{"M":{}}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var c events.DynamoDBStreamRecord
		if json.Unmarshal(text, &c) != nil {
			return
		}
		got, err := ChangeOf(c)
		for _, i := range []*store.Image{got.Before, got.After} {
			if err != nil && i != nil {
				t.Errorf("an image %+v together with the error %v", i, err)
			}
			if i != nil && (i.Recording.Account == "" || i.Recording.ID == "") {
				t.Errorf("an image without account or ID: %+v", i)
			}
		}
	})
}
