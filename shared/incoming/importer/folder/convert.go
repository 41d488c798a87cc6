package folder

import (
	"fmt"
	"path"
	"strings"

	"github.com/callrecordings/api/shared/incoming/importer"
)

// convertible maps the extensions of audio that is not imported to the options with
// which ffmpeg reads it. Audio without a header needs its format; Asterisk records it
// with 8000 samples a second, unless the extension has another number.
var convertible = map[string]string{
	".aac": "", ".ac3": "", ".aif": "", ".aiff": "", ".amr": "", ".au": "", ".awb": "", ".caf": "", ".dss": "", ".flac": "",
	".mka": "", ".mkv": "", ".mov": "", ".ra": "", ".spx": "", ".voc": "", ".webm": "", ".wma": "",
	".al": "-f alaw -ar 8000", ".alaw": "-f alaw -ar 8000", ".pcma": "-f alaw -ar 8000",
	".mu": "-f mulaw -ar 8000", ".ul": "-f mulaw -ar 8000", ".ulaw": "-f mulaw -ar 8000", ".pcmu": "-f mulaw -ar 8000", ".pcm": "-f mulaw -ar 8000",
	".g722": "-f g722", ".g729": "-f g729", ".gsm": "-f gsm",
	".raw": "-f s16le -ar 8000", ".sln": "-f s16le -ar 8000", ".sln12": "-f s16le -ar 12000", ".sln16": "-f s16le -ar 16000",
	".sln24": "-f s16le -ar 24000", ".sln32": "-f s16le -ar 32000", ".sln44": "-f s16le -ar 44100", ".sln48": "-f s16le -ar 48000",
}

// notTaken returns why a file is not imported: its extension is not one of supported audio. If
// ffmpeg can convert the file, the error has the command.
func notTaken(name string) error {
	extension := path.Ext(name)
	options, ok := convertible[strings.ToLower(extension)]
	if !ok {
		return errNotAudio
	}
	if options != "" {
		options += " "
	}
	to := strings.TrimSuffix(name, extension) + ".wav"
	return fmt.Errorf("%w: %s is not a supported type; convert it: ffmpeg %s-i %s %s",
		importer.ErrRefused, extension, options, shellQuoted(name), shellQuoted(to))
}

// shellQuoted quotes a file name for a POSIX shell, if necessary. A name that begins
// with a hyphen would be an option.
func shellQuoted(name string) string {
	if strings.HasPrefix(name, "-") {
		name = "./" + name
	}
	for _, c := range name {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-+,@%", c) {
			return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
		}
	}
	return name
}
