package recording_test

import (
	"slices"
	"testing"

	"github.com/callrecordings/api/shared/recording"
)

func TestAudioType(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"audio/mpeg": "audio/mpeg", "AUDIO/MP3": "audio/mpeg", "audio/ogg; codecs=opus": "audio/ogg", "audio/vnd.wave": "audio/wav",
		"audio/x-m4a": "audio/mp4", "video/mp4": "audio/mp4", "text/html": "", "": "", "mp3": "", "audio/amr": "",
	} {
		if got, ok := recording.AudioType(text); got != want || ok != (want != "") {
			t.Errorf("AudioType(%q) = %q, %v, want %q", text, got, ok, want)
		}
	}
}

func TestAudioName(t *testing.T) {
	t.Parallel()
	for mediaType, want := range map[string]string{
		"audio/mpeg": "audio/mpeg", "application/ogg": "audio/ogg", "video/ogg": "audio/ogg", "video/mp4": "audio/mp4",
		"video/webm": "audio/webm", "audio/x-flac": "audio/flac", "text/html": "", "": "",
	} {
		if got := recording.AudioName(mediaType); got != want {
			t.Errorf("AudioName(%q) = %q, want %q", mediaType, got, want)
		}
	}
}

func TestAudioExtension(t *testing.T) {
	t.Parallel()
	for mediaType, want := range map[string]string{
		"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/ogg": "ogg", "audio/opus": "opus",
		"audio/mp4": "m4a", "audio/x-m4a": "m4a", "audio/aac": "aac", "audio/flac": "flac", "audio/x-flac": "flac",
		"audio/webm": "webm", "audio/amr": "amr", "audio/basic": "au", "audio/x-strange": "", "": "",
	} {
		got := recording.AudioExtension(mediaType)
		if got != want || want != "" && !recording.IsAudioExtension(want) {
			t.Errorf("AudioExtension(%q) = %q, want %q", mediaType, got, want)
		}
	}
	for _, extension := range []string{"", "exe", "html", ".mp3"} {
		if recording.IsAudioExtension(extension) {
			t.Errorf("IsAudioExtension(%q) = true", extension)
		}
	}
}

func TestAudioTypesHaveTheirNameAndExtension(t *testing.T) {
	t.Parallel()
	extensions := recording.AudioExtensions()
	for _, name := range recording.AudioTypes() {
		if got, ok := recording.AudioType(name); !ok || got != name || recording.AudioName(name) != name {
			t.Errorf("AudioType(%q) = %q, %v", name, got, ok)
		}
		if extension := recording.AudioExtension(name); !slices.Contains(extensions, extension) {
			t.Errorf("AudioExtension(%q) = %q, which is not among %q", name, extension, extensions)
		}
	}
	slices.Sort(extensions)
	if want := []string{"m4a", "mp3", "mp4", "oga", "ogg", "opus", "wav"}; !slices.Equal(extensions, want) {
		t.Errorf("AudioExtensions() = %q, want %q", extensions, want)
	}
}
