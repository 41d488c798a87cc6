package httpfield

import (
	"slices"
	"sort"
	"strconv"
	"strings"
)

// MediaRange is one element of an Accept field.
type MediaRange struct {
	// Type and Subtype are in lower case. "*" matches any.
	Type, Subtype string
	// Quality is a weight from 0 to 1; 0 excludes the range.
	Quality float64
}

// Preferences are the media ranges that a client accepts, most preferred first.
type Preferences []MediaRange

// AcceptsAll are the preferences of a client without preferences.
var AcceptsAll = Preferences{{Type: "*", Subtype: "*", Quality: 1}}

// ParseAccept parses an Accept field (RFC 9110, 12.5.1). Elements with a higher quality
// come first; among elements of equal quality the last wins, as in Kazoo. Malformed
// elements are skipped; the result is nil if no elements remain. aliases maps short
// names to the media ranges that they stand for, and may be nil.
func ParseAccept(value string, aliases map[string]string) Preferences {
	var p Preferences
	for element := range Elements(value, ',') {
		if m, ok := parseMediaRange(element, aliases); ok {
			p = append(p, m)
		}
	}
	slices.Reverse(p)
	// slices.SortStableFunc would be compiled once more for this type, 4 KB of each function.
	sort.SliceStable(p, func(a, b int) bool { return p[a].Quality > p[b].Quality })
	return p
}

// Choose returns the index of the offer that the client prefers, or -1 if it
// accepts none. An offer lists the media types that select it, starting with
// the type of the answer. "audio/*" in an offer stands for any audio type. If a
// range accepts several offers, the first one wins. A type that a more specific
// range excludes with quality 0 is not chosen through a wildcard (RFC 9110,
// 12.5.1).
func (p Preferences) Choose(offers ...[]string) int {
	for _, m := range p {
		if m.Quality == 0 {
			continue
		}
		for i, types := range offers {
			if slices.ContainsFunc(types, m.matches) && !p.exclude(types[0], m) {
				return i
			}
		}
	}
	return -1
}

// exclude reports whether a range that is more specific than accepting excludes
// the type t. Excluding a single audio type does not exclude "audio/*".
func (p Preferences) exclude(t string, accepting MediaRange) bool {
	return slices.ContainsFunc(p, func(m MediaRange) bool {
		return m.Quality == 0 && m.wildcards() < accepting.wildcards() && m.matches(t) &&
			(m.Subtype == "*" || !strings.HasSuffix(t, "/*"))
	})
}

// matches reports whether m covers the media type t. It ignores the prefix "x-",
// which many types lost when they were registered (RFC 6648).
func (m MediaRange) matches(t string) bool {
	major, sub, _ := strings.Cut(t, "/")
	switch {
	case m.Type == "*":
		return true
	case m.Type != major:
		return false
	}
	return m.Subtype == "*" || sub == "*" || strings.TrimPrefix(m.Subtype, "x-") == strings.TrimPrefix(sub, "x-")
}

// wildcards counts the wildcards in m.
func (m MediaRange) wildcards() int {
	n := 0
	if m.Type == "*" {
		n++
	}
	if m.Subtype == "*" {
		n++
	}
	return n
}

// parseMediaRange parses an element such as "audio/mpeg;q=0.5". It ignores
// parameters other than q and those that follow q.
func parseMediaRange(element string, aliases map[string]string) (m MediaRange, ok bool) {
	m.Quality = 1
	first := true
	for field := range Elements(element, ';') {
		if first {
			first = false
			if !m.setType(strings.ToLower(field), aliases) {
				return m, false
			}
			continue
		}
		name, value, _ := strings.Cut(field, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			m.Quality, ok = parseQuality(strings.TrimSpace(value))
			return m, ok
		}
	}
	return m, !first
}

// setType parses "type/subtype", an alias, or a lone "*", which old Java clients
// send in place of "*/*".
func (m *MediaRange) setType(text string, aliases map[string]string) bool {
	if full, ok := aliases[text]; ok {
		text = full
	}
	if text == "*" {
		text = "*/*"
	}
	var ok bool
	m.Type, m.Subtype, ok = strings.Cut(text, "/")
	return ok && IsToken(m.Type) && IsToken(m.Subtype) && (m.Type != "*" || m.Subtype == "*")
}

// parseQuality parses a weight (RFC 9110, 12.4.2). It also accepts ".2", which old
// clients send.
func parseQuality(text string) (float64, bool) {
	if text == "" || strings.Trim(text, "0123456789.") != "" {
		return 0, false
	}
	q, err := strconv.ParseFloat(text, 64)
	return q, err == nil && q <= 1
}

// EssenceOf returns a media type in lower case and without its parameters.
func EssenceOf(mediaType string) string {
	essence, _, _ := strings.Cut(mediaType, ";")
	return strings.ToLower(strings.TrimSpace(essence))
}
