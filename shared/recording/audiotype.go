package recording

import (
	"mime"
	"slices"
)

// audioTypes are the media types of audio that is served, each with the other
// names that it goes by.
var audioTypes = []struct {
	name  string
	alias []string
}{
	{"audio/mpeg", []string{"audio/mp3", "audio/mpeg3", "audio/x-mp3", "audio/x-mpeg", "audio/x-mpeg-3"}},
	{"audio/wav", []string{"audio/wave", "audio/x-wav", "audio/vnd.wave", "audio/x-pn-wav"}},
	{"audio/ogg", []string{"application/ogg", "video/ogg", "audio/opus", "audio/vorbis", "audio/x-ogg"}},
	{"audio/mp4", []string{"video/mp4", "audio/m4a", "audio/x-m4a", "audio/mp4a-latm"}},
}

// AudioTypes are the media types of audio that is served.
func AudioTypes() []string {
	var names []string
	for _, t := range audioTypes {
		names = append(names, t.name)
	}
	return names
}

// AudioType gives a media type of audio, with or without parameters, the name
// by which it is served. It reports false for every other type.
func AudioType(text string) (string, bool) {
	kind, _, err := mime.ParseMediaType(text)
	if err != nil {
		return "", false
	}
	for _, t := range audioTypes {
		if t.name == kind || slices.Contains(t.alias, kind) {
			return t.name, true
		}
	}
	return "", false
}
