package api

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestChooseForOneRecording(t *testing.T) {
	t.Parallel()
	const none = form(-1)
	tests := []struct {
		name     string
		tunneled string
		header   []string
		own      string // "" for a type that is not known yet
		want     form
	}{
		{"nothing", "", nil, "audio/mpeg", formDocument},
		{"empty header", "", []string{""}, "audio/mpeg", formDocument},
		{"json", "", []string{"application/json"}, "audio/mpeg", formDocument},
		{"x-json", "", []string{"application/x-json"}, "audio/mpeg", formDocument},
		{"json with parameter", "", []string{"application/json; charset=utf-8"}, "audio/mpeg", formDocument},
		{"any case", "", []string{"APPLICATION/JSON"}, "audio/mpeg", formDocument},
		{"anything", "", []string{"*/*"}, "audio/mpeg", formDocument},
		{"a lone star", "", []string{"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"}, "audio/mpeg", formDocument},
		{"any application", "", []string{"application/*"}, "audio/mpeg", formDocument},
		{"jquery", "", []string{"application/json, text/javascript, */*; q=0.01"}, "audio/mpeg", formDocument},
		{"browser", "", []string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, "audio/mpeg", formDocument},
		{"firefox audio", "", []string{"audio/webm,audio/ogg,audio/wav,audio/*;q=0.9,application/ogg;q=0.7,video/*;q=0.6,*/*;q=0.5"}, "audio/mpeg", formAudio},

		{"mpeg", "", []string{"audio/mpeg"}, "audio/mpeg", formAudio},
		{"mpeg for a wav", "", []string{"audio/mpeg"}, "audio/x-wav", formAudio},
		{"mp3", "", []string{"audio/mp3"}, "audio/ogg", formAudio},
		{"any audio", "", []string{"audio/*"}, "audio/x-wav", formAudio},
		{"own type", "", []string{"audio/ogg"}, "audio/ogg", formAudio},
		{"own type with codecs", "", []string{`audio/ogg; codecs="opus, vorbis"; q=0.9`}, "audio/ogg;codecs=opus", formAudio},
		{"wav is x-wav", "", []string{"audio/wav"}, "audio/x-wav", formAudio},
		{"x-wav is vnd.wave", "", []string{"audio/x-wav"}, "audio/vnd.wave", formAudio},
		{"another type", "", []string{"audio/ogg"}, "audio/mpeg", none},
		{"another type or json", "", []string{"audio/ogg, application/json;q=0.1"}, "audio/mpeg", formDocument},
		{"any type may be its own", "", []string{"audio/ogg"}, "", formAudio},
		{"text", "", []string{"text/html"}, "audio/mpeg", none},
		{"text before load", "", []string{"text/html"}, "", none},
		{"any text", "", []string{"text/*"}, "audio/mpeg", none},
		{"csv", "", []string{"text/csv"}, "audio/mpeg", none},

		{"quality", "", []string{"audio/mpeg;q=0.5, application/json"}, "audio/mpeg", formDocument},
		{"quality the other way", "", []string{"audio/mpeg, application/json;q=0.9"}, "audio/mpeg", formAudio},
		{"last of equals, json", "", []string{"audio/mpeg, application/json"}, "audio/mpeg", formDocument},
		{"last of equals, audio", "", []string{"application/json, audio/mpeg"}, "audio/mpeg", formAudio},
		{"last of equals over two lines", "", []string{"application/json;q=0.4", "audio/mpeg;q=0.4"}, "audio/mpeg", formAudio},
		{"last is a wildcard", "", []string{"audio/mpeg, */*"}, "audio/mpeg", formDocument},
		{"excluded", "", []string{"audio/mpeg;q=0"}, "audio/mpeg", none},
		{"excluded to three digits", "", []string{"audio/mpeg;q=0.000, application/json;q=0.001"}, "audio/mpeg", formDocument},
		{"everything excluded", "", []string{"*/*;q=0"}, "audio/mpeg", none},
		{"all but json", "", []string{"*/*, application/json;q=0"}, "audio/mpeg", formAudio},
		{"all but audio", "", []string{"audio/*;q=0, application/*;q=0, */*"}, "audio/mpeg", none},
		{"audio but mpeg, which it is", "", []string{"audio/*, audio/mpeg;q=0"}, "audio/mpeg", none},
		{"audio but mpeg, which it is not", "", []string{"audio/*, audio/mpeg;q=0"}, "audio/ogg", formAudio},
		{"audio but mpeg, perhaps", "", []string{"audio/*, audio/mpeg;q=0"}, "", formAudio},

		{"quality too high", "", []string{"audio/mpeg;q=2"}, "audio/mpeg", formDocument},
		{"quality no number", "", []string{"audio/mpeg;q=NaN"}, "audio/mpeg", formDocument},
		{"quality empty", "", []string{"audio/mpeg;q="}, "audio/mpeg", formDocument},
		{"unreadable header", "", []string{"rubbish"}, "audio/mpeg", formDocument},
		{"unreadable element", "", []string{"rubbish, audio/mpeg, */mpeg"}, "audio/mpeg", formAudio},
		{"short name in the header", "", []string{"mp3"}, "audio/mpeg", formDocument},

		{"tunneled beats header", "audio/mpeg", []string{"application/json"}, "audio/mpeg", formAudio},
		{"tunneled json beats header", "json", []string{"audio/mpeg"}, "audio/mpeg", formDocument},
		{"tunneled mp3", "mp3", []string{"*/*"}, "audio/mpeg", formAudio},
		{"tunneled mpeg", "mpeg", nil, "audio/mpeg", formAudio},
		{"tunneled audio", "audio", nil, "audio/ogg", formAudio},
		{"tunneled any case", "MP3", nil, "audio/mpeg", formAudio},
		{"tunneled csv", "csv", nil, "audio/mpeg", none},
		{"tunneled list", "mp3;q=0.1,json;q=0.2", nil, "audio/mpeg", formDocument},
		{"tunneled unreadable", "rubbish", []string{"audio/mpeg"}, "audio/mpeg", formAudio},
		{"tunneled undefined", "undefined", []string{"audio/mpeg"}, "audio/mpeg", formAudio},
		{"both unreadable", "rubbish", []string{"rubbish"}, "audio/mpeg", formDocument},
		{"tunneled that cannot be given", "text/html", []string{"application/json"}, "audio/mpeg", none},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			audio := offerAnyAudio
			if tt.own != "" {
				audio = offerAudio(tt.own)
			}
			got, ok := wishOf(tt.tunneled, tt.header).choose(offerDocument, audio)
			if !ok {
				got = none
			}
			if got != tt.want {
				t.Errorf("choose(accept=%q, %q, own %q) = %v, want %v", tt.tunneled, tt.header, tt.own, got, tt.want)
			}
		})
	}
}

func TestChooseForAList(t *testing.T) {
	t.Parallel()
	tests := []struct {
		tunneled, header string
		want             form
		ok               bool
	}{
		{"", "text/csv", formCSV, true},
		{"", "text/comma-separated-values", formCSV, true},
		{"", "application/octet-stream", formCSV, true},
		{"", "text/*", formCSV, true},
		{"csv", "application/json", formCSV, true},
		{"text/csv", "", formCSV, true},
		{"", "application/*", formDocument, true},
		{"", "*/*", formDocument, true},
		{"", "application/json, text/csv", formCSV, true},
		{"", "text/csv, application/json", formDocument, true},
		{"mp3", "application/json", 0, false},
		{"", "audio/mpeg", 0, false},
	}
	for _, tt := range tests {
		got, ok := wishOf(tt.tunneled, []string{tt.header}).choose(offerDocument, offerCSV)
		if got != tt.want || ok != tt.ok {
			t.Errorf("choose(accept=%q, %q) = %v, %v, want %v, %v", tt.tunneled, tt.header, got, ok, tt.want, tt.ok)
		}
	}
}

// Knowing the audio's type can only take audio away: what was refused before
// the recording was read stays refused, and what was a document stays one.
// The order of checks in get stands on this.
func TestUnknownTypeIsTheWidestOffer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		element := rapid.SampledFrom([]string{
			"application/json", "application/*", "audio/mpeg", "audio/ogg", "audio/x-wav", "audio/*", "*/*", "text/html", "rubbish",
		})
		weight := rapid.SampledFrom([]string{"", ";q=0", ";q=0.5", ";q=1", ";q=x"})
		var text []string
		for range rapid.IntRange(0, 5).Draw(t, "elements") {
			text = append(text, element.Draw(t, "type")+weight.Draw(t, "weight"))
		}
		own := rapid.SampledFrom([]string{"audio/mpeg", "audio/ogg", "audio/wav"}).Draw(t, "own")
		w := wishOf("", text)
		before, possible := w.choose(offerDocument, offerAnyAudio)
		after, ok := w.choose(offerDocument, offerAudio(own))
		if ok && !possible {
			t.Errorf("choose(%q) = %v for %s, but was impossible before", text, after, own)
		}
		if possible && before == formDocument && (!ok || after != formDocument) {
			t.Errorf("choose(%q) = %v, %v for %s, but was a document before", text, after, ok, own)
		}
	})
}

func FuzzWish(f *testing.F) {
	for _, seed := range []string{
		"", "*/*", "audio/mpeg;q=0.5, application/json", `a/b;c="x,y\"";q=1`, "mp3,json", ";;;,,,", `"`, "a/b;q=1e9", "audio/*;q=0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		last := math.Inf(1)
		for _, m := range wishOf(text, nil) {
			if m.quality < 0 || m.quality > 1 || m.quality > last {
				t.Errorf("wishOf(%q) has quality %v after %v", text, m.quality, last)
			}
			if last = m.quality; !isToken(m.kind) || !isToken(m.sub) {
				t.Errorf("wishOf(%q) has type %q/%q", text, m.kind, m.sub)
			}
		}
		wishOf("", []string{text}).choose(offerDocument, offerAudio("audio/mpeg"), offerCSV)
	})
}
