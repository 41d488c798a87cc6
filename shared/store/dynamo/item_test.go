package dynamo

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// anyRecording generates recordings of every kind.
func anyRecording() *rapid.Generator[recording.Recording] {
	return rapid.Custom(func(t *rapid.T) recording.Recording {
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
}

func TestItemRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		was, r := anyRecording().Draw(t, "was"), anyRecording().Draw(t, "is")
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

// A restorable tombstone whose recording cannot be read is an error.
func TestMalformedRestorableTombstone(t *testing.T) {
	t.Parallel()
	r := sample(1)
	m := markDeleted(stored(t), &r, "new", 63866880100, store.Deletion{Until: 63866890000})
	if found, err := decodeTombstone(m); err != nil || found.Recording == nil || found.Recording.Document != r.Document {
		t.Fatalf("decodeTombstone = %+v, %v, want the recording", found, err)
	}
	m[attrDocument] = str("\x00")
	if found, err := decodeTombstone(m); !errors.Is(err, errLayout) {
		t.Errorf("decodeTombstone = %+v, %v, want %v", found, err, errLayout)
	}
}

func TestTombstoneRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := anyRecording().Draw(t, "recording")
		old, err := encode(nil, &r)
		if err != nil {
			t.Fatal(err)
		}
		if isTombstone(old) {
			t.Fatal("isTombstone is true for a recording")
		}
		old[attrExpires] = num(int64(1))
		m := tombstoneOf(old, &r, "new", 63866880100)
		for _, name := range []string{attrCreatedID, attrAccountOwner, attrDocument, attrModified, attrExpires, attrCause} { // the usual cause
			if m[name] != nil {
				t.Errorf("the tombstone still has %s", name)
			}
		}
		got, err := decodeTombstone(m)
		want := store.Tombstone{
			Account: r.Account, ID: r.ID, Created: r.Created, Audio: r.Audio, PurgePending: true,
			Revision: "new", Deleted: 63866880100, Cause: store.CauseDeleted,
		}
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
	const private, shorthand = 244, 292
	n := size(m)
	t.Logf("an ordinary recording takes %d bytes", n)
	if got := len(text(m, attrDocument)); n != private+got || got != shorthand || n >= 1024 {
		t.Errorf("an item of %d bytes, %d of them its document, want %d and %d, and less than 1024 together", n, got, private, shorthand)
	}
	if len(m) > 8 {
		t.Errorf("an item of %d attributes, want at most 8", len(m))
	}
	r.Modified += 60
	if m, err = encode(nil, &r); err != nil || size(m) != n+10 || size(m) >= 1024 {
		t.Errorf("%d bytes after a change, error %v, want 10 more and less than 1024", size(m), err)
	}
}

// kazooDocument is a document as a Kazoo 4.3 writes it, with the usual channel variables.
const kazooDocument = `{"call_id":"0a1b2c3d4e5f60718293a4b5c6d7e8f9@10.1.1.5","cdr_id":"202311-0a1b2c3d4e5f60718293a4b5c6d7e8f9@10.1.1.5",` +
	`"interaction_id":"63866880000-9f3c2a1b","name":"6b3c0e1f9a4d4e7f8a1b2c3d4e5f6071.mp3",` +
	`"description":"recording 6b3c0e1f9a4d4e7f8a1b2c3d4e5f6071.mp3","content_type":"audio/mpeg","media_type":"mp3",` +
	`"media_source":"recorded","source_type":"kzc_recording","origin":"inbound from offnet to endpoint","direction":"inbound",` +
	`"start":63866880000,"duration":62,"duration_ms":62340,"from":"+14155550100@sip.example.com","to":"1001@sip.example.com",` +
	`"request":"1001@sip.example.com","caller_id_name":"Jane Doe","caller_id_number":"+14155550100","callee_id_name":"Bob",` +
	`"callee_id_number":"1001","owner_id":"` + owner + `","custom_channel_vars":{"Account-ID":"` + account + `",` +
	`"Account-Name":"Example Inc","Account-Realm":"sip.example.com","Authorizing-ID":"c0123456789abcdef0123456789abcde",` +
	`"Authorizing-Type":"device","Bridge-ID":"0a1b2c3d4e5f60718293a4b5c6d7e8f9@10.1.1.5","Call-Interaction-ID":"63866880000-9f3c2a1b",` +
	`"CallFlow-ID":"d0123456789abcdef0123456789abcde","Channel-Authorized":"true","Ecallmgr-Node":"ecallmgr@apps001.example.com",` +
	`"Fetch-ID":"e0123456-789a-bcde-f012-3456789abcde","Global-Resource":"false","Inception":"+14155550199@sip.example.com",` +
	`"Media-Name":"6b3c0e1f9a4d4e7f8a1b2c3d4e5f6071.mp3","Media-Recorder":"kz_media_recording",` +
	`"Media-Recording-ID":"202311-00000000000000000000000000000001","Owner-ID":"` + owner + `","Presence-ID":"1001@sip.example.com",` +
	`"Realm":"sip.example.com","Username":"device_1001"}}`

// TestFullRecordingsTakeOneWriteUnit checks the sizes that docs/reference/cost.md states.
func TestFullRecordingsTakeOneWriteUnit(t *testing.T) {
	t.Parallel()
	const (
		fingerprint = "0123456789abcdefghijkl"
		sum         = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
		kind        = "audio/mpeg"
	)
	created := func(r *recording.Recording) {
		r.Made, r.Modified, r.Audio.SHA256, r.Audio.Sequencer = fingerprint, r.Created+60, sum, "0055AED6DCD90281E5"
	}
	note := func(r *recording.Recording) {
		r.Document, r.Modified = r.Document[:len(r.Document)-1]+recording.Document(`,"user_metadata":{"note":"`+strings.Repeat("n", 200)+`"}}`), r.Created+60
	}
	for name, tt := range map[string]struct {
		change func(*recording.Recording)
		want   int
	}{
		"plain":                       {func(*recording.Recording) {}, 536},
		"created with an id or a key": {created, 642},
		"with a note of 200 bytes":    {note, 757},
		"both":                        {func(r *recording.Recording) { created(r); note(r) }, 853},
		"waiting for an announced upload": {func(r *recording.Recording) {
			r.Made, r.Audio, r.Upload = fingerprint, recording.Audio{}, recording.Upload{SHA256: sum, Size: 499712, ContentType: kind}
		}, 599},
		"of a Kazoo, with its channel variables": {func(r *recording.Recording) { r.Document = kazooDocument }, 990},
	} {
		r := sample(1)
		tt.change(&r)
		m, err := encode(nil, &r)
		if got := size(m); err != nil || got != tt.want || got >= 1024 {
			t.Errorf("%s: %d bytes, error %v, want %d and less than 1024", name, got, err, tt.want)
		}
	}
}

func TestItemSizeIsBounded(t *testing.T) {
	t.Parallel()
	r := sample(1)
	grown := func(n int) *recording.Recording {
		r := r
		with := func(n int) recording.Document {
			return sample(1).Document[:len(sample(1).Document)-1] + recording.Document(`,"x":"`+strings.Repeat("x", n)+`"}`)
		}
		r.Document = with(0)
		m, _ := encode(nil, &r)
		r.Document = with(n - size(m))
		return &r
	}
	if _, err := encode(nil, grown(maxItem-tombstoneExtra)); err != nil {
		t.Errorf("encode of %d bytes = %v, want success", maxItem-tombstoneExtra, err)
	}
	if _, err := encode(nil, grown(maxItem-tombstoneExtra+1)); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("encode of %d bytes = %v, want %v", maxItem-tombstoneExtra+1, err, store.ErrTooLarge)
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
