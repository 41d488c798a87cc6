package incoming

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

func TestAgree(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		reports []recording.Call
		id      string
		err     error
	}{
		{"no report", nil, "", nil},
		{"no ID", []recording.Call{{"from": "1"}, nil}, "", nil},
		{"one ID", []recording.Call{nil, {"id": "202601-a"}}, "202601-a", nil},
		{"the same ID twice", []recording.Call{{"id": "202601-a"}, {"id": "202601-a", "account_id": "acc"}}, "202601-a", nil},
		{"two IDs", []recording.Call{{"id": "202601-a"}, {"id": "202601-b"}}, "", ErrTwoIDs},
		{"an invalid ID", []recording.Call{{"id": "../a"}}, "", recording.ErrBadID},
		{"another account", []recording.Call{{"id": "202601-a"}, {"account_id": "other"}}, "", ErrOtherAccount},
	} {
		id, err := Agree("acc", c.reports...)
		if id != c.id || !errors.Is(err, c.err) {
			t.Errorf("%s: Agree = %q, %v, want %q, %v", c.name, id, err, c.id, c.err)
		}
	}
}

func TestNewID(t *testing.T) {
	t.Parallel()
	const now, january = 63_939_931_200, 63_937_071_000 // 2026-03-05, 2026-01-31
	for start, month := range map[recording.Seconds]string{january: "202601-", 1: "000001-", recording.MaxSeconds: "316811-", 0: "202603-", -1: "202603-", recording.MaxSeconds + 1: "202603-"} {
		id, err := NewID(start, now, rand.Reader)
		if err != nil || !strings.HasPrefix(id, month) {
			t.Errorf("NewID(%d) = %s, %v, want month %s", start, id, err, month)
		}
	}
	if _, err := NewID(january, now, bytes.NewReader(nil)); err == nil {
		t.Error("NewID without randomness = nil, want an error")
	}
}

// claims remembers claims in memory.
type claims map[string]store.Claim

func (c claims) Claim(_ context.Context, account, key string, claim store.Claim) (store.Claim, error) {
	if c == nil {
		return store.Claim{}, store.ErrUnavailable
	}
	key = account + "/" + key
	if first, ok := c[key]; ok {
		return first, nil
	}
	c[key] = claim
	return claim, nil
}

// A claim gives a retry the same ID, in a later month too.
func TestClaimsSurviveTheMonth(t *testing.T) {
	t.Parallel()
	const january, march = 63_937_071_000, 63_939_931_200
	s := claims{}
	for name, claim := range map[string]func(s store.Claimer, at recording.Seconds) (string, error){
		"file name": func(s store.Claimer, at recording.Seconds) (string, error) {
			return ClaimName(t.Context(), s, "acc", "call", at)
		},
		"call": func(s store.Claimer, at recording.Seconds) (string, error) {
			return ClaimCall(t.Context(), s, "acc", "call", "00ff", at, 0)
		},
		"call without a start": func(s store.Claimer, at recording.Seconds) (string, error) {
			return ClaimCall(t.Context(), s, "acc", "another call", "00ff", 0, at)
		},
	} {
		first, err := claim(s, january)
		if err != nil || !strings.HasPrefix(first, "202601-") {
			t.Fatalf("%s: claim = %s, %v, want an ID of January", name, first, err)
		}
		if again, err := claim(s, march); err != nil || again != first {
			t.Errorf("%s: claim in March = %s, %v, want %s", name, again, err, first)
		}
		if _, err := claim(claims(nil), january); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: claim = %v, want ErrUnavailable", name, err)
		}
	}
	if len(s) != 3 {
		t.Errorf("%d claims, want a file name and two calls to be apart", len(s))
	}
	lasting := 0
	for _, claim := range s {
		if claim.Lasting {
			lasting++
		}
	}
	if lasting != 2 {
		t.Errorf("%d lasting claims, want those whose ID depends on the time of the request", lasting)
	}
}

func TestMismatch(t *testing.T) {
	t.Parallel()
	audio := recording.Upload{ContentType: "audio/mpeg", Size: 10, SHA256: "aa"}
	for _, c := range []struct {
		name      string
		announced recording.Upload
		audio     recording.Upload
		want      recording.Reason
	}{
		{"nothing announced", recording.Upload{}, audio, ""},
		{"all as announced", audio, audio, ""},
		{"an alias of the type", recording.Upload{ContentType: "audio/mp3"}, audio, ""},
		{"another type", recording.Upload{ContentType: "audio/wav"}, audio, recording.OtherType},
		{"another size", recording.Upload{Size: 11}, audio, recording.OtherSize},
		{"another checksum", recording.Upload{SHA256: "bb"}, audio, recording.OtherChecksum},
		{"a checksum that is not known", recording.Upload{SHA256: "bb"}, recording.Upload{Size: 10}, ""},
		{"a type that is not known", recording.Upload{ContentType: "audio/wav"}, recording.Upload{Size: 10}, ""},
	} {
		if got := Mismatch(c.announced, c.audio); got != c.want {
			t.Errorf("%s: Mismatch = %q, want %q", c.name, got, c.want)
		}
	}
}

// Rejected audio keeps the announced upload, so that the right audio still fits.
func TestAttach(t *testing.T) {
	t.Parallel()
	const now = 63_939_931_200
	waiting := recording.Recording{ID: "202603-a", Upload: recording.Upload{Size: 5, SHA256: "aa"}, Document: "{}", Audio: recording.Audio{Key: "k", Sequencer: "01"}}
	sound := recording.Sound{ContentType: "audio/wav", Extension: "wav", Duration: 2 * time.Second, Known: true}

	r := waiting
	Judgment{Size: 4, Reason: recording.OtherSize}.Attach(&r, "02", now)
	want := recording.Audio{Key: "k", Size: 4, State: recording.Failed, Reason: recording.OtherSize, Sequencer: "02"}
	if r.Audio != want || r.Upload != waiting.Upload || r.Document != "{}" {
		t.Errorf("rejected: %+v, want audio %+v and the rest unchanged", r, want)
	}

	Judgment{Sound: sound, Size: 5, SHA256: "aa"}.Attach(&r, "", now)
	want = recording.Audio{Place: recording.Managed, Key: "k", ContentType: "audio/wav", Size: 5, SHA256: "aa", Sequencer: "02"}
	if r.Audio != want || r.Upload != (recording.Upload{}) || r.Modified != now {
		t.Errorf("accepted: %+v, want audio %+v and nothing announced", r, want)
	}

	unannounced := recording.Recording{Document: "{}"}
	Judgment{Sound: recording.Sound{Known: true}, SHA256: "aa"}.Attach(&unannounced, "", now)
	if unannounced.Audio.State != recording.Empty || unannounced.Audio.SHA256 != "" {
		t.Errorf("no announcement: %+v, want it empty, without the checksum", unannounced.Audio)
	}
}

func TestAddMetadata(t *testing.T) {
	t.Parallel()
	const existing = `{"from":"a@b","duration":1,"user_metadata":{"tag":"user"}}`
	const reported = `{"from":"c@d","to":"e@f","duration":9,"owner_id":"u1","user_metadata":{"tag":"pbx"}}`
	for made, want := range map[string]map[string]string{
		recording.MadeOfAudio: {"from": `"c@d"`, "to": `"e@f"`, "duration": "1", "owner_id": `"u1"`, "user_metadata": `{"tag":"user"}`},
		"request":             {"from": `"a@b"`, "to": `"e@f"`, "duration": "1", "owner_id": `"u1"`, "user_metadata": `{"tag":"user"}`},
	} {
		r := recording.Recording{ID: "202603-a", Made: made, Document: existing}
		AddMetadata(&r, reported)
		for field, text := range want {
			if got, _ := r.Document.Raw(field); got != text {
				t.Errorf("made by %s: %s = %s, want %s", made, field, got, text)
			}
		}
		if r.Owner != "u1" {
			t.Errorf("made by %s: owner %q, want u1", made, r.Owner)
		}
	}
}

func TestAudioForARecordingThatExists(t *testing.T) {
	t.Parallel()
	announced := recording.Upload{Size: 5, SHA256: "aa"}
	for _, c := range []struct {
		name     string
		existing recording.Recording
		needs    bool // NeedsAudio
		awaits   bool // Await succeeds
		claims   bool // MayTakeOver
	}{
		{"pending", recording.Recording{}, true, true, false},
		{"pending, with the same announcement", recording.Recording{Upload: announced}, true, true, false},
		{"pending, with another announcement", recording.Recording{Upload: recording.Upload{Size: 6}}, true, false, false},
		{"external", recording.Recording{Audio: recording.Audio{Place: recording.External}}, true, false, false},
		{"failed", recording.Recording{Audio: recording.Audio{State: recording.Failed, Reason: recording.NotAudio}}, false, true, false},
		{"too large", recording.Recording{Audio: recording.Audio{State: recording.Failed, Reason: recording.TooLarge}}, true, true, false},
		{"ready", recording.Recording{Audio: recording.Audio{Place: recording.Managed, Size: 5}}, false, false, false},
		{"made of this audio", recording.Recording{Made: recording.MadeOfAudio, Audio: recording.Audio{Place: recording.Managed, Size: 5}}, false, false, true},
		{"made of other audio", recording.Recording{Made: recording.MadeOfAudio, Audio: recording.Audio{Place: recording.Managed, Size: 6}}, false, false, false},
	} {
		if got := NeedsAudio(c.existing.Audio); got != c.needs {
			t.Errorf("%s: NeedsAudio = %v, want %v", c.name, got, c.needs)
		}
		if got := MayTakeOver(announced, "", &c.existing); got != c.claims {
			t.Errorf("%s: MayTakeOver = %v, want %v", c.name, got, c.claims)
		}
		if MayTakeOver(announced, "https://example.com/a.mp3", &c.existing) {
			t.Errorf("%s: MayTakeOver = true for audio kept elsewhere", c.name)
		}
		r := c.existing
		r.Document = "{}"
		err := Await(&r, announced, `{"from":"a@b"}`)
		switch {
		case (err == nil) != c.awaits || err != nil && !errors.Is(err, store.ErrExists):
			t.Errorf("%s: Await = %v, want success: %v", c.name, err, c.awaits)
		case err == nil && (r.Upload != announced || r.Audio != recording.Audio{} || r.Document != `{"from":"a@b"}`):
			t.Errorf("%s: Await leaves %+v, want it to wait for the audio", c.name, r)
		}
	}
}

// Settle starts over while recordings appear or disappear, and no longer.
func TestSettle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		errs  []error
		want  error
		calls int
	}{
		{[]error{nil}, nil, 1},
		{[]error{store.ErrExists, store.ErrNotFound, nil}, nil, 3},
		{[]error{store.ErrDeleted, store.ErrDeleted, store.ErrDeleted, nil}, store.ErrDeleted, 3},
		{[]error{store.ErrUnavailable, nil}, store.ErrUnavailable, 1},
	} {
		calls := 0
		done, err := Settle(func() (Outcome, error) {
			calls++
			return Completed, c.errs[calls-1]
		})
		if !errors.Is(err, c.want) || calls != c.calls || err == nil && done != Completed {
			t.Errorf("Settle(%v) = %q, %v after %d calls, want %v after %d", c.errs, done, err, calls, c.want, c.calls)
		}
	}
}

func TestIsEarly(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)
	for age, want := range map[time.Duration]bool{0: true, 59 * time.Second: true, time.Minute: false, -59 * time.Second: true, -time.Minute: false, -time.Hour: false} {
		if got := IsEarly(now, now.Add(-age), time.Minute); got != want {
			t.Errorf("IsEarly of an object of age %v = %v, want %v", age, got, want)
		}
	}
}

// A composed recording is never created in the future nor modified before it was created,
// regardless of its document.
func TestComposeBoundsTimes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const now = 63_939_931_200
		doc := recording.Document("{}")
		for _, field := range []string{"start", "duration"} {
			value := rapid.SampledFrom([]string{"null", "-1", "0", "77", `"63937071000"`, `"x"`, "{}", "63937071000", "63999999999", "9007199254740991", "1e300"}).Draw(t, field)
			var err error
			if doc, err = doc.With(field, value); err != nil {
				t.Fatal(err)
			}
		}
		sound := recording.Sound{Duration: time.Duration(rapid.Int64Range(0, int64(40*24*time.Hour)).Draw(t, "length")), Known: rapid.Bool().Draw(t, "known")}
		r := Compose(Draft{Account: "acc", ID: "202603-a", Document: doc, Exact: rapid.Bool().Draw(t, "exact"), Sound: sound}, now)
		if r.Created <= 0 || r.Created > now || r.Modified < r.Created {
			t.Errorf("created %d, modified %d of %s, want neither beyond %d", r.Created, r.Modified, doc, now)
		}
	})
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for doc, want := range map[recording.Document]time.Duration{
		`{}`: 0, `{"duration":62}`: 62 * time.Second, `{"duration":"62.9"}`: 62 * time.Second, `{"duration":-1}`: 0,
		`{"duration":9007199254740991}`: 366 * 24 * time.Hour,
	} {
		if got := Duration(doc); got != want {
			t.Errorf("Duration(%s) = %v, want %v", doc, got, want)
		}
	}
}
