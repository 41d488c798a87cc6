package kazootest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// shape is the form of an answer.
type shape int

const (
	asDocument shape = iota
	asAudio
	// asNothing is 200 without a body, the result when Kazoo's two layers disagree
	// (1.6).
	asNothing
	// notAcceptable is 406.
	notAcceptable
)

// offer is a media type that clients can accept, with the form of its answer.
type offer struct {
	media string
	shape shape
}

// The types of lists and of recordings (1.3).
var (
	listTypes = []offer{{"application/json", asDocument}, {"application/x-json", asDocument}}
	itemTypes = append(slices.Clone(listTypes), offer{"audio/mpeg", asAudio}, offer{"audio/mp3", asAudio})
)

// choose returns the form of an answer (1.6). Two layers decide: cowboy uses only
// the Accept header. Kazoo then uses the accept parameter if it is valid, and the
// header otherwise.
func choose(header, tunneled string, offers []offer) shape {
	accepted, _ := mediaRanges(header)
	cowboy := negotiate(accepted, offers)
	if cowboy == notAcceptable {
		return notAcceptable
	}
	if instead, ok := mediaRanges(tunneled); ok {
		accepted = instead
	}
	kazoo := asDocument
	for _, m := range accepted {
		if at := slices.IndexFunc(offers, func(o offer) bool { return o.media == m.media }); at >= 0 {
			kazoo = offers[at].shape
			break
		}
		if m.media == "*/*" {
			break
		}
	}
	if kazoo == asDocument && cowboy == asAudio {
		return asNothing
	}
	return kazoo
}

// negotiate chooses as cowboy does. Without an Accept header, it takes the first
// offer.
func negotiate(accepted []mediaRange, offers []offer) shape {
	if len(accepted) == 0 {
		return offers[0].shape
	}
	for _, m := range accepted {
		if m.quality == 0 || m.parameters {
			continue
		}
		kind, _, _ := strings.Cut(m.media, "/")
		for _, o := range offers {
			if m.media == o.media || m.media == "*/*" || m.media == kind+"/*" && strings.HasPrefix(o.media, kind+"/") {
				return o.shape
			}
		}
	}
	return notAcceptable
}

// mediaRange is an element of an Accept header.
type mediaRange struct {
	media      string
	quality    int // 0 to 1000
	parameters bool
}

// mediaRanges parses an Accept header and sorts its elements by quality, highest
// first. Among elements of equal quality, the last in the header comes first. It
// returns false if text is invalid.
func mediaRanges(text string) ([]mediaRange, bool) {
	var out []mediaRange
	for part := range strings.SplitSeq(text, ",") {
		fields := strings.Split(part, ";")
		m := mediaRange{media: strings.ToLower(strings.TrimSpace(fields[0])), quality: 1000}
		if kind, sub, ok := strings.Cut(m.media, "/"); !ok || kind == "" || sub == "" || strings.ContainsAny(m.media, " \t") {
			return nil, false
		}
		for _, f := range fields[1:] {
			name, value, _ := strings.Cut(strings.TrimSpace(f), "=")
			if name != "q" {
				m.parameters = true
				continue
			}
			q, err := strconv.ParseFloat(value, 64)
			if err != nil || q < 0 || q > 1 {
				return nil, false
			}
			m.quality = int(q * 1000)
		}
		out = append(out, m)
	}
	slices.SortStableFunc(out, func(a, b mediaRange) int { return cmp.Compare(a.quality, b.quality) })
	slices.Reverse(out)
	return out, true
}
