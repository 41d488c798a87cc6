package api

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
)

// kept is a storageFixture in which recordings expire after 30 days.
type kept struct {
	*storageFixture
	now time.Time
}

func newKept(t *testing.T) *kept {
	t.Helper()
	k := &kept{storageFixture: newStorageFixture(t), now: oneNow}
	policy := retention.Policy{Rules: []retention.Rule{{Name: "all", Days: 30}}}
	if err := retention.Save(t.Context(), k.store, oneAccount, "", retention.Settings{Policy: &policy}); err != nil {
		t.Fatal(err)
	}
	k.later(t, 0)
	return k
}

// later moves the clock. The handlers have the policies and holds of that time.
func (k *kept) later(t *testing.T, days int) {
	t.Helper()
	k.now = k.now.Add(time.Duration(days) * 24 * time.Hour)
	view := retention.NewView(k.store, retention.NewRules(k.store, func() time.Time { return k.now }))
	env := oneEnv(t, k.single)
	k.create = Create(env, view, k.uploads())
	k.handler = Receive(env, view, k.storage(t, k.bucket))
}

// A retry does not bring back a recording that has expired but is not removed yet. It is the
// same 409 as after the removal, and nothing changes.
func TestRetriesAfterTheExpiry(t *testing.T) {
	t.Parallel()
	k, audio := newKept(t), someAudio(t)
	const named, fromAudio = `{"data":{"id":"202311-named","from":"a"}}`, "202311-audio"
	orphan := recording.Recording{
		Account: oneAccount, ID: fromAudio, Made: recording.MadeOfAudio, Document: "{}",
		Created: recording.SecondsOf(oneNow), Audio: recording.Audio{Key: "inbox/" + oneAccount + "/x.mp3"},
	}
	if err := k.store.Put(t.Context(), &orphan); err != nil {
		t.Fatal(err)
	}
	requests := map[string]func() reply{
		"with an ID": func() reply { return k.do(t, http.MethodPut, oneList, named) },
		"with a key": func() reply { return k.do(t, http.MethodPut, oneList, `{}`, "Idempotency-Key", "k") },
		"with audio": func() reply {
			return k.do(t, http.MethodPut, oneList+"?id=202311-y", string(audio), "Content-Type", "audio/mpeg")
		},
		"a storage request":                 func() reply { return k.ask(t, http.MethodPut, k.base+"call.mp3", audio) },
		"a storage request for a recording": func() reply { return k.ask(t, http.MethodPut, k.base+"x.mp3?id=202311-named", audio) },
	}
	for _, name := range []string{"with an ID", "with a key", "with audio", "a storage request"} {
		requests[name]().made(t)
	}
	requests["for one made of audio"] = func() reply {
		return k.do(t, http.MethodPut, oneList, `{"data":{"id":"`+fromAudio+`","from":"b"}}`)
	}
	before := len(k.all(t, oneAccount))
	k.later(t, 29)
	if p := requests["with an ID"](); p.made(t).Data.ID != "202311-named" || strings.Contains(p.body, "expires\":63") {
		t.Errorf("the retry before the expiry = %s, want it without the expiry, as the first answer", p.body)
	}
	k.later(t, 1)
	for name, send := range requests {
		if p := send(); p.status != http.StatusConflict || !strings.Contains(p.body, "was deleted") {
			t.Errorf("%s = %d %s, want 409", name, p.status, p.body)
		}
	}
	if after := k.all(t, oneAccount); len(after) != before {
		t.Errorf("%d recordings, want the %d before", len(after), before)
	}
	if got, err := k.store.Get(t.Context(), oneAccount, fromAudio); err != nil || got.Document != "{}" || got.Audio != orphan.Audio {
		t.Errorf("the recording that was made from audio = %+v, %v, want it unchanged", got, err)
	}
}

// A legal hold keeps a recording beyond its expiry, also for retries. Their answers do not
// show the hold.
func TestRetriesOnHold(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	send := func() reply { return k.do(t, http.MethodPut, oneList, `{"data":{"id":"202311-held"}}`) }
	send().made(t)
	book := hold.NewBook(k.store, func() time.Time { return k.now }, rand.Reader, false)
	h, err := book.Draft(hold.Hold{Case: "c", Reason: "r", Scope: hold.Scope{Recording: "202311-held"}})
	if err == nil {
		err = book.Place(t.Context(), oneAccount, h)
	}
	if err != nil {
		t.Fatal(err)
	}
	k.later(t, 31)
	if p := send(); p.made(t).Data.ID != "202311-held" || strings.Contains(p.body, h.ID) {
		t.Errorf("the retry = %s, want the recording without its hold", p.body)
	}
}
