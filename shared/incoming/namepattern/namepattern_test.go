package namepattern_test

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/incoming/namepattern"
	"github.com/callrecordings/api/shared/recording"
)

func known(t testing.TB, zone *time.Location) namepattern.Set {
	t.Helper()
	s, err := namepattern.Parse(namepattern.Known, zone)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOpen(t *testing.T) {
	t.Parallel()
	s, err := namepattern.Open("[{*}-]{caller}.{ext}", "Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"1001.wav": "", "archive/1001.2026-07-24-09-30-05.wav": seconds(time.Date(2026, 7, 24, 7, 30, 5, 0, time.UTC))} {
		got, ok := s.Match(name)
		if !ok || got.Call["caller_id_number"] != "1001" || got.Call["start"] != want {
			t.Errorf("Match(%q) = %v, %v, want the caller and %q", name, got, ok, want)
		}
	}
	if _, err := namepattern.Open("", "Nowhere/None"); !errors.Is(err, namepattern.ErrZone) {
		t.Errorf("Open = %v, want ErrZone", err)
	}
	if _, err := namepattern.Open("{", ""); !errors.Is(err, namepattern.ErrPattern) {
		t.Errorf("Open = %v, want ErrPattern", err)
	}
}

// seconds returns a time as Gregorian seconds.
func seconds(at time.Time) string { return strconv.FormatInt(int64(recording.SecondsOf(at)), 10) }

func TestKnownPatterns(t *testing.T) {
	t.Parallel()
	const id, att = "202611-6b3c0e1f9a4d4e7f8a1b2c3d4e5f6071", "0f1e2d3c4b5a69788796a5b4c3d2e1f0.mp3"
	start := seconds(time.Date(2026, 11, 24, 9, 30, 5, 0, time.UTC))
	for name, want := range map[string]recording.Call{
		// Kazoo with the guide's field list: with all values, and with the call
		// ID only.
		id + "/call_id=a1%4010.1.1.5&owner_id=u1&start=63931120205&duration_ms=62340&direction=inbound" +
			"&from=1001%40pbx.example&to=%2B15550100%40pbx.example&caller_id_number=1001&callee_id_number=%2B15550100/" + att: {
			"id": id, "call_id": "a1@10.1.1.5", "owner_id": "u1", "start": "63931120205", "duration_ms": "62340", "direction": "inbound",
			"from": "1001@pbx.example", "to": "+15550100@pbx.example", "caller_id_number": "1001", "callee_id_number": "+15550100", "name": att,
		},
		id + "/call_id=x&owner_id=&start=&duration_ms=&direction=&from=&to=&caller_id_number=&callee_id_number=/" + att: {
			"id": id, "call_id": "x", "name": att,
		},
		// Kazoo's own field lists.
		"account%2F12%2F34%2F567890-202611/" + id + "_" + att: {"id": id, "name": att},
		id + "_" + att:             {"id": id, "name": att},
		"acc/u1/" + id + "/" + att: {"id": id, "account_id": "acc", "owner_id": "u1", "name": att},
		"acc/" + id + "/" + att:    {"id": id, "account_id": "acc", "name": att},
		// Empty folders, as Kazoo writes them if a folder in its settings ends in a slash.
		"/" + id + "_" + att:       {"id": id, "name": att},
		"//acc//" + id + "/" + att: {"id": id, "account_id": "acc", "name": att},
		// A recorder's url, as 4.3 and 5.0 write it.
		"call_recording_a1%4010.1.1.5.mp3":  {"call_id": "a1@10.1.1.5", "name": "call_recording_a1@10.1.1.5.mp3"},
		"call_recording_a1%4010.1.1.5..wav": {"call_id": "a1@10.1.1.5", "name": "call_recording_a1@10.1.1.5..wav"},
		// FreePBX.
		"2026/11/24/out-+15550100-1001-20261124-093005-1795512605.12.wav": {
			"direction": "out", "callee_id_number": "+15550100", "caller_id_number": "1001", "start": start, "call_id": "1795512605.12",
			"name": "out-+15550100-1001-20261124-093005-1795512605.12.wav",
		},
		"q-400-15550100-20261124-093005-1795512605.12.WAV": {
			"direction": "q", "callee_id_number": "400", "caller_id_number": "15550100", "start": start, "call_id": "1795512605.12",
			"name": "q-400-15550100-20261124-093005-1795512605.12.WAV",
		},
		// FreeSWITCH's sample dialplan and FusionPBX.
		"archive/2026-11-24-09-30-05_1002_1001.wav": {
			"start": start, "callee_id_number": "1002", "caller_id_number": "1001", "name": "2026-11-24-09-30-05_1002_1001.wav",
		},
		"1001.2026-11-24-09-30-05.wav": {"start": start, "caller_id_number": "1001", "name": "1001.2026-11-24-09-30-05.wav"},
		"pbx.example/archive/2026/Nov/24/5f0c.wav": {
			"call_id": "5f0c", "start": seconds(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)), "name": "5f0c.wav",
		},
		// Labels.
		"x/call_id=7;from=1001@a;to=Zo%C3%AB@b.json": {"call_id": "7", "from": "1001@a", "to": "Zoë@b", "name": "call_id=7;from=1001@a;to=Zoë@b.json"},
	} {
		got, ok := known(t, nil).Match(name)
		if diff := cmp.Diff(want, got.Call); !ok || diff != "" {
			t.Errorf("Match(%q) = %v (-want +got):\n%s", name, ok, diff)
		}
	}
}

func TestUnmatchedNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "call.wav", "x/y.mp3", "notes.txt", "/", "//call.wav", "acc/2026-a/b.mp3",
		"in-1-2-20261324-093005-1.wav", // there is no month 13
		"202611-a/b/c/d.mp3", "call_recording_.mp3", "a=b", strings.Repeat("a", 1100) + "/call_id=1.wav",
	} {
		if got, ok := known(t, nil).Match(name); ok {
			t.Errorf("Match(%q) = %v, want no match", name, got)
		}
	}
	got := namepattern.Unmatched("x/My call%20.Mp3")
	if diff := cmp.Diff(namepattern.Name{Call: recording.Call{"name": "My call .Mp3"}, Stem: "x/My call%20", Ext: "mp3"}, got); diff != "" {
		t.Errorf("Unmatched (-want +got):\n%s", diff)
	}
}

// FreePBX ends a name with the call's Unix time, which decides in the hour that
// repeats in autumn.
func TestHourThatComesTwice(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	first := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
	for _, want := range []time.Time{first, first.Add(time.Hour)} {
		name := "in-1001-1002-20261025-023000-" + strconv.FormatInt(want.Unix()-9, 10) + ".4.wav"
		got, _ := known(t, berlin).Match(name)
		if at, ok := got.Call.Start(); !ok || !at.Time().Equal(want) {
			t.Errorf("start of %s = %s, want %s", name, at.Time(), want)
		}
	}
}

func TestTimeZone(t *testing.T) {
	t.Parallel()
	const name = "1001.2026-07-24-09-30-05.wav"
	got, _ := known(t, time.FixedZone("", 2*3600)).Match(name)
	if at, ok := got.Call.Start(); !ok || !at.Time().Equal(time.Date(2026, 7, 24, 7, 30, 5, 0, time.UTC)) {
		t.Errorf("start = %s, want 07:30:05 UTC", at.Time())
	}
	s, err := namepattern.Parse("{start:%s}-{caller}.{ext}", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, _ = s.Match("1785000000-7.wav")
	if at, _ := got.Call.Start(); at != recording.SecondsOf(time.Unix(1785000000, 0)) {
		t.Errorf("start = %s, want the Unix seconds", at.Time())
	}
}

func TestSidecarSharesItsAudiosStem(t *testing.T) {
	t.Parallel()
	s := known(t, nil)
	audio, _ := s.Match("archive/2026-11-24-09-30-05_1002_1001.wav")
	sidecar, ok := s.Match("archive/2026-11-24-09-30-05_1002_1001.json")
	if !ok || audio.Stem != sidecar.Stem || sidecar.Ext != "json" || audio.Ext != "wav" {
		t.Errorf("%+v and %+v, want the same stem", audio, sidecar)
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"{", "}", "{}", "[", "]", "a]b[", "{caller", "{Caller}", "{a b}", "{start:}", "{start:%q}", "{start:%}", "{start:%H%M}",
		"{start:Jan%Y}", "{start:%s%Y}", "plain.wav", "{*}.wav", strings.Repeat("{*}", 200) + "{id}",
	} {
		if s, err := namepattern.Parse(bad, nil); !errors.Is(err, namepattern.ErrPattern) {
			t.Errorf("Parse(%q) = %v, %v, want ErrPattern", bad, s, err)
		}
	}
	if s, err := namepattern.Parse(" \n", nil); err != nil || len(s.Patterns) != 0 {
		t.Errorf("Parse of white space = %v, %v, want no patterns", s, err)
	}
}

// Labels of any value are read back as a recorder writes them.
func TestLabelsRoundTrip(t *testing.T) {
	t.Parallel()
	s := known(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		want := recording.Call{"id": "202611-" + rapid.StringMatching(`[0-9a-f]{32}`).Draw(t, "id")}
		var parts []string
		for _, field := range []string{"call_id", "owner_id", "from", "to", "caller_id_number"} {
			value := strings.TrimSpace(rapid.StringN(0, 12, -1).Draw(t, field))
			if value != "" {
				want[field] = strings.TrimSpace(strings.ToValidUTF8(value, "\ufffd"))
			}
			parts = append(parts, field+"="+url.QueryEscape(value))
		}
		name := want["id"] + "/" + strings.ReplaceAll(strings.Join(parts, "&"), "+", "%20") + "/a.mp3"
		want["name"] = "a.mp3"
		got, ok := s.Match(name)
		if diff := cmp.Diff(want, got.Call); !ok || diff != "" {
			t.Fatalf("Match(%q) = %v (-want +got):\n%s", name, ok, diff)
		}
	})
}

func FuzzMatch(f *testing.F) {
	for _, seed := range []string{
		"202611-a/call_id=1&from=a%40b/c.mp3", "account%2Fx/202611-a_b.mp3", "in-1-2-20261124-093005-1.wav", "call_recording_%zz..mp3",
		"a/../202611-b/c.mp3", "202611-a/call_id=\n/'\".mp3",
	} {
		f.Add(seed)
	}
	s := known(f, nil)
	f.Fuzz(func(t *testing.T, name string) {
		got, ok := s.Match(name)
		if !ok {
			return
		}
		if err := got.Call.Document().Validate().Err(); err != nil {
			t.Errorf("Match(%q) gives an invalid document: %v", name, err)
		}
		if _, err := got.Call.ID(); err != nil {
			t.Errorf("Match(%q) has the ID %q", name, got.Call["id"])
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(namepattern.Known)
	f.Add("[{**}/]{start:%s}_[{caller}]_{x}.{ext}")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := namepattern.Parse(text, nil)
		if err != nil {
			return
		}
		for _, p := range s.Patterns {
			if again, err := namepattern.Parse(p.String(), nil); err != nil || len(again.Patterns) != 1 {
				t.Errorf("Parse(%q) = %v, want one pattern", p, err)
			}
		}
		s.Match("a/202611-b/c=d/e-f_g.20261124.mp3")
	})
}

func BenchmarkMatch(b *testing.B) {
	s := known(b, nil)
	for b.Loop() {
		if _, ok := s.Match("2026/11/24/out-+15550100-1001-20261124-093005-1795512605.12.wav"); !ok {
			b.Fatal("no match")
		}
	}
}
