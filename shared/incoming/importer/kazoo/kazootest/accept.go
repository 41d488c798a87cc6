package kazootest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// shape is what an answer is made as.
type shape int

const (
	asDocument shape = iota
	asAudio
	// asNothing is 200 without a body, where Kazoo's two layers differ (1.6).
	asNothing
	// asRefused is 406.
	asRefused
)

// offer is a type that can be asked for, and what it stands for.
type offer struct {
	media string
	shape shape
}

// What a recording and a list come as (1.3).
var (
	listTypes = []offer{{"application/json", asDocument}, {"application/x-json", asDocument}}
	itemTypes = append(slices.Clone(listTypes), offer{"audio/mpeg", asAudio}, offer{"audio/mp3", asAudio})
)

// choose decides what to answer with (1.6): cowboy looks at the header alone, and
// then Kazoo at the parameter, else at the header.
func choose(header, tunneled string, offers []offer) shape {
	asked, _ := mediaRanges(header)
	cowboy := negotiate(asked, offers)
	if cowboy == asRefused {
		return asRefused
	}
	if instead, ok := mediaRanges(tunneled); ok {
		asked = instead
	}
	kazoo := asDocument
	for _, m := range asked {
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

// negotiate is cowboy's part of it; what was not asked for is the first offer.
func negotiate(asked []mediaRange, offers []offer) shape {
	if len(asked) == 0 {
		return offers[0].shape
	}
	for _, m := range asked {
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
	return asRefused
}

// mediaRange is an item of an Accept header.
type mediaRange struct {
	media      string
	quality    int // 0 to 1000
	parameters bool
}

// mediaRanges reads an Accept header, the highest quality first, and of the same
// the last written first.
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
