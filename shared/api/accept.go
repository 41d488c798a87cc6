package api

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"callrecordings/shared/recording"
)

// form is a way in which an answer can be given.
type form int

const (
	formDocument form = iota // JSON in the envelope
	formAudio                // the sound itself
	formCSV                  // a list as text/csv
)

// offer is one form of an answer with the media types that ask for it, first
// the one that it is sent as. "audio/*" stands for every type of that kind.
type offer struct {
	form  form
	types []string
}

// What can be offered. The names are Kazoo's (kazoo.md, 1.3 and 1.6).
var (
	offerDocument = offer{formDocument, []string{"application/json", "application/x-json"}}
	offerCSV      = offer{formCSV, []string{"text/csv", "text/comma-separated-values", "application/octet-stream"}}
	// offerAnyAudio is audio whose type is not known yet.
	offerAnyAudio = offer{formAudio, []string{"audio/*"}}
)

// offerAudio is audio of the type own; Kazoo's names get it whatever that is.
func offerAudio(own string) offer {
	return offer{formAudio, []string{plainType(own), recording.AudioMPEG, "audio/mp3"}}
}

// shortNames are what ?accept= takes beside media types (contract, Document
// or audio, and List).
var shortNames = map[string]string{
	"json":  "application/json",
	"mp3":   recording.AudioMPEG,
	"mpeg":  recording.AudioMPEG,
	"audio": "audio/*",
	"csv":   "text/csv",
}

// mediaRange is one element of an Accept header.
type mediaRange struct {
	kind, sub string  // lower case; "*" stands for any
	quality   float64 // 0 to 1; 0 excludes
}

// wish is what a client accepts, the dearest first.
type wish []mediaRange

// anything is the wish of a client that says nothing.
var anything = wish{{kind: "*", sub: "*", quality: 1}}

// wishOf reads what the client accepts: tunneled, the value of ?accept=, if
// it can be read, else the Accept header, else anything (kazoo.md, 1.6).
// Elements that cannot be read are passed over.
func wishOf(tunneled string, header []string) wish {
	if w := parseAccept(tunneled, shortNames); w != nil {
		return w
	}
	if w := parseAccept(strings.Join(header, ","), nil); w != nil {
		return w
	}
	return anything
}

// choose returns the offer that w likes best. Qualities go first, of equal
// ones the last that was written, as in Kazoo; of the offers that one range
// allows, the first. What a more particular range refuses with quality 0 is
// not given under a wildcard (RFC 9110, 12.5.1).
func (w wish) choose(offers ...offer) (form, bool) {
	for _, want := range w {
		for _, o := range offers {
			if want.quality > 0 && slices.ContainsFunc(o.types, want.allows) && !w.refuses(o.types[0], want) {
				return o.form, true
			}
		}
	}
	return 0, false
}

// refuses reports whether w refuses the type t by a range that is more
// particular than want. That one type is refused does not refuse the "audio/*"
// of an offer.
func (w wish) refuses(t string, want mediaRange) bool {
	return slices.ContainsFunc(w, func(m mediaRange) bool {
		return m.quality == 0 && m.stars() < want.stars() && m.allows(t) &&
			(m.sub == "*" || !strings.HasSuffix(t, "/*"))
	})
}

// allows reports whether the range m takes in the media type t.
func (m mediaRange) allows(t string) bool {
	kind, sub, _ := strings.Cut(t, "/")
	switch {
	case m.kind == "*":
		return true
	case m.kind != kind:
		return false
	}
	return m.sub == "*" || sub == "*" || plainSub(m.sub) == plainSub(sub)
}

// stars counts the wildcards in m.
func (m mediaRange) stars() int {
	n := 0
	if m.kind == "*" {
		n++
	}
	if m.sub == "*" {
		n++
	}
	return n
}

// parseAccept reads a list of media ranges, best first; nil if nothing in it
// can be read. Whole elements may be one of the short names.
func parseAccept(text string, short map[string]string) wish {
	var w wish
	for element := range fieldsOf(text, ',') {
		if m, ok := parseRangeElement(element, short); ok {
			w = append(w, m)
		}
	}
	slices.Reverse(w)
	slices.SortStableFunc(w, func(a, b mediaRange) int { return cmp.Compare(b.quality, a.quality) })
	return w
}

// parseRangeElement reads "audio/mpeg;q=0.5". Parameters other than q do not
// choose between answers here. A lone "*", as old Java clients send it, is
// "*/*".
func parseRangeElement(element string, short map[string]string) (mediaRange, bool) {
	m := mediaRange{quality: 1}
	first := true
	for field := range fieldsOf(element, ';') {
		if first {
			first = false
			if !m.setType(strings.ToLower(field), short) {
				return m, false
			}
			continue
		}
		name, value, _ := strings.Cut(field, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			q, ok := parseQuality(strings.TrimSpace(value))
			m.quality = q
			return m, ok // what follows the weight is no part of the range
		}
	}
	return m, !first
}

// setType takes the type out of "kind/sub", a short name or "*".
func (m *mediaRange) setType(text string, short map[string]string) bool {
	if long, ok := short[text]; ok {
		text = long
	}
	if text == "*" {
		text = "*/*"
	}
	var ok bool
	m.kind, m.sub, ok = strings.Cut(text, "/")
	return ok && isToken(m.kind) && isToken(m.sub) && (m.kind != "*" || m.sub == "*")
}

// parseQuality reads a weight of RFC 9110, 12.4.2, and the ".2" of old
// clients with it.
func parseQuality(text string) (float64, bool) {
	if text == "" || strings.Trim(text, "0123456789.") != "" {
		return 0, false
	}
	q, err := strconv.ParseFloat(text, 64)
	return q, err == nil && q <= 1
}

// plainType is the media type of value, lower case and without parameters.
func plainType(value string) string {
	essence, _, _ := strings.Cut(value, ";")
	return strings.ToLower(strings.TrimSpace(essence))
}

// plainSub returns the usual spelling of a subtype of audio, and any other
// without an "x-". So audio/x-wav, audio/vnd.wave and audio/wave all match
// audio/wav.
func plainSub(sub string) string {
	const audio = "audio/"
	return strings.TrimPrefix(recording.AudioSpelling(audio+strings.TrimPrefix(sub, "x-")), audio)
}
