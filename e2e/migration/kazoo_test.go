//go:build e2e

package importer_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"callrecordings/shared/incoming/importer/kazoo/kazootest"
	"callrecordings/shared/recording"
)

// The account that is imported, and the key for it.
const (
	account = "000000000000000000000000000000c1"
	key     = "4b0b8e3ac5f9"
)

// The fourteen months.
var (
	first = time.Date(2025, 8, 20, 0, 0, 0, 0, time.UTC)
	last  = time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC)
)

// standIn is the Kazoo, and what it has.
type standIn struct {
	*kazootest.Server
	url    string
	faults kazootest.Faults
	all    []kazootest.Recording
	// refused can never be taken, wounded only for as long as Always says.
	refused, wounded map[string]bool
}

// recordingsOf is how many recordings are imported: IMPORT_RECORDINGS, else n.
func recordingsOf(t *testing.T, n int) int {
	t.Helper()
	if text := os.Getenv("IMPORT_RECORDINGS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// start starts a Kazoo with n recordings, and some that are odd. It has all
// faults.
func start(t *testing.T, n int) *standIn {
	t.Helper()
	k := &standIn{refused: map[string]bool{}, wounded: map[string]bool{}, all: kazootest.Account(7, account, n, first, last)}
	k.odd()
	k.faults = kazootest.Faults{
		Slow: .02, Delay: 100 * time.Millisecond, TooMany: .002, Broken: .01, Cut: .02, Truncated: .02, Duplicates: .01,
		Always: map[string]kazootest.Misbehaviour{},
	}
	for i, how := range []kazootest.Misbehaviour{
		kazootest.AudioFails, kazootest.AudioEmpty, kazootest.AudioCut, kazootest.AudioShort, kazootest.AudioFails,
	} {
		id := k.audible(n/7*(i+1) + i)
		k.faults.Always[id] = how
		k.wounded[id] = true
	}
	k.Server = kazootest.New(kazootest.Options{
		Accounts: []kazootest.Tenant{{ID: account, Name: "one"}}, APIKeys: map[string]string{key: account},
		TokenUses: 900, Now: time.Now, Seed: 11, Faults: k.faults,
	})
	k.Add(account, k.all...)
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	k.url = server.URL
	return k
}

// audible is the id of the first recording from i on that has audio.
func (k *standIn) audible(i int) string {
	for len(k.all[i].Audio) == 0 {
		i++
	}
	return k.all[i].ID
}

// odd adds documents that are not as they should be.
func (k *standIn) odd() {
	saved := int64(recording.SecondsOf(time.Date(2026, 3, 3, 3, 0, 0, 0, time.UTC)))
	for i, o := range []struct {
		id, document string
		audio        string
		refused      bool
	}{
		{"202603-nothing", `{}`, "", false},
		{"202603-types", `{"start":"63939294600","duration":"61","owner_id":7,"from":null,"to":{"a":[1,2,{}]},"x":1.50,"big":1e400}`, "", false},
		{"202603-text", `{"from":"Zoë 🎧 \u0000 <b>","custom_channel_vars":{"a.b":"c"},"call_id":"a\/b"}`, "", false},
		{"202603-huge", `{"description":"` + strings.Repeat("x", 500<<10) + `"}`, "", true},
		{"202603-twice", `{"from":"a","from":"b"}`, "", true},
		{"202603-bad id", `{"from":"a"}`, "", true},
		{"no-month-in-this", `{"from":"a"}`, "", true},
		{"202603-" + strings.Repeat("a", 200), `{"from":"a"}`, "", true},
		{"202603-mislabelled", `{"content_type":"audio/mpeg","media_type":"mp3"}`, "audio/mpeg", false},
	} {
		r := kazootest.Recording{ID: o.id, Created: saved + int64(i), Document: o.document}
		if o.audio != "" {
			r.AudioType, r.Audio = o.audio, append(append([]byte(nil), k.all[0].Audio...), k.sound()...)
		}
		k.all = append(k.all, r)
		if o.refused {
			k.refused[o.id] = true
		}
	}
	// Bytes that are no audio: its document can be taken.
	k.all = append(k.all, kazootest.Recording{
		ID: "202603-page", Created: saved + 99, Document: `{"name":"page"}`, AudioType: "audio/mpeg", Audio: []byte("<html>502 Bad Gateway</html>"),
	})
}

// sound is the audio of the first recording that has some: wav.
func (k *standIn) sound() []byte {
	for i := range k.all {
		if len(k.all[i].Audio) > 0 {
			return k.all[i].Audio
		}
	}
	panic("no recording has audio")
}

// heal ends what is wrong with single recordings.
func (k *standIn) heal() {
	k.faults.Always = nil
	k.SetFaults(k.faults)
}

// fetched is how often audio was handed out, and how often more than once.
func (k *standIn) fetched() (total, again int) {
	for _, n := range k.Played() {
		total += n
		again += n - 1
	}
	return total, again
}

// said tells what the Kazoo went through.
func (k *standIn) said() string {
	total, again := k.fetched()
	return fmt.Sprintf("%d requests (%d at once, %d in a second at most), %d × 429, %d tokens, audio handed out %d times, %d of that again",
		k.Requests(), k.MostAtOnce(), k.PeakRate(), k.Rejected429(), k.Renewals(), total, again)
}
