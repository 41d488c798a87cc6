package recording_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/callrecordings/api/shared/recording"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestAppendJSON(t *testing.T) {
	t.Parallel()
	mp3 := recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg"}
	for _, c := range []struct {
		name    string
		r       recording.Recording
		deleted bool
		want    string
	}{
		{
			"with audio",
			recording.Recording{ID: "202311-x", Document: `{"a":1}`, Audio: mp3},
			false,
			`{"id":"202311-x","a":1,"_read_only":{"content_types":["audio/mpeg"],"state":"ready"}}`,
		},
		{
			"deleted",
			recording.Recording{ID: "202311-x", Document: `{"a":1}`, Audio: mp3},
			true,
			`{"id":"202311-x","a":1,"_read_only":{"content_types":["audio/mpeg"],"state":"ready","deleted":true}}`,
		},
		{
			"external audio",
			recording.Recording{ID: "202311-x", Audio: recording.Audio{Place: recording.External, ContentType: "audio/ogg"}},
			false, `{"id":"202311-x","_read_only":{"content_types":["audio/ogg"],"state":"ready"}}`,
		},
		{
			"audio of unknown type",
			recording.Recording{ID: "202311-x", Document: `{}`, Audio: recording.Audio{Place: recording.External}},
			false, `{"id":"202311-x","_read_only":{"content_types":[],"state":"ready"}}`,
		},
		{
			"pending audio",
			recording.Recording{ID: "202311-x", Document: `{}`, Audio: recording.Audio{ContentType: "audio/mpeg"}},
			false, `{"id":"202311-x","_read_only":{"content_types":[],"state":"pending"}}`,
		},
		{
			"empty audio",
			recording.Recording{ID: "202311-x", Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/wav", State: recording.Empty}},
			false, `{"id":"202311-x","_read_only":{"content_types":["audio/wav"],"state":"empty"}}`,
		},
		{
			"failed audio",
			recording.Recording{ID: "202311-x", Audio: recording.Audio{Size: 5, State: recording.Failed, Reason: recording.NotAudio}},
			false, `{"id":"202311-x","_read_only":{"content_types":[],"state":"failed","reason":"not_audio"}}`,
		},
		{
			"private values are omitted",
			recording.Recording{
				ID: "202311-x", Account: "acc", Owner: "own", Created: 1, Modified: 2, Revision: "r", Made: "m",
				Upload: recording.Upload{ContentType: "audio/mpeg", Size: 1, SHA256: "s"}, Audio: recording.Audio{Key: "k", SHA256: "s", Sequencer: "q"},
			},
			true, `{"id":"202311-x","_read_only":{"content_types":[],"state":"pending","deleted":true}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := string(c.r.AppendJSON([]byte(">"), c.deleted)); got != ">"+c.want {
				t.Errorf("AppendJSON = %s, want >%s", got, c.want)
			}
		})
	}
}

// TestAppendJSONIsTheDocument checks that clients get the ID, the document and
// _read_only only.
func TestAppendJSONIsTheDocument(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := recording.Recording{
			ID:       "202311-x",
			Document: mustDocument(t, objectText(3).Draw(t, "document")),
			Audio:    recording.Audio{Place: recording.Managed, ContentType: texts.Draw(t, "type")},
		}
		want := decode(t, string(r.Document)).(map[string]any)
		want["id"] = r.ID
		types := []any{}
		if r.Audio.ContentType != "" {
			types = append(types, r.Audio.ContentType)
		}
		want["_read_only"] = map[string]any{"content_types": types, "state": "ready"}
		if diff := cmp.Diff(want, decode(t, string(r.AppendJSON(nil, false)))); diff != "" {
			t.Errorf("AppendJSON (-want +got):\n%s", diff)
		}
	})
}

// TestHotPathDoesNotAllocate covers the work of a list for each recording. It
// is not parallel because AllocsPerRun measures the whole process.
func TestHotPathDoesNotAllocate(t *testing.T) {
	r := sample(t)
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { buf = r.AppendJSON(buf[:0], true) }); n != 0 {
		t.Errorf("AppendJSON allocates %v times, want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() { recording.EscapedLen(buf) }); n != 0 {
		t.Errorf("EscapedLen allocates %v times, want 0", n)
	}
	for _, q := range benchFilters {
		f, err := recording.ParseFilter(q.query)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { f.Match(r) }); n != 0 {
			t.Errorf("Match with %s allocates %v times, want 0", q.name, n)
		}
	}
}

func TestEscapedLen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.SliceOf(rapid.Byte()),
			rapid.Map(jsonText(3), func(s string) []byte { return []byte(s) }),
			rapid.Map(rapid.StringOf(rapid.RuneFrom([]rune("\"\\\n\r\t\b\f\x00\x1f\x7f<>&\u2028\u2029ä😀\ufffda"))), func(s string) []byte { return []byte(s) }),
		).Draw(t, "text")
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false) // like aws-lambda-go
		if err := e.Encode(string(text)); err != nil {
			t.Fatal(err)
		}
		if got, want := recording.EscapedLen(text), b.Len()-len(`""`)-len("\n"); got != want {
			t.Errorf("EscapedLen(%q) = %d, want %d", text, got, want)
		}
	})
}
