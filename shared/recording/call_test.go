package recording_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		text string
		want time.Time // zero for an error
	}{
		{"2026-01-31T09:30:00Z", at},
		{"2026-01-31T10:30:00+01:00", at},
		{"2026-01-31T09:30:00.999Z", at},
		{"1769851800", at},
		{"1769851800.123", at},
		{"2026-01-31T10:30:00+0100", at},
		{"2026-01-31 10:30:00+0100", at},
		{"2026-01-31 09:30:00Z", at},
		{"2026-01-31 10:30:00.5 +01:00", at},
		{"1769851800.", time.Time{}},
		{"1769851800.x", time.Time{}},
		{"2026-01-31 09:30:00", time.Time{}}, // no zone
		{"63937071000", at},
		{"32503679999", time.Date(2999, 12, 31, 23, 59, 59, 0, time.UTC)},
		{"62167219201", time.Unix(1, 0).UTC()},
		{"2026-01-31", time.Time{}},
		{"2026-01-31T09:30:00", time.Time{}}, // no zone
		{"2026-02-30T09:30:00Z", time.Time{}},
		{"0", time.Time{}},
		{"-5", time.Time{}},
		{"1.5", time.Time{}},
		{"0001-01-01T00:00:00Z", time.Time{}},
		{"99999999999999", time.Time{}},
		{"9223372036854775807", time.Time{}},
		{"yesterday", time.Time{}},
		{"", time.Time{}},
	} {
		got, err := recording.ParseTime(c.text)
		if c.want.IsZero() != (err != nil) || err == nil && got != recording.SecondsOf(c.want) {
			t.Errorf("ParseTime(%q) = %s, %v, want %s", c.text, got.Time(), err, c.want)
		}
	}
}

// A time without an offset is local time in the zone, UTC by default.
func TestParseTimeIn(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := recording.SecondsOf(time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC))
	for _, c := range []struct {
		text string
		zone *time.Location
		want recording.Seconds // 0 for an error
	}{
		{"2026-01-31 10:30:00", berlin, at},
		{"2026-01-31T10:30:00", berlin, at},
		{"2026-01-31 10:30:00.5", berlin, at},
		{"2026-01-31 09:30:00", nil, at},
		{"2026-01-31T09:30:00Z", berlin, at},
		{"2026-01-31T10:30:00+0100", nil, at},
		{"1769851800", berlin, at},
		{"63937071000", berlin, at},
		{"2026-01-31", berlin, 0},
		{"1969-12-31 09:30:00", nil, 0},
		{"yesterday", berlin, 0},
		{"", berlin, 0},
	} {
		got, err := recording.ParseTimeIn(c.text, c.zone)
		if got != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("ParseTimeIn(%q, %v) = %d, %v, want %d", c.text, c.zone, got, err, c.want)
		}
	}
}

// A time without a zone is the PBX's local time. In the hour that repeats in
// autumn, Asterisk's call ID decides.
func TestCallIn(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	first := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC) // 02:30 in Berlin, and once more an hour later
	unique := func(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) + ".17" }
	for _, c := range []struct {
		start, callID string
		zone          *time.Location
		want          time.Time // zero for an error
	}{
		{"2026-01-31 09:30:00", "", nil, time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC)},
		{"2026-01-31 09:30:00", "", berlin, time.Date(2026, 1, 31, 8, 30, 0, 0, time.UTC)},
		{"2026-07-31T09:30:00.25", "x", berlin, time.Date(2026, 7, 31, 7, 30, 0, 0, time.UTC)},
		{"2026-01-31T09:30:00Z", "", berlin, time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC)},
		{"1769851800", "", berlin, time.Unix(1769851800, 0)},
		{"2026-10-25 02:30:00", unique(first.Add(-20 * time.Second)), berlin, first},
		{"2026-10-25 02:30:00", unique(first.Add(time.Hour - 20*time.Second)), berlin, first.Add(time.Hour)},
		{"2026-01-31 09:30:00", unique(first), berlin, time.Date(2026, 1, 31, 8, 30, 0, 0, time.UTC)},
		{"31/01/2026 09:30", "", berlin, time.Time{}},
		{"0001-01-01 00:00:00", "", berlin, time.Time{}},
	} {
		call := recording.Call{"start": c.start, "call_id": c.callID}
		got, err := call.In(c.zone)
		at, ok := got.Start()
		if ok != (err == nil) || ok == c.want.IsZero() || ok && at != recording.SecondsOf(c.want) || got["call_id"] != c.callID {
			t.Errorf("In(%v) of %v = %v, %v, want %v", c.zone, call, got, err, c.want)
		}
	}
	if got, err := (recording.Call{"from": "a"}).In(berlin); err != nil || len(got) != 1 {
		t.Errorf("In without a start = %v, %v", got, err)
	}
}

func TestCallDocument(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		set  [][2]string
		want string
	}{
		{"nothing", nil, `{}`},
		{"Kazoo's fields", [][2]string{
			{"call_id", "a@10.1.1.5"},
			{"from", "1001@pbx"},
			{"to", "+15550100@pbx"},
			{"start", "63937071000"},
			{"duration_ms", "62340"},
			{"direction", "outbound"},
			{"owner_id", "u1"},
		}, `{"call_id":"a@10.1.1.5","direction":"outbound","duration":62,"duration_ms":62340,"from":"1001@pbx",` +
			`"origin":"outbound to offnet from account","owner_id":"u1","start":63937071000,"to":"+15550100@pbx"}`},
		{
			"other names",
			[][2]string{{"Caller", "1001"}, {"callee", "sip@x"}, {"uuid", "7"}, {"x-odd", "1"}, {"direction", "IN"}},
			`{"call_id":"7","callee_id_number":"sip@x","caller_id_number":"1001","direction":"inbound","from":"1001@unknown",` +
				`"origin":"inbound from offnet to account","to":"sip@x"}`,
		},
		{"values that cannot be understood", [][2]string{
			{"start", "yesterday"},
			{"duration", "-1"},
			{"duration_ms", "long"},
			{"direction", "up"},
			{"owner_id", "a/b"},
			{"user_metadata", "[1]"},
			{"custom_channel_vars", `{"a":`},
			{"to", "  "},
			{"name", "\xff.mp3"},
		}, `{"name":"�.mp3"}`},
		{
			"numbers and objects",
			[][2]string{{"duration", "62.9"}, {"start", "1769851800"}, {"user_metadata", ` { "tag" : 1.0 } `}},
			`{"duration":62,"start":63937071000,"user_metadata":{"tag":1.0}}`,
		},
		{"booleans", [][2]string{{"transcribe", "True"}, {"conference_recording", "false"}}, `{"conference_recording":false,"transcribe":true}`},
		{"a boolean that cannot be understood", [][2]string{{"transcribe", "1"}}, `{}`},
		{
			"the first value of a field counts",
			[][2]string{{"caller_id_number", "1"}, {"caller", "2"}, {"caller-id-name", "Ann"}, {"caller_id_name", "Bob"}},
			`{"caller_id_name":"Ann","caller_id_number":"1","from":"1@unknown"}`,
		},
		{"a web address", [][2]string{{"url", "https://media.example/a.mp3?x=1"}}, `{"url":"https://media.example/a.mp3?x=1"}`},
		{"a script", [][2]string{{"url", "javascript:alert(1)"}, {"name", "n"}}, `{"name":"n"}`},
		{"a script with a host", [][2]string{{"url", "javascript://media.example/%0aalert(1)"}}, `{}`},
		{"data as an address", [][2]string{{"url", "data:text/html,<script>"}}, `{}`},
		{"a file as an address", [][2]string{{"url", "file:///etc/passwd"}}, `{}`},
		{"a path as an address", [][2]string{{"url", "/a.mp3"}}, `{}`},
		{"an address without a host", [][2]string{{"url", "https://:443/a.mp3"}}, `{}`},
		{"an address with a password", [][2]string{{"url", "https://ann:secret@media.example/a.mp3"}}, `{}`},
		{"a quote and a line feed", [][2]string{{"from", "\"a\"\n@b"}}, `{"from":"\"a\"\n@b"}`},
	} {
		call := recording.Call{}
		for _, s := range c.set {
			call.Set(s[0], s[1])
		}
		if got := string(call.Document()); got != c.want {
			t.Errorf("%s: Document() = %s, want %s", c.name, got, c.want)
		}
	}
	long := recording.Call{"from": strings.Repeat("é", 2000)}
	if from, _ := long.Document().Text("from"); from != strings.Repeat("é", 512) {
		t.Errorf("a text of 4,000 bytes is cut to %d", len(from))
	}
}

// Two names of one field must not have different values, in any order.
func TestContradiction(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		pairs [2][2]string
		field string // "" without a contradiction
	}{
		{"account", [2][2]string{{"account_id", "a"}, {"Account-ID", "b"}}, "account_id"},
		{"ID", [2][2]string{{"id", "202601-a"}, {"recording_id", "202601-b"}}, "id"},
		{"caller", [2][2]string{{"caller", "1"}, {"caller_id_number", "2"}}, "caller_id_number"},
		{"equal values", [2][2]string{{"id", "202601-a"}, {"recording-id", " 202601-a "}}, ""},
		{"an empty value", [2][2]string{{"id", "202601-a"}, {"recording_id", " "}}, ""},
		{"other fields", [2][2]string{{"caller", "1"}, {"callee", "2"}}, ""},
		{"unknown names", [2][2]string{{"x-odd", "1"}, {"x_odd", "2"}}, ""},
		{"a name of this package", [2][2]string{{"\x00contradiction", "a"}, {"x", "b"}}, ""},
	} {
		for _, order := range [][2]int{{0, 1}, {1, 0}} {
			call := recording.Call{}
			for _, i := range order {
				call.Report(c.pairs[i][0], c.pairs[i][1])
			}
			err := call.Contradiction()
			var f recording.FieldError
			if errors.As(err, &f) != (c.field != "") || f.Field != c.field {
				t.Errorf("%s: Contradiction() = %v, want one of %q", c.name, err, c.field)
			}
			if d := call.Document(); d.Validate().Err() != nil || strings.Contains(string(d), "contradiction") {
				t.Errorf("%s: Document() = %s", c.name, d)
			}
		}
	}
	call := recording.Call{}
	call.Set("id", "202601-a")
	call.Set("recording_id", "202601-b")
	if err := call.Contradiction(); err != nil {
		t.Errorf("Contradiction() after Set = %v, want nil", err)
	}
}

func TestCallIdentity(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]error{"": nil, "202601-a": nil, "a": recording.ErrBadID, "../202601-a": recording.ErrBadID} {
		if got, err := (recording.Call{"id": id}).ID(); !errors.Is(err, want) || err == nil && got != id {
			t.Errorf("ID() of %q = %q, %v, want %v", id, got, err, want)
		}
	}
	if got := (recording.Call{"owner_id": "u 1"}).Document().Owner(); got != "" {
		t.Errorf("Owner() = %q, want none", got)
	}
	if at, ok := (recording.Call{"start": "1769851800"}).Start(); !ok || at != 63937071000 {
		t.Errorf("Start() = %d, %v", at, ok)
	}
}

func TestParseCall(t *testing.T) {
	t.Parallel()
	got, err := recording.ParseCall([]byte("\ufeff" + `{"id":"202601-a","caller":"1001","start":63937071000,"_rev":"1","pvt_type":"x","to":null,"user_metadata":{ "a":1}}`))
	want := recording.Call{"id": "202601-a", "caller_id_number": "1001", "start": "63937071000", "user_metadata": `{"a":1}`}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("ParseCall: %v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{``, `[]`, `{`, `{"a":1,"a":2}`, `{"a":"\ud800"}`, strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40)} {
		if c, err := recording.ParseCall([]byte(bad)); err == nil {
			t.Errorf("ParseCall(%.20q) = %v, want an error", bad, c)
		}
	}
	over := recording.Call{"from": "a@b"}.Under(recording.Call{"from": "c@d", "to": "e@f"})
	if diff := cmp.Diff(recording.Call{"from": "a@b", "to": "e@f"}, over); diff != "" {
		t.Errorf("Under (-want +got):\n%s", diff)
	}
}

// Any reported values make a document that a client could create. Parsing that
// document as a call returns the same document.
func TestCallDocumentIsValid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := recording.Call{}
		names := []string{"start", "duration", "duration_ms", "direction", "from", "to", "owner_id", "user_metadata", "caller", "origin", "x"}
		for range rapid.IntRange(0, 8).Draw(t, "n") {
			value := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"1", "in", "out", "63937071000", `{"a":{}}`, "1e9"})).Draw(t, "value")
			c.Set(rapid.SampledFrom(names).Draw(t, "name"), value)
		}
		d := c.Document()
		if err := d.Validate().Err(); err != nil {
			t.Fatalf("%s: %v", d, err)
		}
		again, err := recording.ParseCall([]byte(d))
		if err != nil || again.Document() != d {
			t.Fatalf("%s: parsed again: %s, %v", d, again.Document(), err)
		}
	})
}
