package api

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

func TestPositionRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := store.Position{
			Created: recording.Seconds(rapid.Int64().Draw(t, "created")),
			ID:      rapid.StringMatching(`[0-9]{6}-[A-Za-z0-9_.@-]{1,128}`).Draw(t, "id"),
			After:   rapid.Bool().Draw(t, "after"),
		}
		data := appendPosition(nil, p)
		if len(data) > cursor.MaxPosition {
			t.Fatalf("%d bytes, but a cursor holds %d", len(data), cursor.MaxPosition)
		}
		got, ok := parsePosition(data)
		if !ok || got != p {
			t.Fatalf("parsePosition(appendPosition(%+v)) = %+v, %t", p, got, ok)
		}
	})
	if got, ok := parsePosition(appendPosition(nil, store.Position{})); !ok || !got.IsZero() {
		t.Errorf("the start of the list decodes as %+v, %t", got, ok)
	}
}

func TestParsePositionRejects(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		"", "\x01", "\x02", "\x03", "\x00\x00", "\x01\x05", "\x01\x80", "\x01\x80\x00a", "\x03\x05a",
		"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xffa",
	} {
		if p, ok := parsePosition([]byte(data)); ok {
			t.Errorf("parsePosition(%q) = %+v, want an error", data, p)
		}
	}
}

func FuzzParsePosition(f *testing.F) {
	f.Add([]byte{0})
	f.Add(appendPosition(nil, store.Position{Created: 63_938_196_000, ID: "202602-d"}))
	f.Add(appendPosition(nil, store.Position{Created: -1, ID: "x", After: true}))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, ok := parsePosition(data)
		if ok && !bytes.Equal(appendPosition(nil, p), data) {
			t.Fatalf("parsePosition(%q) = %+v, which encodes as %q", data, p, appendPosition(nil, p))
		}
	})
}
