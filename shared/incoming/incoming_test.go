package incoming_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/recording"
)

// wavHeader is a WAV file without samples.
const wavHeader = "RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00"

// result is the recording that every way in makes from a call.
type result struct {
	state  recording.State
	reason recording.Reason
	owner  string
	// created is the end of the call, for ways that judge the audio first.
	created recording.Seconds
	month   string // of the ID
	// document holds the JSON text of fields; "" for a field that is missing.
	document map[string]string
}

// Every way in makes the same recording from the same call and audio. Add a row
// here for every rule that all recordings follow.
func TestEveryWayInFollowsTheRules(t *testing.T) {
	t.Parallel()
	audio, err := os.ReadFile("../audiofile/testdata/alaw.wav") // 1.2 s
	check(t, err)
	const start = 63_937_071_000 // 2026-01-31T09:30:00Z
	now := recording.SecondsOf(noon)
	thisMonth, later := noon.Format("200601"), noon.AddDate(1, 0, 0)
	future := strconv.FormatInt(int64(recording.SecondsOf(later)), 10)
	known := map[string]string{
		"start": "63937071000", "direction": "outbound", "from": "1001@pbx", "to": "+15550100@pbx", "owner_id": "u1", "user_metadata": `{"tag":"vip"}`,
	}
	facts := map[string]string{"content_type": `"audio/wav"`, "media_type": `"wav"`, "duration": "1", "duration_ms": "1200"}
	for _, c := range []struct {
		name string
		call call
		// wrong marks values that strict ways reject.
		wrong bool
		want  result
	}{
		{"everything known", call{known, audio}, false, result{
			state: recording.Ready, owner: "u1", created: start + 1, month: "202601", document: map[string]string{
				"start": "63937071000", "direction": `"outbound"`, "from": `"1001@pbx"`, "to": `"+15550100@pbx"`, "owner_id": `"u1"`,
				"user_metadata": `{"tag":"vip"}`, "duration_ms": "1200",
				"caller_id_name": `""`, "caller_id_number": `"1001"`, "callee_id_name": `""`, "callee_id_number": `"+15550100"`,
			},
		}},
		{"nothing known", call{nil, audio}, false, result{
			state: recording.Ready, created: now, month: thisMonth, document: map[string]string{
				"start": strconv.FormatInt(int64(now), 10), "direction": `"inbound"`, "origin": `"inbound from offnet to account"`,
				"from": `"unknown@unknown"`, "to": `"unknown@unknown"`, "owner_id": "", "user_metadata": "",
				"caller_id_name": `""`, "caller_id_number": `""`, "callee_id_name": `""`, "callee_id_number": `""`,
			},
		}},
		{"facts from the audio", call{nil, audio}, false, result{state: recording.Ready, created: now, month: thisMonth, document: facts}},
		{"reported facts that the audio contradicts", call{
			map[string]string{"duration": "77", "duration_ms": "77000", "content_type": "audio/mpeg", "start": "63937071000"}, audio,
		}, false, result{state: recording.Ready, created: start + 1, month: "202601", document: facts}},
		{"a start in the future", call{map[string]string{"start": future}, audio}, false, result{
			state: recording.Ready, created: now, month: later.Format("200601"), document: map[string]string{"start": future},
		}},
		{"audio that lasts 0 s", call{known, []byte(wavHeader)}, false, result{
			state: recording.Empty, owner: "u1", created: start, month: "202601", document: map[string]string{"duration": "0", "duration_ms": "0"},
		}},
		{"bytes that are not audio", call{known, []byte("<script>alert(1)</script>")}, false, result{
			state: recording.Failed, reason: recording.NotAudio, owner: "u1", created: start, month: "202601",
			document: map[string]string{"duration": "0", "content_type": ""},
		}},
		{"damaged audio", call{nil, audio[:30]}, false, result{
			state: recording.Failed, reason: recording.Damaged, created: now, month: thisMonth, document: map[string]string{"duration": "0"},
		}},
		{"an owner that cannot be a user", call{map[string]string{"owner_id": "../x"}, audio}, true, result{
			state: recording.Ready, created: now, month: thisMonth, document: map[string]string{"owner_id": ""},
		}},
		{"an address that runs a script", call{map[string]string{"url": "javascript:alert(1)"}, audio}, true, result{
			state: recording.Ready, created: now, month: thisMonth, document: map[string]string{"url": ""},
		}},
		{"an address of a file", call{map[string]string{"url": "file:///etc/passwd"}, audio}, true, result{
			state: recording.Ready, created: now, month: thisMonth, document: map[string]string{"url": ""},
		}},
		{"an address with a password", call{map[string]string{"url": "https://ann:secret@media.example/a.mp3"}, audio}, true, result{
			state: recording.Ready, created: now, month: thisMonth, document: map[string]string{"url": ""},
		}},
		{"metadata that is not an object", call{map[string]string{"user_metadata": "[1]"}, audio}, true, result{
			state: recording.Ready, created: now, month: thisMonth, document: map[string]string{"user_metadata": ""},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			for _, way := range ways {
				p.T = t
				account := accountOf(way.name)
				err := way.bring(p, account, c.call)
				rejected := c.wrong && way.strict || c.want.state == recording.Failed && way.asksPerson
				if rejected != (err != nil) {
					t.Errorf("%s: error %v, want one: %v", way.name, err, rejected)
				}
				if rejected {
					if all := p.all(account); len(all) > 0 {
						t.Errorf("%s: recordings %+v, want none", way.name, all)
					}
					continue
				}
				want := c.want
				want.created = way.created(c.call, want.created)
				p.expect(way.name, account, want, c.call.audio)
			}
		})
	}
}

// Every way in keeps the fields of Kazoo 5, except the command line, which has no
// options for them.
func TestFieldsOfKazoo5(t *testing.T) {
	t.Parallel()
	audio, err := os.ReadFile("../audiofile/testdata/alaw.wav")
	check(t, err)
	p := newPlace(t)
	good := map[string]string{
		"recording_vars": `{"Agent":"7"}`, "conference_recording": "true", "transcribe": "false", "conference_id": "c1", "conference_name": "sales",
	}
	want := map[string]string{
		"recording_vars": `{"Agent":"7"}`, "conference_recording": "true", "transcribe": "false", "conference_id": `"c1"`, "conference_name": `"sales"`,
	}
	for _, way := range ways {
		if way.asksPerson {
			continue
		}
		account := accountOf(way.name)
		check(t, way.bring(p, account, call{good, audio}))
		d := p.only(account).Document
		for field, text := range want {
			if got, _ := d.Raw(field); got != text {
				t.Errorf("%s: %s = %s, want %s", way.name, field, got, text)
			}
		}
		other := accountOf(way.name + " bad")
		err := way.bring(p, other, call{map[string]string{"transcribe": "maybe"}, audio})
		if way.strict != (err != nil) {
			t.Errorf("%s: error %v for a boolean that cannot be understood, want one: %v", way.name, err, way.strict)
		}
		if way.strict {
			continue
		}
		if got, ok := p.only(other).Document.Raw("transcribe"); ok {
			t.Errorf("%s: transcribe = %s, want it ignored", way.name, got)
		}
	}
}

// expect compares the one recording of an account with what every way in makes.
func (p *place) expect(way, account string, want result, audio []byte) {
	p.Helper()
	r := p.only(account)
	if got := r.Audio.Condition(); got != want.state || r.Audio.Reason != want.reason {
		p.Errorf("%s: state %s, reason %q, want %s, %q", way, got, r.Audio.Reason, want.state, want.reason)
	}
	if r.Owner != want.owner || r.Created != want.created || !strings.HasPrefix(r.ID, want.month+"-") {
		p.Errorf("%s: ID %s, owner %q, created %d, want month %s, %q, %d", way, r.ID, r.Owner, r.Created, want.month, want.owner, want.created)
	}
	if r.Modified < r.Created || r.Upload != (recording.Upload{}) && want.state != recording.Failed {
		p.Errorf("%s: modified %d, awaits %+v, want it modified after %d and complete", way, r.Modified, r.Upload, r.Created)
	}
	if vars, _ := r.Document.Raw("custom_channel_vars", "Media-Recording-ID"); vars != recording.Quote(r.ID) {
		p.Errorf("%s: Media-Recording-ID %s, want %s", way, vars, r.ID)
	}
	for field, text := range want.document {
		if got, _ := r.Document.Raw(field); got != text {
			p.Errorf("%s: %s = %s, want %s", way, field, got, text)
		}
	}
	if want.state != recording.Failed && !p.plays(r, audio) {
		p.Errorf("%s: other bytes are stored than were sent", way)
	}
}
