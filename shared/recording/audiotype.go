package recording

import (
	"mime"
	"slices"
	"strings"
)

// The media types of the audio that this service accepts and serves.
const (
	AudioMPEG = "audio/mpeg"
	AudioWAV  = "audio/wav"
	AudioOgg  = "audio/ogg"
	AudioMP4  = "audio/mp4"
)

// audioFormat is a row of audioFormats.
type audioFormat struct {
	name string
	// accepted formats may be uploaded, and package audiofile detects them. The
	// others occur in recordings from other systems.
	accepted bool
	// spellings are other names of the same type, which match it in an Accept
	// header.
	spellings []string
	// aliases are other types that clients and stores use for the format.
	aliases []string
	// extensions are the format's file extensions, without a dot, the usual one first.
	extensions []string
}

// audioFormats is the table of the formats of audio, with their names, aliases
// and file extensions. All other packages use it.
var audioFormats = []audioFormat{
	{
		name: AudioMPEG, accepted: true,
		aliases:    []string{"audio/mp3", "audio/mpeg3", "audio/x-mp3", "audio/x-mpeg", "audio/x-mpeg-3"},
		extensions: []string{"mp3"},
	},
	{
		name: AudioWAV, accepted: true,
		spellings:  []string{"audio/wave", "audio/vnd.wave"},
		aliases:    []string{"audio/x-wav", "audio/x-pn-wav"},
		extensions: []string{"wav"},
	},
	{
		name: AudioOgg, accepted: true,
		aliases:    []string{"application/ogg", "video/ogg", "audio/opus", "audio/vorbis", "audio/x-ogg"},
		extensions: []string{"ogg", "oga", "opus"},
	},
	{
		name: AudioMP4, accepted: true,
		aliases:    []string{"video/mp4", "audio/m4a", "audio/x-m4a", "audio/mp4a-latm"},
		extensions: []string{"m4a", "mp4"},
	},
	{name: "audio/aac", extensions: []string{"aac"}},
	{name: "audio/flac", aliases: []string{"audio/x-flac"}, extensions: []string{"flac"}},
	{name: "audio/webm", aliases: []string{"video/webm"}, extensions: []string{"webm"}},
	{name: "audio/amr", extensions: []string{"amr"}},
	{name: "audio/basic", extensions: []string{"au"}},
}

// formatOf finds the row of a media type in lower case, without parameters.
func formatOf(mediaType string) (audioFormat, bool) {
	i := slices.IndexFunc(audioFormats, func(f audioFormat) bool {
		return f.name == mediaType || slices.Contains(f.spellings, mediaType) || slices.Contains(f.aliases, mediaType)
	})
	if i < 0 {
		return audioFormat{}, false
	}
	return audioFormats[i], true
}

// AudioTypes returns the media types of the formats that are accepted.
func AudioTypes() []string {
	var names []string
	for _, f := range audioFormats {
		if f.accepted {
			names = append(names, f.name)
		}
	}
	return names
}

// AudioType returns the name under which audio of a media type is served: for
// "audio/x-wav" it is "audio/wav". The type may have parameters. ok is false
// unless the format is accepted.
func AudioType(text string) (name string, ok bool) {
	mediaType, _, err := mime.ParseMediaType(text)
	if err != nil {
		return "", false
	}
	if f, _ := formatOf(mediaType); f.accepted {
		return f.name, true
	}
	return "", false
}

// AudioName returns the name of the format of a media type, including formats
// that are not accepted: for "video/webm" it is "audio/webm". The media type is
// in lower case, without parameters. The name is "" for an unknown type.
func AudioName(mediaType string) string {
	f, _ := formatOf(mediaType)
	return f.name
}

// AudioSpelling returns the usual spelling of a media type: for "audio/wave" it
// is "audio/wav". It returns any other type unchanged.
func AudioSpelling(mediaType string) string {
	for _, f := range audioFormats {
		if slices.Contains(f.spellings, mediaType) {
			return f.name
		}
	}
	return mediaType
}

// AudioNames returns all names of the format of a media type, or of all accepted
// formats for "". The media type is in lower case, without parameters. The result
// is empty for an unknown type.
func AudioNames(mediaType string) []string {
	var names []string
	for _, f := range audioFormats {
		own := append(append([]string{f.name}, f.spellings...), f.aliases...)
		if mediaType == "" && f.accepted || slices.Contains(own, mediaType) {
			names = append(names, own...)
		}
	}
	return names
}

// AudioExtension returns the usual file extension of a media type, without a dot,
// or "" if the type is unknown. The type is in lower case, without parameters. For
// an alias that is also an extension of the format, it returns that extension:
// "opus" for "audio/opus", although the format is Ogg.
func AudioExtension(mediaType string) string {
	f, ok := formatOf(mediaType)
	if !ok {
		return ""
	}
	if _, sub, _ := strings.Cut(mediaType, "/"); mediaType != f.name && slices.Contains(f.extensions, sub) {
		return sub
	}
	return f.extensions[0]
}

// IsAudioExtension reports whether files of a format in the table have the
// extension. It is in lower case and has no dot.
func IsAudioExtension(extension string) bool {
	return slices.ContainsFunc(audioFormats, func(f audioFormat) bool { return slices.Contains(f.extensions, extension) })
}

// AudioExtensions returns the extensions of files of the accepted formats,
// without a dot.
func AudioExtensions() []string {
	var all []string
	for _, f := range audioFormats {
		if f.accepted {
			all = append(all, f.extensions...)
		}
	}
	return all
}
