package api

import (
	"mime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestFileName(t *testing.T) {
	t.Parallel()
	const id = "202311-abc"
	tests := []struct {
		name, wanted, contentType, want string
	}{
		{"as it is", "call.mp3", "audio/mpeg", "call.mp3"},
		{"as it is though the type differs", "call.wav", "audio/mpeg", "call.wav"},
		{"no name", "", "audio/mpeg", "202311-abc.mp3"},
		{"no name, type with parameter", "", "audio/ogg; codecs=opus", "202311-abc.ogg"},
		{"no name, strange type", "", "audio/x-strange", "202311-abc.audio"},
		{"no ending", "call", "audio/x-wav", "call.wav"},
		{"ending in capitals", "CALL.MP3", "audio/mpeg", "CALL.MP3"},
		{"a date for an ending", "call 2023.11", "audio/mpeg", "call 2023.11.mp3"},
		{"a program", "call.mp3.exe", "audio/mpeg", "call.mp3.exe.mp3"},
		{"a page", "call.html", "audio/mpeg", "call.html.mp3"},
		{"a path", "../../etc/passwd", "audio/mpeg", "_.._etc_passwd.mp3"},
		{"a Windows path", `C:\calls\a.mp3`, "audio/mpeg", "C__calls_a.mp3"},
		{"header injection", "a\r\nSet-Cookie: x=\"1\".mp3", "audio/mpeg", "aSet-Cookie_ x=_1_.mp3"},
		{"bidirectional override", "call\u202e3pm.mp3", "audio/mpeg", "call3pm.mp3"},
		{"zero width", "ca\u200bll\ufeff.mp3", "audio/mpeg", "call.mp3"},
		{"line separator", "a\u2028b.mp3", "audio/mpeg", "a b.mp3"},
		{"hidden", ".mp3", "audio/mpeg", "mp3.mp3"},
		{"only dots", "...", "audio/mpeg", "202311-abc.mp3"},
		{"only spaces", " \t ", "audio/mpeg", "202311-abc.mp3"},
		{"umlauts", "Grüße.mp3", "audio/mpeg", "Grüße.mp3"},
		{"bad UTF-8", "a\xffb.mp3", "audio/mpeg", "a_b.mp3"},
		{"a video's ending", "call.MP4", "audio/mp4", "call.MP4"},
		{"long, cut within a character", "a" + strings.Repeat("é", 200), "audio/mpeg", "a" + strings.Repeat("é", 97) + ".mp3"},
		{"long", strings.Repeat("é", 200) + ".mp3", "audio/mpeg", strings.Repeat("é", 98) + ".mp3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := fileName(tt.wanted, id, tt.contentType); got != tt.want {
				t.Errorf("fileName(%q, %q) = %q, want %q", tt.wanted, tt.contentType, got, tt.want)
			}
		})
	}
}

func TestDisposition(t *testing.T) {
	t.Parallel()
	tests := []struct {
		inline     bool
		name, want string
	}{
		{false, "call.mp3", `attachment; filename="call.mp3"`},
		{true, "call.mp3", `inline; filename="call.mp3"`},
		{false, "a; b, c.mp3", `attachment; filename="a; b, c.mp3"`},
		{false, "Grüße.mp3", `attachment; filename="Gr__e.mp3"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.mp3`},
		{false, "100%25.mp3", `attachment; filename="100_25.mp3"; filename*=UTF-8''100%2525.mp3`},
		{false, "it's (1).mp3", `attachment; filename="it's (1).mp3"`},
		{true, "a\"b\\c\r\nd.mp3", `inline; filename="a_b_c__d.mp3"; filename*=UTF-8''a%22b%5Cc%0D%0Ad.mp3`},
	}
	for _, tt := range tests {
		if got := disposition(tt.inline, tt.name); got != tt.want {
			t.Errorf("disposition(%v, %q) = %s, want %s", tt.inline, tt.name, got, tt.want)
		}
	}
}

func FuzzDisposition(f *testing.F) {
	for _, seed := range []string{"", "call.mp3", "Grüße", "a\r\nb", `"; filename=evil.exe`, "\u202exe.3pm", "%41", "\xff", "a/../b", "日本語.wav"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, wanted string) {
		name := fileName(wanted, "202311-abc", "audio/mpeg")
		if !utf8.ValidString(name) || len(name) > maxFileName || strings.ContainsAny(name, `/\"`) || name[0] == '.' {
			t.Errorf("fileName(%q) = %q", wanted, name)
		}
		value := disposition(false, name)
		for _, r := range value {
			if r > unicode.MaxASCII || !unicode.IsPrint(r) {
				t.Fatalf("disposition(%q) = %q, holds %q", name, value, r)
			}
		}
		kind, params, err := mime.ParseMediaType(value)
		if err != nil || kind != "attachment" {
			t.Fatalf("disposition(%q) = %q, which reads as %q, %v", name, value, kind, err)
		}
		if got := params["filename"]; got != name {
			t.Errorf("disposition(%q) = %q, which names %q", name, value, got)
		}
	})
}
