// Package namepattern reads the facts about a call from the name of its file:
// call ID, caller, callee, times and user, as the PBX wrote them.
//
// A [Pattern] describes a layout of names. Outside of braces and brackets, a
// character stands for itself.
//
//	{field}          a public field, or another name of one (recording.Call): one
//	                 or more characters without a slash
//	{start:FORMAT}   a time as strftime writes it: %Y %y %m %d %H %M %S %b %s
//	{id}             the ID of a recording, YYYYMM-…
//	{ext}            the extension; "json" for a sidecar file
//	{labels}         parts such as from=1001, separated by & or ; or /
//	{*}              anything without a slash
//	{**}             anything
//	[…]              optional
//
// Percent escapes in a name are decoded in the values after the match, so an
// escaped slash does not separate anything. A match only ever applies to the
// account that the file was found in.
package namepattern

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/recording"
)

// ErrPattern means that a pattern is invalid.
var ErrPattern = errors.New("not a pattern of file names")

// ErrZone means that a time zone is unknown.
var ErrZone = errors.New("not a time zone")

// MaxName is the most bytes of a name; longer ones match nothing. Keys in S3 have
// the same limit.
const MaxName = 1024

// Pattern is one layout of names. It is safe for concurrent use.
type Pattern struct {
	text   string
	expr   *regexp.Regexp
	groups []group // of expr, from 1
}

// group is a part of a name that becomes a field.
type group struct {
	field string
	// layout of a time as in package time; unix for seconds since 1970; "" for
	// other fields.
	layout string
}

const (
	labels = "labels"
	unix   = "unix"
)

// String returns the text of the pattern.
func (p Pattern) String() string { return p.text }

// Set is a list of patterns, tried in order, and the time zone of times without
// one.
type Set struct {
	Patterns []Pattern
	// Zone of the PBX's clock; nil stands for UTC.
	Zone *time.Location
	// more returns patterns to try after Patterns.
	more func() []Pattern
}

// Open returns a set of the patterns in own, separated by white space, followed
// by [Known]. zone is the name of an IANA time zone, "" for UTC. Errors:
// ErrPattern, ErrZone.
func Open(own, zone string) (Set, error) {
	at, err := time.LoadLocation(zone)
	if err != nil {
		return Set{}, fmt.Errorf("%w: %q", ErrZone, zone)
	}
	s, err := Parse(own, at)
	s.more = known
	return s, err
}

// known returns the patterns of [Known]. They are compiled when the first name is
// read, to save time at the start of a function.
var known = sync.OnceValue(func() []Pattern {
	s, err := Parse(Known, nil)
	if err != nil { // tests prevent this
		return nil
	}
	return s.Patterns
})

// Parse reads patterns, separated by white space. Error: ErrPattern.
func Parse(text string, zone *time.Location) (Set, error) {
	s := Set{Zone: zone}
	for _, one := range strings.Fields(text) {
		p, err := compile(one)
		if err != nil {
			return Set{}, fmt.Errorf("%w: %q: %w", ErrPattern, one, err)
		}
		s.Patterns = append(s.Patterns, p)
	}
	return s, nil
}

// Name holds the facts in a file name.
type Name struct {
	// Call holds the fields of the call. Its "name" is the file's own name, with
	// the extension.
	Call recording.Call
	// Stem is the name without its extension. Audio and its sidecar have the same
	// stem.
	Stem string
	// Ext is the extension in lower case, without the dot; "" if there is none.
	Ext string
}

// Match reads a name, which has slashes between folders. Patterns do not see
// empty folders: Kazoo writes one in front of the name if the setting of its base
// folder ends in a slash. It returns false if no pattern matches.
func (s Set) Match(name string) (Name, bool) {
	if len(name) > MaxName {
		return Name{}, false
	}
	folders := slices.DeleteFunc(strings.Split(name, "/"), func(folder string) bool { return folder == "" })
	path := strings.Join(folders, "/")
	call, ok := s.first(s.Patterns, path)
	if !ok && s.more != nil {
		call, ok = s.first(s.more(), path)
	}
	if !ok {
		return Name{}, false
	}
	return newName(name, call), true
}

// Call returns the fields of the call that Match finds.
func (s Set) Call(name string) (recording.Call, bool) {
	n, ok := s.Match(name)
	return n.Call, ok
}

// first reads a name by the first pattern that matches.
func (s Set) first(patterns []Pattern, name string) (recording.Call, bool) {
	for _, p := range patterns {
		if call, ok := p.match(name, s.Zone); ok {
			return call, true
		}
	}
	return nil, false
}

// Unmatched returns the Name of a file that no pattern matches.
func Unmatched(name string) Name { return newName(name, recording.Call{}) }

func newName(name string, call recording.Call) Name {
	ext := path.Ext(name)
	n := Name{Call: call, Stem: recording.Stem(name), Ext: strings.ToLower(strings.TrimPrefix(ext, "."))}
	delete(call, "ext")
	if given := call["name"]; given != "" && !strings.HasSuffix(given, ext) {
		call["name"] = given + ext
	}
	call.Set("name", unescape(path.Base(name)))
	return n
}

// match reads a name by one pattern.
func (p Pattern) match(name string, zone *time.Location) (recording.Call, bool) {
	found := p.expr.FindStringSubmatch(name)
	if found == nil {
		return nil, false
	}
	call := recording.Call{}
	for i, g := range p.groups {
		value := found[i+1]
		switch {
		case value == "":
		case g.field == labels:
			readLabels(call, value)
		case g.layout != "":
			text, ok := readTime(g.layout, value)
			if !ok {
				return nil, false
			}
			call.Set(g.field, text)
		default:
			call.Set(g.field, unescape(value))
		}
	}
	if _, err := call.ID(); err != nil {
		return nil, false
	}
	call, _ = call.In(zone) // a label's value may be anything
	return call, true
}

// readLabels reads name=value parts, and ignores parts without a name.
func readLabels(call recording.Call, text string) {
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '&' || r == ';' || r == '/' }) {
		if name, value, ok := strings.Cut(part, "="); ok {
			call.Set(name, unescape(value))
		}
	}
}

// readTime reads a time by its layout, and returns it in a form that
// recording.Call.In reads: without a zone, unless it is a number.
func readTime(layout, value string) (string, bool) {
	if layout == unix {
		_, err := recording.ParseTime(value)
		return value, err == nil
	}
	at, err := time.Parse(layout, value)
	return at.Format("2006-01-02T15:04:05"), err == nil
}

// unescape decodes percent escapes; it returns a value with an invalid one
// unchanged.
func unescape(value string) string {
	if d, err := url.PathUnescape(value); err == nil {
		return d
	}
	return value
}
