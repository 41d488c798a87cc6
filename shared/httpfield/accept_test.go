package httpfield

import (
	"math"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	const none, document, audio = -1, 0, 1
	var (
		documentTypes = []string{"application/json", "application/x-json"}
		mpeg          = []string{"audio/mpeg", "audio/mp3"}
		ogg           = []string{"audio/ogg", "audio/mpeg", "audio/mp3"}
		unknown       = []string{"audio/*"}
	)
	tests := []struct {
		name   string
		header []string
		audio  []string
		want   int
	}{
		{"any type", []string{"*/*"}, mpeg, document},
		{"any application type", []string{"application/*"}, mpeg, document},
		{"one of several names", []string{"application/x-json"}, mpeg, document},
		{"upper case", []string{"AUDIO/MPEG"}, mpeg, audio},
		{"parameter with a quoted comma", []string{`audio/ogg; codecs="opus, vorbis"; q=0.9`}, ogg, audio},
		{"with x- or without", []string{"audio/x-flac"}, []string{"audio/flac"}, audio},
		{"without x- or with", []string{"audio/flac"}, []string{"audio/x-flac"}, audio},
		{"other type", []string{"text/html"}, unknown, none},
		{"a lone star", []string{"text/html, *; q=.2"}, mpeg, document},

		{"quality", []string{"audio/mpeg;q=0.5, application/json"}, mpeg, document},
		{"quality, reversed", []string{"audio/mpeg, application/json;q=0.9"}, mpeg, audio},
		{"last of equals, json", []string{"audio/mpeg, application/json"}, mpeg, document},
		{"last of equals, audio", []string{"application/json, audio/mpeg"}, mpeg, audio},
		{"last of equals on two lines", []string{"application/json;q=0.4", "audio/mpeg;q=0.4"}, mpeg, audio},
		{"last is a wildcard", []string{"audio/mpeg, */*"}, mpeg, document},
		{"excluded", []string{"audio/mpeg;q=0"}, mpeg, none},
		{"excluded to three digits", []string{"audio/mpeg;q=0.000, application/json;q=0.001"}, mpeg, document},
		{"everything excluded", []string{"*/*;q=0"}, mpeg, none},
		{"all but json", []string{"*/*, application/json;q=0"}, mpeg, audio},
		{"all but audio", []string{"audio/*;q=0, application/*;q=0, */*"}, mpeg, none},
		{"any audio but mpeg, for mpeg", []string{"audio/*, audio/mpeg;q=0"}, mpeg, none},
		{"any audio but mpeg, for ogg", []string{"audio/*, audio/mpeg;q=0"}, ogg, audio},
		{"any audio but mpeg, type unknown", []string{"audio/*, audio/mpeg;q=0"}, unknown, audio},

		{"quality too high", []string{"audio/mpeg;q=2"}, mpeg, document},
		{"quality not a number", []string{"audio/mpeg;q=NaN"}, mpeg, document},
		{"quality empty", []string{"audio/mpeg;q="}, mpeg, document},
		{"malformed header", []string{"rubbish"}, mpeg, document},
		{"malformed element", []string{"rubbish, audio/mpeg, */mpeg"}, mpeg, audio},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := ParseAccept(strings.Join(tt.header, ","), nil)
			if p == nil {
				p = AcceptsAll
			}
			if got := p.Choose(documentTypes, tt.audio); got != tt.want {
				t.Errorf("Choose(%q) = %d, want %d", tt.header, got, tt.want)
			}
		})
	}
}

func TestParseAcceptAliases(t *testing.T) {
	t.Parallel()
	aliases := map[string]string{"mp3": "audio/mpeg"}
	p := ParseAccept("MP3;q=0.5, wav", aliases)
	if len(p) != 1 || p[0] != (MediaRange{Type: "audio", Subtype: "mpeg", Quality: 0.5}) {
		t.Errorf("ParseAccept = %v, want audio/mpeg with quality 0.5 only", p)
	}
	if p := ParseAccept("mp3", nil); p != nil {
		t.Errorf("ParseAccept without aliases = %v, want nil", p)
	}
}

func TestEssenceOf(t *testing.T) {
	t.Parallel()
	if got, want := EssenceOf(" Audio/OGG ;codecs=opus"), "audio/ogg"; got != want {
		t.Errorf("EssenceOf = %q, want %q", got, want)
	}
}

func FuzzParseAccept(f *testing.F) {
	for _, seed := range []string{
		"", "*/*", "audio/mpeg;q=0.5, application/json", `a/b;c="x,y\"";q=1`, "mp3,json", ";;;,,,", `"`, "a/b;q=1e9", "audio/*;q=0",
	} {
		f.Add(seed)
	}
	aliases := map[string]string{"mp3": "audio/mpeg", "json": "application/json", "audio": "audio/*"}
	offers := [][]string{{"application/json", "application/x-json"}, {"audio/mpeg", "audio/mp3"}, {"text/csv"}}
	f.Fuzz(func(t *testing.T, text string) {
		last := math.Inf(1)
		p := ParseAccept(text, aliases)
		for _, m := range p {
			if m.Quality < 0 || m.Quality > 1 || m.Quality > last {
				t.Errorf("ParseAccept(%q) has quality %v after %v", text, m.Quality, last)
			}
			if last = m.Quality; !IsToken(m.Type) || !IsToken(m.Subtype) {
				t.Errorf("ParseAccept(%q) has type %q/%q", text, m.Type, m.Subtype)
			}
		}
		if i := p.Choose(offers...); i < -1 || i >= len(offers) {
			t.Errorf("Choose(%q) = %d", text, i)
		}
		if i := ParseAccept(text, nil).Choose(offers...); i < -1 || i >= len(offers) {
			t.Errorf("Choose(%q) without aliases = %d", text, i)
		}
	})
}
