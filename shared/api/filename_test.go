package api

import (
	"mime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/callrecordings/api/shared/httpfield"
)

func TestAudioFileName(t *testing.T) {
	t.Parallel()
	const id = "202311-abc"
	tests := []struct {
		name, wanted, contentType, want string
	}{
		{"unchanged", "call.mp3", "audio/mpeg", "call.mp3"},
		{"unchanged though the type differs", "call.wav", "audio/mpeg", "call.wav"},
		{"no name", "", "audio/mpeg", "202311-abc.mp3"},
		{"no name, type with parameter", "", "audio/ogg; codecs=opus", "202311-abc.ogg"},
		{"no name, unknown type", "", "audio/x-strange", "202311-abc.audio"},
		{"no extension", "call", "audio/x-wav", "call.wav"},
		{"upper case extension", "CALL.MP3", "audio/mpeg", "CALL.MP3"},
		{"a date in place of the extension", "call 2023.11", "audio/mpeg", "call 2023.11.mp3"},
		{"a program", "call.mp3.exe", "audio/mpeg", "call.mp3.exe.mp3"},
		{"an HTML page", "call.html", "audio/mpeg", "call.html.mp3"},
		{"a path", "../../etc/passwd", "audio/mpeg", "_.._etc_passwd.mp3"},
		{"a Windows path", `C:\calls\a.mp3`, "audio/mpeg", "C__calls_a.mp3"},
		{"header injection", "a\r\nSet-Cookie: x=\"1\".mp3", "audio/mpeg", "aSet-Cookie_ x=_1_.mp3"},
		{"bidirectional override", "call\u202e3pm.mp3", "audio/mpeg", "call3pm.mp3"},
		{"zero width", "ca\u200bll\ufeff.mp3", "audio/mpeg", "call.mp3"},
		{"line separator", "a\u2028b.mp3", "audio/mpeg", "a b.mp3"},
		{"hidden file", ".mp3", "audio/mpeg", "mp3.mp3"},
		{"only dots", "...", "audio/mpeg", "202311-abc.mp3"},
		{"only spaces", " \t ", "audio/mpeg", "202311-abc.mp3"},
		{"umlauts", "Grüße.mp3", "audio/mpeg", "Grüße.mp3"},
		{"bad UTF-8", "a\xffb.mp3", "audio/mpeg", "a_b.mp3"},
		{"a video extension", "call.MP4", "audio/mp4", "call.MP4"},
		{"long, cut at a character boundary", "a" + strings.Repeat("é", 200), "audio/mpeg", "a" + strings.Repeat("é", 97) + ".mp3"},
		{"long", strings.Repeat("é", 200) + ".mp3", "audio/mpeg", strings.Repeat("é", 98) + ".mp3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := audioFileName(tt.wanted, id, tt.contentType); got != tt.want {
				t.Errorf("audioFileName(%q, %q) = %q, want %q", tt.wanted, tt.contentType, got, tt.want)
			}
		})
	}
}

func FuzzFileName(f *testing.F) {
	for _, seed := range []string{"", "call.mp3", "Grüße", "a\r\nb", `"; filename=evil.exe`, "\u202exe.3pm", "%41", "\xff", "a/../b", "日本語.wav"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, wanted string) {
		name := audioFileName(wanted, "202311-abc", "audio/mpeg")
		if !utf8.ValidString(name) || len(name) > maxFileName || strings.ContainsAny(name, `/\"`) || name[0] == '.' {
			t.Errorf("audioFileName(%q) = %q", wanted, name)
		}
		value := httpfield.ContentDisposition(false, name)
		for _, r := range value {
			if r > unicode.MaxASCII || !unicode.IsPrint(r) {
				t.Fatalf("ContentDisposition(%q) = %q, which holds %q", name, value, r)
			}
		}
		kind, params, err := mime.ParseMediaType(value)
		if err != nil || kind != "attachment" {
			t.Fatalf("ContentDisposition(%q) = %q, which parses as %q, %v", name, value, kind, err)
		}
		if got := params["filename"]; got != name {
			t.Errorf("ContentDisposition(%q) = %q, which names the file %q", name, value, got)
		}
	})
}
