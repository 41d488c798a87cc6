//go:build e2e

package migration_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming/importer/kazoo/kazootest"
	"github.com/callrecordings/api/shared/recording"
)

// The imported account and its API key.
const (
	account = "000000000000000000000000000000c1"
	key     = "4b0b8e3ac5f9"
)

// The recordings are from these fourteen months.
var (
	first = time.Date(2025, 8, 20, 0, 0, 0, 0, time.UTC)
	last  = time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC)
)

// standIn is the stand-in Kazoo with its recordings.
type standIn struct {
	*kazootest.Server
	url    string
	faults kazootest.Faults
	all    []kazootest.Recording
	// refused holds the IDs of recordings that an import must refuse. faulty holds the
	// IDs of recordings whose audio fails until heal is called.
	refused, faulty map[string]bool
}

// recordingCount returns the number of recordings to import: IMPORT_RECORDINGS if
// set, else n.
func recordingCount(t *testing.T, n int) int {
	t.Helper()
	if text := os.Getenv("IMPORT_RECORDINGS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// start starts a stand-in Kazoo with n ordinary recordings, some unusual or invalid
// ones, and all kinds of faults.
func start(t *testing.T, n int) *standIn {
	t.Helper()
	k := &standIn{refused: map[string]bool{}, faulty: map[string]bool{}, all: kazootest.Account(7, account, n, first, last)}
	k.odd()
	k.faults = kazootest.Faults{
		Slow: .02, Delay: 100 * time.Millisecond, TooMany: .002, Broken: .01, Cut: .02, Truncated: .02, Duplicates: .01,
		Always: map[string]kazootest.Misbehavior{},
	}
	for i, how := range []kazootest.Misbehavior{
		kazootest.AudioFails, kazootest.AudioEmpty, kazootest.AudioCut, kazootest.AudioShort, kazootest.AudioFails,
	} {
		id := k.withAudio(n/7*(i+1) + i)
		k.faults.Always[id] = how
		k.faulty[id] = true
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

// withAudio returns the ID of the first recording from index i on that has audio.
func (k *standIn) withAudio(i int) string {
	for len(k.all[i].Audio) == 0 {
		i++
	}
	return k.all[i].ID
}

// odd adds recordings with unusual or invalid documents.
func (k *standIn) odd() {
	saved := int64(recording.SecondsOf(time.Date(2026, 3, 3, 3, 0, 0, 0, time.UTC)))
	for i, o := range []struct {
		id, document string
		audio        string
		refused      bool
	}{
		{"202603-nothing", `{}`, "", false},
		{"202603-types", `{"start":"63939294600","duration":"61","owner_id":7,"from":null,"to":{"a":[1,2,{}]},"x":1.50}`, "", false},
		{"202603-number", `{"x":1e400}`, "", true},
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
			r.AudioType, r.Audio = o.audio, append(append([]byte(nil), k.all[0].Audio...), k.firstAudio()...)
		}
		k.all = append(k.all, r)
		if o.refused {
			k.refused[o.id] = true
		}
	}
	// The bytes are not audio, but the document is imported anyway.
	k.all = append(k.all, kazootest.Recording{
		ID: "202603-page", Created: saved + 99, Document: `{"name":"page"}`, AudioType: "audio/mpeg", Audio: []byte("<html>502 Bad Gateway</html>"),
	})
}

// firstAudio returns the audio, a WAV file, of the first recording that has audio.
func (k *standIn) firstAudio() []byte {
	for i := range k.all {
		if len(k.all[i].Audio) > 0 {
			return k.all[i].Audio
		}
	}
	panic("no recording has audio")
}

// heal ends the faults of single recordings.
func (k *standIn) heal() {
	k.faults.Always = nil
	k.SetFaults(k.faults)
}

// fetched returns how often audio was delivered in total, and how often it was
// delivered again.
func (k *standIn) fetched() (total, again int) {
	for _, n := range k.Played() {
		total += n
		again += n - 1
	}
	return total, again
}

// summary describes the requests that the stand-in has received.
func (k *standIn) summary() string {
	total, again := k.fetched()
	return fmt.Sprintf("%d requests (at most %d concurrently and %d in a second), %d × 429, %d tokens, audio delivered %d times, %d of them again",
		k.Requests(), k.MostAtOnce(), k.PeakRate(), k.Rejected429(), k.Renewals(), total, again)
}
