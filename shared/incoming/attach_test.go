package incoming

import (
	"context"
	"errors"
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// A correction of the start moves the creation time with it, if that was derived from
// the call.
func TestCorrectMetadata(t *testing.T) {
	t.Parallel()
	const started, length, corrected, now = 1000, 60, 2000, 10_000
	imported := recording.ImportedKey("a", "202601-x") + "wav"
	for _, tt := range []struct {
		name      string
		made, key string
		created   recording.Seconds
		reported  recording.Document
		now, want recording.Seconds
		wantFrom  string
	}{
		{"created at the end of the call", "", "", started + length, `{"start":2000}`, now, corrected + length, ""},
		{"made of its audio", recording.MadeOfAudio, "", 7, `{"start":2000}`, now, corrected + length, ""},
		{"imported", "", imported, 7, `{"start":2000}`, now, corrected + length, ""},
		{"created by a client", "", "", 7, `{"start":2000}`, now, 7, ""},
		{"another field", "", "", started + length, `{"from":"2"}`, now, started + length, "2"},
		{"ended this second", "", imported, 7, `{"start":1000}`, started + length, started + length, ""},
		{"a start in the future", "", "", started + length, `{"start":2000}`, 1500, 1500, ""},
		{"the same start in the future", "", "", started + length, `{"start":1000}`, 500, started + length, ""},
	} {
		r := &recording.Recording{
			Account: "a", ID: "202601-x", Made: tt.made, Created: tt.created,
			Document: `{"start":1000,"duration":60,"from":"1"}`, Audio: recording.Audio{Key: tt.key},
		}
		CorrectMetadata(r, tt.reported, tt.now)
		if r.Created != tt.want {
			t.Errorf("%s: created = %d, want %d", tt.name, r.Created, tt.want)
		}
		if from, _ := r.Document.Text("from"); tt.wantFrom != "" && from != tt.wantFrom {
			t.Errorf("%s: from = %q, want %q", tt.name, from, tt.wantFrom)
		}
	}
}

func TestMovesKey(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		audio recording.Audio
		want  bool
	}{
		{"its own key", recording.Audio{}, false},
		{"a rejected file in an inbox", recording.Audio{Key: "inbox/a/call.wav"}, true},
		{"audio that is there", recording.Audio{Key: "inbox/a/call.wav", Place: recording.Managed}, false},
	} {
		if got := MovesKey(&recording.Recording{Account: "a", ID: "202601-x", Audio: tt.audio}); got != tt.want {
			t.Errorf("%s: MovesKey = %t, want %t", tt.name, got, tt.want)
		}
	}
}

// Audio that is lost may be sent again, and only that.
func TestMayHave(t *testing.T) {
	t.Parallel()
	announced := recording.Upload{Size: 5, SHA256: "aa"}
	for _, tt := range []struct {
		name  string
		audio recording.Audio
		want  bool
	}{
		{"no audio", recording.Audio{}, true},
		{"audio elsewhere", recording.Audio{Place: recording.External}, false},
		{"the same audio", recording.Audio{Place: recording.Managed, Size: 5, SHA256: "aa"}, true},
		{"audio of unknown size and checksum", recording.Audio{Place: recording.Managed}, true},
		{"another size", recording.Audio{Place: recording.Managed, Size: 6, SHA256: "aa"}, false},
		{"another checksum", recording.Audio{Place: recording.Managed, Size: 5, SHA256: "bb"}, false},
	} {
		if got := MayHave(&recording.Recording{Audio: tt.audio}, announced); got != tt.want {
			t.Errorf("%s: MayHave = %t, want %t", tt.name, got, tt.want)
		}
	}
}

// oneName is a store in which only the file name "call" has an ID.
type oneName struct{}

func (oneName) Claimed(_ context.Context, _, key string) (store.Claim, error) {
	if key != nameClaims+"call" {
		return store.Claim{}, store.ErrNotFound
	}
	return store.Claim{ID: "202601-x"}, nil
}

func TestClaimedName(t *testing.T) {
	t.Parallel()
	if id, err := ClaimedName(t.Context(), oneName{}, "a", "call"); id != "202601-x" || err != nil {
		t.Errorf("ClaimedName of a claimed name = %q, %v", id, err)
	}
	if id, err := ClaimedName(t.Context(), oneName{}, "a", "other"); id != "" || !errors.Is(err, store.ErrNotFound) {
		t.Errorf("ClaimedName of another name = %q, %v, want ErrNotFound", id, err)
	}
}
