package httpfield

import (
	"mime"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestContentDisposition(t *testing.T) {
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
		if got := ContentDisposition(tt.inline, tt.name); got != tt.want {
			t.Errorf("ContentDisposition(%v, %q) = %s, want %s", tt.inline, tt.name, got, tt.want)
		}
	}
}

func FuzzContentDisposition(f *testing.F) {
	for _, seed := range []string{"", "call.mp3", "Grüße", "a\r\nb", `"; filename=evil.exe`, "\u202exe.3pm", "%41", "\xff", "a/../b", "日本語.wav"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		value := ContentDisposition(false, name)
		for _, r := range value {
			if r > unicode.MaxASCII || !unicode.IsPrint(r) {
				t.Fatalf("ContentDisposition(%q) = %q, which holds %q", name, value, r)
			}
		}
		kind, params, err := mime.ParseMediaType(value)
		if err != nil || kind != "attachment" {
			t.Fatalf("ContentDisposition(%q) = %q, which parses as %q, %v", name, value, kind, err)
		}
		if got := params["filename"]; utf8.ValidString(name) && got != name {
			t.Errorf("ContentDisposition(%q) = %q, which parses as %q", name, value, got)
		}
	})
}
