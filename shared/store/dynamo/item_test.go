package dynamo

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// anyRecording generates recordings of every kind.
var anyRecording = rapid.Custom(func(t *rapid.T) recording.Recording {
	word := rapid.StringMatching(`[A-Za-z0-9_-]{1,8}`)
	r := recording.Recording{
		Account: word.Draw(t, "account"), ID: anyID.Draw(t, "id"),
		Owner:    rapid.OneOf(rapid.Just(""), word, rapid.String()).Draw(t, "owner"),
		Created:  anyCreated.Draw(t, "created"),
		Modified: rapid.OneOf(anyCreated, rapid.Just(recording.Seconds(0))).Draw(t, "modified"),
		Revision: rapid.OneOf(rapid.Just(""), word).Draw(t, "revision"),
		Document: recording.Document(rapid.SampledFrom([]string{"", "{}", `{"call_id":""}`, `{"user_metadata":{"a":[1,2.50,"ä\u0000"]}}`}).Draw(t, "document")),
		Audio: recording.Audio{
			Place:       rapid.SampledFrom([]recording.Place{recording.Nowhere, recording.Managed, recording.External}).Draw(t, "place"),
			Key:         rapid.SampledFrom([]string{"", "imported/x y.mp3"}).Draw(t, "key"),
			ContentType: rapid.SampledFrom([]string{"", "audio/mpeg", "audio/ogg; codecs=opus"}).Draw(t, "type"),
			Size:        rapid.Int64Min(0).Draw(t, "size"),
		},
	}
	if r.Modified == 0 && rapid.Bool().Draw(t, "unchanged") {
		r.Modified = r.Created
	}
	return r
})

func TestItemRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		was, r := anyRecording.Draw(t, "was"), anyRecording.Draw(t, "is")
		old, err := encode(nil, &was)
		if err != nil {
			t.Fatal(err)
		}
		old["from_the_future"] = str("kept")
		m, err := encode(old, &r)
		if err != nil {
			t.Fatal(err)
		}
		if text(m, "from_the_future") != "kept" {
			t.Error("an unknown attribute is lost")
		}
		got := recording.Recording{Document: "something else"}
		if err := decode(m, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, got); diff != "" {
			t.Errorf("decode(encode(r)), -want +got: %s", diff)
		}
	})
}

func TestTombstoneRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := anyRecording.Draw(t, "recording")
		old, err := encode(nil, &r)
		if err != nil {
			t.Fatal(err)
		}
		if isTombstone(old) {
			t.Fatal("isTombstone is true for a recording")
		}
		old[attrExpires] = num(int64(1))
		m := tombstoneOf(old, &r, "new", 63866880100)
		for _, name := range []string{attrCreatedID, attrAccountOwner, attrDocument, attrModified, attrExpires} {
			if m[name] != nil {
				t.Errorf("the tombstone still has %s", name)
			}
		}
		got, err := decodeTombstone(m)
		want := store.Tombstone{Account: r.Account, ID: r.ID, Created: r.Created, Audio: r.Audio, PurgePending: true}
		if diff := cmp.Diff(want, got); err != nil || diff != "" || !isTombstone(m) {
			t.Errorf("decodeTombstone: %v, -want +got: %s", err, diff)
		}
	})
}

func TestDefaultAudioKeyIsNotStored(t *testing.T) {
	t.Parallel()
	r := sample(1)
	r.Audio.Key = recording.AudioKey(r.Account, r.ID)
	m, err := encode(nil, &r)
	if err != nil || m[attrAudioKey] != nil {
		t.Errorf("encode = %v, %v, want no %s", m, err, attrAudioKey)
	}
}

// TestOrdinaryRecordingTakesOneWriteUnit checks the sizes that the package comment
// states.
func TestOrdinaryRecordingTakesOneWriteUnit(t *testing.T) {
	t.Parallel()
	r := sample(1)
	m, err := encode(nil, &r)
	if err != nil {
		t.Fatal(err)
	}
	const private = 274
	n := size(m)
	t.Logf("an ordinary recording takes %d bytes", n)
	if n != private+len(r.Document) || n >= 1024 {
		t.Errorf("an item of %d bytes, want %d plus the document's %d, and less than 1024", n, private, len(r.Document))
	}
	if len(m) > 8 {
		t.Errorf("an item of %d attributes, want at most 8", len(m))
	}
	r.Modified += 60
	if m, err = encode(nil, &r); err != nil || size(m) != n+10 || size(m) >= 1024 {
		t.Errorf("%d bytes after a change, error %v, want 10 more and less than 1024", size(m), err)
	}
}

func TestItemSizeIsBounded(t *testing.T) {
	t.Parallel()
	r := sample(1)
	grown := func(n int) *recording.Recording {
		r := r
		m, _ := encode(nil, &r)
		missing := n - size(m)
		r.Document = r.Document[:len(r.Document)-1] + recording.Document(`,"description":"`+strings.Repeat("x", missing-len(`,"description":""`))+`"}`)
		return &r
	}
	if _, err := encode(nil, grown(maxItem)); err != nil {
		t.Errorf("encode of %d bytes = %v, want success", maxItem, err)
	}
	if _, err := encode(nil, grown(maxItem+1)); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("encode of %d bytes = %v, want %v", maxItem+1, err, store.ErrTooLarge)
	}
	r.Owner = strings.Repeat("o", maxPartitionKey)
	if _, err := encode(nil, &r); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("encode with an owner of %d bytes = %v, want %v", len(r.Owner), err, store.ErrTooLarge)
	}
}

func TestCreatedIsBounded(t *testing.T) {
	t.Parallel()
	for _, created := range []recording.Seconds{-1, maxCreated + 1} {
		r := sample(1)
		r.Created = created
		if m, err := encode(nil, &r); err == nil {
			t.Errorf("encode of created %d = %v, want an error", created, m)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		m    item
		want int
	}{
		{item{}, 0},
		{item{"ab": str("cde")}, 5},
		{item{"a": str("ä")}, 3},
		{item{"n": num(int64(63866880062))}, 8},
		{item{"n": num(int64(1))}, 3},
		{item{"b": &types.AttributeValueMemberBOOL{Value: true}}, 2},
	} {
		if got := size(tt.m); got != tt.want {
			t.Errorf("size(%v) = %d, want %d", tt.m, got, tt.want)
		}
	}
}
