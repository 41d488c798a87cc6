package api

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/callrecordings/api/shared/httpfield"
	"github.com/callrecordings/api/shared/recording"
)

// maxFileName is the longest file name that an answer suggests, in bytes. It is
// below the limit of common file systems, so that a browser can add " (1)".
const maxFileName = 200

// moreExtensions are audio extensions that are missing from the table of formats.
var moreExtensions = []string{"wave", "gsm", "audio"}

// audioFileName returns the file name for audio of type contentType: wanted in a safe
// form, or the recording's id if nothing of wanted remains. The name always has an
// audio extension, so that the file cannot be mistaken for a program.
func audioFileName(wanted, id, contentType string) string {
	name := safeName(wanted)
	if name == "" {
		name = safeName(id)
	}
	extension := ""
	if dot := strings.LastIndexByte(name, '.'); dot > 0 {
		extension = strings.ToLower(name[dot:])
	}
	if !isAudioExtension(extension) {
		extension = "." + cmp.Or(recording.AudioExtension(httpfield.EssenceOf(contentType)), "audio")
		name += extension
	}
	if len(name) > maxFileName {
		name = cutUTF8(name[:len(name)-len(extension)], maxFileName-len(extension)) + name[len(name)-len(extension):]
	}
	return name
}

// isAudioExtension reports whether an extension, including its dot, is an audio
// extension.
func isAudioExtension(extension string) bool {
	name, ok := strings.CutPrefix(extension, ".")
	return ok && (recording.IsAudioExtension(name) || slices.Contains(moreExtensions, name))
}

// csvFileName returns the file name of a list as CSV: wanted in a safe form, or
// recordings.csv if nothing of wanted remains. The name always ends in .csv.
func csvFileName(wanted string) string {
	const extension = ".csv"
	name := safeName(wanted)
	if name == "" {
		return "recordings" + extension
	}
	if !strings.HasSuffix(strings.ToLower(name), extension) {
		name += extension
	}
	if len(name) > maxFileName {
		name = cutUTF8(name, maxFileName-len(extension)) + extension
	}
	return name
}

// safeName makes a file name of text. It replaces path separators and characters
// that Windows does not allow, removes invisible ones (controls, bidirectional
// overrides, other formats, line separators), and trims dots and spaces.
func safeName(text string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, strings.ContainsRune(`/\:*?"<>|`, r):
			return '_'
		case unicode.IsSpace(r) && r != '\n' && r != '\r':
			return ' '
		case !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, text)
	return strings.Trim(name, ". ")
}

// cutUTF8 shortens text to at most n bytes without splitting a character.
func cutUTF8(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
