package api

import (
	"strings"
	"sync"

	"github.com/callrecordings/api/shared/httpfield"
	"github.com/callrecordings/api/shared/recording"
)

// form is the kind of representation that an answer carries.
type form int

const (
	formDocument form = iota // JSON in the envelope
	formAudio                // the audio itself
	formCSV                  // a list as text/csv
)

// offer is a form of an answer with the media types that select it, starting
// with the type of the answer. "audio/*" stands for any audio type.
type offer struct {
	form  form
	types []string
}

// The offers. The names are Kazoo's (kazoo.md, 1.3 and 1.6).
var (
	offerDocument = offer{formDocument, []string{"application/json", "application/x-json"}}
	offerCSV      = offer{formCSV, []string{"text/csv", "text/comma-separated-values", "application/octet-stream"}}
)

// offerAnyAudio returns the offer of audio before its type is known: any audio type, and
// the other names of accepted formats, such as application/ogg.
var offerAnyAudio = sync.OnceValue(func() offer {
	return offer{formAudio, append([]string{"audio/*"}, recording.AudioNames("")...)}
})

// offerAudio returns the offer for audio of the media type own. Every name of the
// format selects it. As in Kazoo, a client that asks for MP3 also gets other types.
func offerAudio(own string) offer {
	own = httpfield.EssenceOf(own)
	types := append([]string{respell(own)}, recording.AudioNames(own)...)
	return offer{formAudio, append(types, recording.AudioMPEG, "audio/mp3")}
}

// respell returns the canonical name of an audio type, so that audio/x-wav,
// audio/vnd.wave and audio/wave match audio/wav. It returns other types unchanged.
func respell(mediaType string) string {
	const audio = "audio/"
	subtype, ok := strings.CutPrefix(mediaType, audio)
	if !ok {
		return mediaType
	}
	return recording.AudioSpelling(audio + strings.TrimPrefix(subtype, "x-"))
}

// acceptAliases are the short names that ?accept= takes in place of media types
// (contract, Document or audio, and List).
var acceptAliases = map[string]string{
	"json":  "application/json",
	"mp3":   recording.AudioMPEG,
	"mpeg":  recording.AudioMPEG,
	"audio": "audio/*",
	"csv":   "text/csv",
}

// preferences are the media types that a client accepts, most preferred first.
type preferences httpfield.Preferences

// preferencesOf returns the preferences of a request. They come from parameter (the
// value of ?accept=), else from the Accept header; by default every type is accepted
// (kazoo.md, 1.6). A value without a valid element counts as absent.
func preferencesOf(parameter string, header []string) preferences {
	p := httpfield.ParseAccept(parameter, acceptAliases)
	if p == nil {
		p = httpfield.ParseAccept(strings.Join(header, ","), nil)
	}
	if p == nil {
		return preferences(httpfield.AcceptsAll)
	}
	for i, m := range p {
		if m.Type == "audio" {
			_, p[i].Subtype, _ = strings.Cut(respell(m.Type+"/"+m.Subtype), "/")
		}
	}
	return preferences(p)
}

// choose returns the form that the client prefers. Errors: 406 if it does not accept
// any of the offers.
func (p preferences) choose(offers ...offer) (form, error) {
	types := make([][]string, 0, 2)
	for _, o := range offers {
		types = append(types, o.types)
	}
	i := httpfield.Preferences(p).Choose(types...)
	if i < 0 {
		return 0, notAcceptable(offers)
	}
	return offers[i].form, nil
}

// acceptsDocument returns the 406 for a client that does not accept JSON, the only type of
// an answer.
func (r *request) acceptsDocument() error {
	_, err := preferencesOf(r.URL.Query().Get("accept"), r.Header.Values("Accept")).choose(offerDocument)
	return err
}
