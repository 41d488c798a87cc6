package api

import (
	"testing"

	"pgregory.net/rapid"
)

func TestChooseForOneRecording(t *testing.T) {
	t.Parallel()
	const none = form(-1)
	tests := []struct {
		name      string
		parameter string
		header    []string
		own       string // "" for a type that is not known yet
		want      form
	}{
		{"no preference", "", nil, "audio/mpeg", formDocument},
		{"empty header", "", []string{""}, "audio/mpeg", formDocument},
		{"json", "", []string{"application/json"}, "audio/mpeg", formDocument},
		{"x-json", "", []string{"application/x-json"}, "audio/mpeg", formDocument},
		{"json with a parameter", "", []string{"application/json; charset=utf-8"}, "audio/mpeg", formDocument},
		{"any case", "", []string{"APPLICATION/JSON"}, "audio/mpeg", formDocument},
		{"anything", "", []string{"*/*"}, "audio/mpeg", formDocument},
		{"a lone star", "", []string{"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"}, "audio/mpeg", formDocument},
		{"any application", "", []string{"application/*"}, "audio/mpeg", formDocument},
		{"jquery", "", []string{"application/json, text/javascript, */*; q=0.01"}, "audio/mpeg", formDocument},
		{"browser", "", []string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, "audio/mpeg", formDocument},
		{"firefox audio", "", []string{"audio/webm,audio/ogg,audio/wav,audio/*;q=0.9,application/ogg;q=0.7,video/*;q=0.6,*/*;q=0.5"}, "audio/mpeg", formAudio},

		{"mpeg", "", []string{"audio/mpeg"}, "audio/mpeg", formAudio},
		{"mpeg though it is wav", "", []string{"audio/mpeg"}, "audio/x-wav", formAudio},
		{"mp3", "", []string{"audio/mp3"}, "audio/ogg", formAudio},
		{"any audio", "", []string{"audio/*"}, "audio/x-wav", formAudio},
		{"own type", "", []string{"audio/ogg"}, "audio/ogg", formAudio},
		{"own type with codecs", "", []string{`audio/ogg; codecs="opus, vorbis"; q=0.9`}, "audio/ogg;codecs=opus", formAudio},
		{"wav is x-wav", "", []string{"audio/wav"}, "audio/x-wav", formAudio},
		{"x-wav is vnd.wave", "", []string{"audio/x-wav"}, "audio/vnd.wave", formAudio},
		{"another name of its format", "", []string{"audio/opus"}, "audio/ogg", formAudio},
		{"a container of its format", "", []string{"application/ogg"}, "audio/ogg", formAudio},
		{"m4a is mp4", "audio/x-m4a", nil, "audio/mp4", formAudio},
		{"a name of another format", "", []string{"audio/opus"}, "audio/mpeg", none},
		{"a container before the recording is read", "", []string{"video/mp4"}, "", formAudio},
		{"a video before the recording is read", "", []string{"video/x-matroska"}, "", none},
		{"another type", "", []string{"audio/ogg"}, "audio/mpeg", none},
		{"another type or json", "", []string{"audio/ogg, application/json;q=0.1"}, "audio/mpeg", formDocument},
		{"any audio type before the recording is read", "", []string{"audio/ogg"}, "", formAudio},
		{"text", "", []string{"text/html"}, "audio/mpeg", none},
		{"text before the recording is read", "", []string{"text/html"}, "", none},
		{"any text", "", []string{"text/*"}, "audio/mpeg", none},
		{"csv", "", []string{"text/csv"}, "audio/mpeg", none},

		{"short name in the header", "", []string{"mp3"}, "audio/mpeg", formDocument},
		{"parameter overrides the header", "audio/mpeg", []string{"application/json"}, "audio/mpeg", formAudio},
		{"json parameter overrides the header", "json", []string{"audio/mpeg"}, "audio/mpeg", formDocument},
		{"parameter mp3", "mp3", []string{"*/*"}, "audio/mpeg", formAudio},
		{"parameter mpeg", "mpeg", nil, "audio/mpeg", formAudio},
		{"parameter audio", "audio", nil, "audio/ogg", formAudio},
		{"parameter any case", "MP3", nil, "audio/mpeg", formAudio},
		{"parameter csv", "csv", nil, "audio/mpeg", none},
		{"parameter list", "mp3;q=0.1,json;q=0.2", nil, "audio/mpeg", formDocument},
		{"malformed parameter", "rubbish", []string{"audio/mpeg"}, "audio/mpeg", formAudio},
		{"parameter undefined", "undefined", []string{"audio/mpeg"}, "audio/mpeg", formAudio},
		{"both malformed", "rubbish", []string{"rubbish"}, "audio/mpeg", formDocument},
		{"parameter that no offer matches", "text/html", []string{"application/json"}, "audio/mpeg", none},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			audio := offerAnyAudio()
			if tt.own != "" {
				audio = offerAudio(tt.own)
			}
			got, err := preferencesOf(tt.parameter, tt.header).choose(offerDocument, audio)
			if err != nil {
				got = none
			}
			if got != tt.want {
				t.Errorf("choose(accept=%q, %q, own %q) = %v, want %v", tt.parameter, tt.header, tt.own, got, tt.want)
			}
		})
	}
}

func TestChooseForAList(t *testing.T) {
	t.Parallel()
	tests := []struct {
		parameter, header string
		want              form
		ok                bool
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
		got, err := preferencesOf(tt.parameter, []string{tt.header}).choose(offerDocument, offerCSV)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("choose(accept=%q, %q) = %v, %v, want %v and success %t", tt.parameter, tt.header, got, err, tt.want, tt.ok)
		}
	}
}

// Knowing the audio's type can only rule audio out. If the answer is a 406 before the
// recording is read, it is still a 406 afterwards, and a document stays a document. The
// order of the checks in get.go relies on this rule.
func TestUnknownTypeIsTheWidestOffer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		element := rapid.SampledFrom([]string{
			"application/json", "application/*", "audio/mpeg", "audio/ogg", "audio/x-wav", "audio/opus", "application/ogg", "video/*", "audio/*", "*/*", "text/html", "rubbish",
		})
		weight := rapid.SampledFrom([]string{"", ";q=0", ";q=0.5", ";q=1", ";q=x"})
		var text []string
		for range rapid.IntRange(0, 5).Draw(t, "elements") {
			text = append(text, element.Draw(t, "type")+weight.Draw(t, "weight"))
		}
		own := rapid.SampledFrom([]string{"audio/mpeg", "audio/ogg", "audio/wav"}).Draw(t, "own")
		p := preferencesOf("", text)
		before, err := p.choose(offerDocument, offerAnyAudio())
		possible := err == nil
		after, err := p.choose(offerDocument, offerAudio(own))
		ok := err == nil
		if ok && !possible {
			t.Errorf("choose(%q) = %v for %s, but nothing matched before", text, after, own)
		}
		if possible && before == formDocument && (!ok || after != formDocument) {
			t.Errorf("choose(%q) = %v, %v for %s, but was a document before", text, after, ok, own)
		}
	})
}
